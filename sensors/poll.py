"""The sensor that polls Daily's list of recordings, and so finds those whose webhooks were lost."""

import dagster as dg

from domain.errors import PermanentError, TransientError
from reflector_assets.settings.main import Settings
from resources.daily.api import DailyAPI
from resources.daily.polling import poll
from resources.database.inbox import Inbox
from sensors.sensor import sensor

# Dagster ends a tick after 60 s; the rest is read at the next one.
TICK_BUDGET_S = 25.0


def build(settings: Settings) -> dg.SensorDefinition:
    """Return the sensor; its interval is a setting."""

    @sensor(
        "Reads Daily's list of recordings into the inbox, and queries unfinished ones again.",
        interval_s=settings.poll_seconds,
        stopped=None if settings.daily_api_key else "DAILY_API_KEY isn't set",
    )
    def poll_daily(context: dg.SensorEvaluationContext, daily_api: DailyAPI, inbox: Inbox) -> dg.SkipReason:
        try:
            done = poll(daily_api, inbox, TICK_BUDGET_S)
        except PermanentError as error:
            return dg.SkipReason(f"Daily refuses: {error}")
        except TransientError as error:
            return dg.SkipReason(f"later: {error}")
        more = "" if done.complete else "; the list goes on at the next tick"
        if done.problem is not None:
            context.log.error(f"{done.problem} It is tried again later; other recordings go on.")
            more += f"; one is tried again later: {done.problem}"
        return dg.SkipReason(f"{done.found} new in {done.pages} pages, {done.updated} asked about again{more}")

    return poll_daily
