"""The sensor that passes recordings that failed permanently to the old system."""

import time

import dagster as dg
from pydantic import BaseModel

from domain.errors import ReflectorError
from reflector_assets import tags
from reflector_assets.records import RETRY_DECISION_S
from reflector_assets.settings.main import Settings
from resources.old_system.relays import Relays
from sensors.failures import LOOKBACK_S, failed_for_good
from sensors.sensor import INTERVAL_S, sensor, why_not_live

# Requests per tick, each at most 30 s: the sensor's limit is 60 s.
AT_ONCE = 1


class Cursor(BaseModel):
    """The storage id of the last failure that was read, or the time from which failures are read."""

    seen: int = 0
    since: float = 0.0


def build(settings: Settings, settled_after: float = RETRY_DECISION_S) -> dg.SensorDefinition:
    """Return the sensor, which reads a failure `settled_after` seconds later, when Dagster has decided on a retry."""

    @sensor(
        "With REFLECTOR_FALLBACK, relays the webhook of a recording that failed permanently to the old system, once.",
        interval_s=INTERVAL_S,
        stopped=why_not_live(settings) if settings.fallback else "REFLECTOR_FALLBACK isn't set",
    )
    def fall_back(context: dg.SensorEvaluationContext, relays: Relays) -> dg.SkipReason:
        now = time.time()
        cursor = Cursor.model_validate_json(context.cursor) if context.cursor else Cursor(since=now - LOOKBACK_S)
        failed = 0
        try:
            for record, run in failed_for_good(context.instance, cursor.seen, cursor.since, now - settled_after):
                if run is not None:
                    relays.create_fallback(run.tags[tags.PARTITION])
                    failed += 1
                cursor.seen = record.storage_id
            context.update_cursor(cursor.model_dump_json())
            relayed = relays.deliver_due("fallback", AT_ONCE)
        except ReflectorError as error:
            return dg.SkipReason(f"later: {error}")
        return dg.SkipReason(f"{failed} failed permanently, {relayed} relayed")

    return fall_back
