"""The old system's transcript of a recording, found among others by its API and by its database."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from domain.errors import NotFound, PermanentError, ReflectorError, TransientError
from resources.old_system.client import OldSystem
from resources.old_system.database import OldDatabase
from resources.old_system.transcripts import OldTranscripts
from testing.hosts.old_host import OldHost
from testing.hosts.old_world import STRANGER, OldTopicRow, OldTranscriptRow
from tests.domain.finished import finished
from tests.shadow.old_database import run

pytest_plugins = ["tests.service.databases", "tests.shadow.old_database"]

ROOM = "weekly-20260323080000"
START = datetime(2026, 3, 23, 8, 0, tzinfo=UTC).timestamp()
OURS = finished(room_name=ROOM, duration=245.0)
ENDED = START + 245
SAID = [OldTopicRow("One", [(0, "Good morning.", 1.0, 2.0)]), OldTopicRow("Two", [(1, "See you.", 200.0, 201.0)])]


@pytest.fixture
def old() -> Iterator[OldHost]:
    with OldHost() as host:
        yield host


def transcripts(old: OldHost, database: str = "", **system: Any) -> OldTranscripts:
    known: dict[str, Any] = {"api_key": old.api_key, **system}
    return OldTranscripts(
        system=OldSystem(url=old.url, timeout=5, pages_url="https://old", **known), database=OldDatabase(url=database)
    )


def add_ours(old: OldHost, **other: Any) -> OldTranscriptRow:
    meeting = old.world.add_meeting(ROOM, START)
    more: dict[str, Any] = {"duration": 245, "created_at": ENDED + 30, "topics": SAID, **other}
    return old.world.add_transcript(meeting, OURS.id, **more)


def decoys(old: OldHost, ours: OldTranscriptRow) -> None:
    """Add other transcripts of the room, the day and the meeting."""
    meeting = old.world.meetings[ours.meeting_id or ""]
    others = [old.world.add_meeting(f"weekly-2026032309{n:02d}00", START + 3600 + n) for n in range(3)]
    elsewhere = old.world.add_meeting("monthly-20260323080000", START)
    for other in (*others, elsewhere):
        old.world.add_transcript(other, str(uuid.uuid4()), duration=245, created_at=ENDED + 40)
    for seconds in (60, 244, 2450, 0.245):
        old.world.add_transcript(meeting, str(uuid.uuid4()), duration=seconds, created_at=ENDED + 50)
    old.world.add_transcript(meeting, str(uuid.uuid4()), duration=245, created_at=START - 86400)


def test_the_right_one_is_found_among_others_of_room_day_and_meeting(old: OldHost) -> None:
    ours = add_ours(old)
    decoys(old, ours)
    found = transcripts(old).find(OURS)
    assert (found.transcript.id, found.transcript.title) == (ours.id, "Weekly planning")
    assert found.url == f"https://old/transcripts/{ours.id}"
    assert [topic.title for topic in found.topics] == ["One", "Two"]
    assert "<v Speaker 1>See you." in found.transcript.transcript
    assert old.fetched() == [ours.id]
    assert old.refused == []


def test_without_the_right_one_no_other_is_taken(old: OldHost) -> None:
    ours = add_ours(old)
    decoys(old, ours)
    del old.world.transcripts[ours.id]
    for row in list(old.world.transcripts.values()):
        if row.duration == 244:
            del old.world.transcripts[row.id]
    with pytest.raises(NotFound, match="no transcript of this recording"):
        transcripts(old).find(OURS)


def test_pages_are_read_down_to_when_the_recording_ended(old: OldHost) -> None:
    ours = add_ours(old)
    later, earlier = (old.world.add_meeting(f"weekly-{day}080000", START) for day in ("20260330", "20260316"))
    for n in range(250):
        old.world.add_transcript(later, f"later-{n}", duration=245, created_at=ENDED + 1000 + n)
        old.world.add_transcript(earlier, f"earlier-{n}", duration=245, created_at=START - 1000 - n)
    assert transcripts(old).find(OURS).transcript.id == ours.id
    pages = [one.query["page"] for one in old.requests if one.path == "/v1/transcripts"]
    assert pages == ["1", "2", "3"]
    meetings = [one.path for one in old.requests if "/meetings/" in one.path]
    assert len(meetings) == len(set(meetings)) == 2, "each meeting once"


@pytest.mark.parametrize("status", ["processing", "error"])
def test_an_unfinished_one_is_found(old: OldHost, status: str) -> None:
    ours = add_ours(old, status=status, duration=0)
    found = transcripts(old).find(OURS).transcript
    assert (found.id, found.status, found.is_finished()) == (ours.id, status, False)


def test_others_rooms_are_seen_if_they_are_shared(old: OldHost) -> None:
    old.world.add_room("weekly", STRANGER)
    ours = add_ours(old)
    with pytest.raises(PermanentError, match=r"owner only.*REFLECTOR_OLD_DATABASE_URL"):
        transcripts(old).find(OURS)
    old.world.rooms["weekly"]["is_shared"] = True
    assert transcripts(old).find(OURS).transcript.id == ours.id


def test_a_key_and_a_token_are_sent_as_the_old_system_takes_them(old: OldHost) -> None:
    add_ours(old)
    transcripts(old).find(OURS)
    assert {one.headers["X-API-Key"] for one in old.requests} == {old.api_key}
    assert {one.headers["Authorization"] for one in old.requests} == {None}
    old.requests.clear()
    transcripts(old, api_key="", token=old.token).find(OURS)
    assert {one.headers["Authorization"] for one in old.requests} == {f"Bearer {old.token}"}
    assert {one.headers["X-API-Key"] for one in old.requests} == {None}


REFUSED = [
    ({"api_key": "wrong"}, "401.*REFLECTOR_OLD_API_KEY.*api-keys"),
    ({"api_key": ""}, "401.*Set REFLECTOR_OLD_API_KEY"),
    ({"api_key": "", "token": "an-api-key-as-token"}, "401.*REFLECTOR_OLD_TOKEN.*JWT.*REFLECTOR_OLD_API_KEY"),
]


@pytest.mark.parametrize(("given", "what"), REFUSED)
def test_what_to_do_about_a_refusal_is_named(old: OldHost, given: dict[str, str], what: str) -> None:
    add_ours(old)
    refused = transcripts(old, **given)
    for act in (partial(refused.find, OURS), refused.check):
        with pytest.raises(PermanentError) as caught:
            act()
        assert caught.match(what.replace(".*", "(.|\n)*"))
        assert "wrong" not in str(caught.value)


def test_the_check_fails_for_what_a_comparison_could_not_read(old: OldHost) -> None:
    assert transcripts(old).check() == "it shows no room's transcript to this key yet"
    ours = add_ours(old)
    assert transcripts(old).check() == "rooms' transcripts can be read"
    ours.share_mode, ours.owner = "private", STRANGER
    old.world.rooms["weekly"]["is_shared"] = True
    with pytest.raises(PermanentError, match=r"403.*may not read it"):
        transcripts(old).check()
    old.public_mode = True
    with pytest.raises(PermanentError, match="anonymous"):
        transcripts(old, api_key="").check()


def test_what_the_old_system_does_lately_is_counted(old: OldHost) -> None:
    add_ours(old)
    assert [transcripts(old).created_since(ENDED + at) for at in (29, 30, 31)] == [1, 1, 0]


def test_a_slow_or_broken_answer_is_tried_again_later(old: OldHost) -> None:
    add_ours(old)
    old.hang(1)
    with pytest.raises(TransientError, match=r"didn't answer in 0\.2 s"):
        transcripts(old).find(OURS, seconds=0.2)
    old.fail(1, 503, retry_after=40)
    with pytest.raises(TransientError) as caught:
        transcripts(old).find(OURS)
    assert caught.value.retry_after == 40
    old.answer(1, {"id": "without the other fields"})
    with pytest.raises(PermanentError, match="can't be read"):
        transcripts(old).find(OURS)


def test_what_is_not_there_is_named(old: OldHost) -> None:
    for transcript, what in (
        (finished(room_name=""), "has no room"),
        (finished(room_name="no/such-20260323080000"), "no room no/such"),
    ):
        with pytest.raises(NotFound, match=what):
            transcripts(old).find(transcript)


def test_the_database_knows_the_recording(old: OldHost, old_database: str) -> None:
    old.world.add_room("weekly", STRANGER)
    ours = add_ours(old)
    decoys(old, ours)
    run(
        old_database,
        f"INSERT INTO transcript VALUES ('{ours.id}', '{OURS.id}', now(), NULL)",
        f"INSERT INTO transcript VALUES ('deleted', '{OURS.id}', now(), now())",
        "INSERT INTO transcript VALUES ('other', 'other', now(), NULL)",
    )
    # The old system's own URL names its driver.
    url = old_database.replace("+psycopg2", "+asyncpg")
    assert transcripts(old, url).find(OURS).transcript.id == ours.id, "also of a room of somebody else"
    assert [one.path for one in old.requests if "rooms" in one.path] == []
    assert transcripts(old, url).check().endswith("its database can be read (0 answers about consent)")
    with pytest.raises(NotFound, match="database"):
        transcripts(old, url).find(finished(str(uuid.uuid4())))


def test_the_database_is_only_read_and_its_errors_are_named(old: OldHost, old_database: str) -> None:
    database = OldDatabase(url=old_database)
    with pytest.raises(TransientError, match="read-only"), database.reading() as connection:
        connection.execute(sa.text("DELETE FROM transcript"))
    run(old_database, "DROP TABLE meeting_consent")
    wrong: list[tuple[str, type[ReflectorError], str]] = [
        (old_database, PermanentError, "meeting_consent"),
        ("postgresql://127.0.0.1:1/reflector", TransientError, "doesn't answer"),
        ("sqlite:////tmp/x.db", PermanentError, "isn't PostgreSQL"),
        ("nonsense", PermanentError, "REFLECTOR_OLD_DATABASE_URL is not a database URL"),
    ]
    for url, kind, what in wrong:
        with pytest.raises(kind, match=what):
            transcripts(old, url).check()
