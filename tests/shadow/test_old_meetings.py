"""Denials that name a meeting by the old system's id, which the sensor and the run ask the old system about."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.old_system.client import OldSystem
from resources.old_system.database import OldDatabase
from resources.old_system.meetings import OldMeetings
from testing.hosts.old_host import OldHost
from tests.consent.test_sensor import Follower
from tests.consent.world import World, world
from tests.shadow.old_database import run

pytest_plugins = ["tests.service.databases", "tests.shadow.old_database"]
pytestmark = pytest.mark.slow(10)

MEETING_ID = str(uuid.uuid4())


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def by_database(url: str, room_name: str) -> OldMeetings:
    run(url, f"INSERT INTO meeting VALUES ('{MEETING_ID}', '{room_name}')")
    return OldMeetings(system=OldSystem(), database=OldDatabase(url=url))


def by_api(host: OldHost, room_name: str) -> OldMeetings:
    meeting = host.world.add_meeting(room_name, 0)
    host.world.meetings[MEETING_ID] = meeting | {"id": MEETING_ID}
    return OldMeetings(system=OldSystem(url=host.url, api_key=host.api_key), database=OldDatabase())


def test_the_sensor_asks_its_database_and_again_after_a_failure(here: World, old_database: str) -> None:
    follower = Follower(here)
    here.old_meetings = OldMeetings(system=OldSystem(), database=OldDatabase(url="postgresql://127.0.0.1:1/none"))
    here.run(["recording"])
    here.deny(MEETING_ID.upper(), "ann")
    assert follower.tick() == []
    assert [one.meeting_id for one in here.consents.unmatched()] == [MEETING_ID]
    here.old_meetings = by_database(old_database, here.room)
    assert follower.tick() == [], "not at once"
    cursor = json.loads(str(follower.cursor))
    follower.cursor = json.dumps(cursor | {"learned": {}})
    assert follower.tick() == [here.id]
    assert here.sound() == []
    assert here.consents.unmatched() == []


def test_the_sensor_asks_its_api(here: World) -> None:
    here.run(["recording"])
    here.deny(MEETING_ID, "ann")
    with OldHost() as host:
        here.old_meetings = by_api(host, here.room)
        assert Follower(here).tick() == [here.id]
    assert here.sound() == []


def test_a_recording_that_arrives_after_the_denial_ends_without_audio(here: World, old_database: str) -> None:
    here.old_meetings = by_database(old_database, here.room)
    here.deny(MEETING_ID, "ann")
    assert here.run(["recording", "consent_cleanup"]).success
    assert here.cleanup()["value"] == {"audio_deleted": True, "reason": "consent was denied"}
    assert here.sound() == []
