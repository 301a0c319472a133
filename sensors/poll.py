"""The sensor that polls Daily: what webhooks told is found again, what they didn't tell is found at all."""

import dagster as dg

from domain.errors import PermanentError, TransientError
from reflector_assets.settings.main import Settings
from resources.daily.api import DailyAPI
from resources.daily.polling import poll
from resources.database.inbox import Inbox

# Dagster ends a tick after 60 s; what is left is read at the next one.
TICK_BUDGET_S = 25.0


def build(settings: Settings) -> dg.SensorDefinition:
    """Make the sensor; its interval is a setting."""

    @dg.sensor(
        minimum_interval_seconds=settings.poll_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reads Daily's list of recordings into the inbox, and asks again about unfinished ones.",
    )
    def poll_daily(daily_api: DailyAPI, inbox: Inbox) -> dg.SkipReason:
        if settings.daily_api_key is None:
            return dg.SkipReason("DAILY_API_KEY isn't set: recordings arrive by webhook or import only")
        try:
            done = poll(daily_api, inbox, TICK_BUDGET_S)
        except PermanentError as error:
            return dg.SkipReason(f"Daily refuses: {error}")
        except TransientError as error:
            return dg.SkipReason(f"later: {error}")
        more = "" if done.complete else "; the list goes on at the next tick"
        return dg.SkipReason(f"{done.found} new in {done.pages} pages, {done.updated} asked about again{more}")

    return poll_daily
