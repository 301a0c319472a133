"""The sensor that hands recordings whose live run failed for good to the old system."""

import time

import dagster as dg
from pydantic import BaseModel

from domain.errors import ReflectorError
from reflector_assets import tags
from reflector_assets.records import RETRY_DECISION_S
from reflector_assets.settings.main import Settings
from resources.outgoing.relays import Relays
from sensors.failures import FIRST_LOOK_S, failed_for_good

# Posts of one tick, each at most 30 s: the sensor's own limit is 60 s.
AT_ONCE = 1


class Cursor(BaseModel):
    """The last failure that was looked at, as Dagster numbers it, or since when they are looked at."""

    seen: int = 0
    since: float = 0.0


def build(settings: Settings, settled_after: float = RETRY_DECISION_S) -> dg.SensorDefinition:
    """Make the sensor; a failure is looked at `settled_after` seconds later, when it is known whether it is resumed."""

    @dg.sensor(
        minimum_interval_seconds=5,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="With REFLECTOR_FALLBACK, relays the webhook of a recording that failed for good to the old "
        "system, once.",
    )
    def fall_back(context: dg.SensorEvaluationContext, relays: Relays) -> dg.SkipReason:
        if not settings.fallback or settings.mode != "live":
            return dg.SkipReason("REFLECTOR_FALLBACK isn't set, or REFLECTOR_MODE isn't live")
        now = time.time()
        cursor = Cursor.model_validate_json(context.cursor) if context.cursor else Cursor(since=now - FIRST_LOOK_S)
        handed = 0
        try:
            for record, run in failed_for_good(context.instance, cursor.seen, cursor.since, now - settled_after):
                if run is not None:
                    relays.create_fallback(run.tags[tags.PARTITION])
                    handed += 1
                cursor.seen = record.storage_id
            context.update_cursor(cursor.model_dump_json())
            tried = relays.deliver_due("fallback", AT_ONCE)
        except ReflectorError as error:
            return dg.SkipReason(f"later: {error}")
        return dg.SkipReason(f"{handed} failed for good, {tried} relayed")

    return fall_back
