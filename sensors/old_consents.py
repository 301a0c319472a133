"""The sensor that copies what participants answered in the old system's consent dialog."""

import time

import dagster as dg
from pydantic import BaseModel

from domain.errors import ReflectorError
from reflector_assets.settings.main import Settings
from resources.database.consents import Consents
from resources.old_system.database import OldDatabase
from sensors.sensor import sensor

INTERVAL_S = 30
PAGE, TICK_BUDGET_S = 500, 25.0
# An answer's time is set before it is committed, by another machine's clock.
OVERLAP_S = 600.0


class Cursor(BaseModel):
    """The time of the newest answer that was read, in epoch seconds."""

    newest: float = 0.0


def build(settings: Settings) -> dg.SensorDefinition:
    """Return the sensor, which reads more often than once a minute."""

    @sensor(
        "Copies the answers that participants gave in the old system's consent dialog.",
        interval_s=INTERVAL_S,
        stopped=None if settings.old_database_url else "REFLECTOR_OLD_DATABASE_URL isn't set",
    )
    def copy_old_consents(
        context: dg.SensorEvaluationContext, consents: Consents, old_database: OldDatabase
    ) -> dg.SkipReason:
        cursor = Cursor.model_validate_json(context.cursor) if context.cursor else Cursor()
        try:
            copied = _copy(consents, old_database, cursor)
        except ReflectorError as error:
            return dg.SkipReason(f"later: {error}")
        context.update_cursor(cursor.model_dump_json())
        return dg.SkipReason(f"{copied} new answers")

    return copy_old_consents


def _copy(consents: Consents, old_database: OldDatabase, cursor: Cursor) -> int:
    """Copy the answers since the newest known one, and those shortly before it; return how many are new."""
    since, end, copied = max(0.0, cursor.newest - OVERLAP_S), time.monotonic() + TICK_BUDGET_S, 0
    while time.monotonic() < end:
        page = old_database.consents_since(since, PAGE)
        copied += consents.copy_answers(page)
        if not page:
            break
        cursor.newest = max(cursor.newest, page[-1].said_at)
        if len(page) < PAGE or page[-1].said_at == since:
            break
        since = page[-1].said_at
    return copied
