"""What participants answered in the old system's dialog counts here, for recordings that arrive before and after."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from domain.consent import Meeting
from reflector_assets.settings.main import Settings
from resources.database.consents import Consents
from resources.database.database import Database
from resources.old_system.database import OldDatabase
from sensors.old_consents import INTERVAL_S, build
from tests.shadow.old_database import run

pytest_plugins = ["tests.service.databases", "tests.shadow.old_database"]

ROOM = "weekly-20260323080000"
AT = datetime(2026, 3, 23, 8, 5, tzinfo=UTC)


class Copying:
    """The sensor, tick by tick."""

    def __init__(self, consents: Consents, url: str) -> None:
        self.consents, self.url = consents, url
        self.cursor: str | None = None

    def tick(self) -> str:
        resources: dict[str, object] = {"consents": self.consents, "old_database": OldDatabase(url=self.url)}
        with (
            dg.DagsterInstance.ephemeral() as instance,  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
            dg.build_sensor_context(instance=instance, cursor=self.cursor, resources=resources) as context,
        ):
            skip = build(Settings.model_validate({"REFLECTOR_OLD_DATABASE_URL": self.url}))(context)
            self.cursor = context.cursor
        assert isinstance(skip, dg.SkipReason)
        return skip.skip_message or ""

    def answer(self, name: str, *, given: bool, user: str | None = None, minutes: int = 0) -> None:
        """Insert an answer, or change it as the old system does."""
        said = AT.replace(minute=5 + minutes).isoformat()
        who = f"'{user}'" if user else "NULL"
        run(
            self.url,
            f"INSERT INTO meeting_consent VALUES ('{name}', 'm', {who}, {given}, '{said}') ON CONFLICT (id) "
            f"DO UPDATE SET consent_given = {given}, consent_timestamp = '{said}'",
        )


@pytest.fixture
def copying(old_database: str, database_url: str) -> Copying:
    run(old_database, f"INSERT INTO meeting VALUES ('m', '{ROOM}')")
    return Copying(Consents(database=Database(url=database_url)), old_database)


def test_answers_are_copied_once_within_a_minute(copying: Copying) -> None:
    assert INTERVAL_S <= 60
    assert copying.tick() == "0 new answers"
    copying.answer("a", given=True, user="ada")
    copying.answer("b", given=False)
    assert copying.tick() == "2 new answers"
    assert copying.tick() == "0 new answers"
    copying.answer("late", given=True, user="eve", minutes=-5)
    assert copying.tick() == "1 new answers", "committed after a later one"


@pytest.mark.parametrize("arrives_first", [True, False])
def test_a_denial_is_about_the_recordings_of_its_meeting(copying: Copying, *, arrives_first: bool) -> None:
    def arrive() -> None:
        copying.consents.identify(Meeting("rec", "weekly", ROOM, AT.timestamp(), None))
        copying.consents.identify(Meeting("later", "weekly", "weekly-20260323140000", AT.timestamp() + 21600, None))

    if arrives_first:
        arrive()
    copying.answer("b", given=False)
    copying.tick()
    if not arrives_first:
        # Nobody is notified of a denial in a meeting that wasn't recorded.
        assert copying.consents.unmatched() == []
        arrive()
    [denial] = copying.consents.denials("rec")
    assert (denial.meeting_id, denial.said_at) == (ROOM, AT.timestamp())
    assert copying.consents.denials("later") == []
    assert copying.consents.holding("later") == [], "another meeting of that day is published"


def test_only_the_same_person_withdraws_a_denial(copying: Copying) -> None:
    copying.consents.identify(Meeting("rec", "weekly", ROOM, AT.timestamp(), None))
    copying.answer("ada", given=False, user="ada")
    copying.answer("anonymous", given=False)
    copying.answer("another", given=True, minutes=1)
    copying.tick()
    assert len(copying.consents.denials("rec")) == 2
    copying.answer("ada", given=True, user="ada", minutes=2)
    copying.tick()
    [left] = copying.consents.denials("rec")
    assert left.user_id == "old:anonymous"


def test_a_database_that_is_down_is_tried_again(copying: Copying, tmp_path: Path) -> None:
    url, copying.url = copying.url, "postgresql://127.0.0.1:1/none"
    assert copying.tick().startswith("later: the old system's database doesn't answer")
    copying.url = url
    copying.answer("b", given=False)
    assert copying.tick() == "1 new answers"
