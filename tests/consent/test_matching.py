"""Which recordings a statement is about, whatever it names and in whatever order things become known."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.consent import Meeting, Statement, could_be_about
from domain.errors import InvalidInput
from domain.rooms import Room
from resources.database.consents import Consents
from resources.database.database import Database
from resources.database.rooms import Rooms

pytest_plugins = ["tests.service.databases"]

START = 1774252800.0
NAME = "weekly-20260323080000"
SESSION, ROOM_ID, OLD_ID, ASSIGNED, RECORDING = (f"{digit * 8}-6a0b-4a53-9c57-2f3a4d5e6b70" for digit in "1234a")
WHOLE = Meeting(RECORDING, "weekly", NAME, START, SESSION, ROOM_ID)
Step = Meeting | tuple[str, str] | str
# The parts in which a meeting's names become known: descriptions, and what other ids mean.
PARTS: list[Step] = [
    Meeting(RECORDING, "weekly", NAME, START),
    Meeting(RECORDING, mtg_session_id=SESSION),
    Meeting(RECORDING, room_id=ROOM_ID),
    (OLD_ID, NAME),
    (ASSIGNED, RECORDING),
]
NAMES = [RECORDING, SESSION, ROOM_ID, OLD_ID, ASSIGNED, NAME]
number = itertools.count()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Database:
    return Database(url=f"sqlite:///{tmp_path_factory.mktemp('matching') / 'reflector.db'}")


@pytest.fixture
def consents(database_url: str) -> Consents:
    return Consents(database=Database(url=database_url))


def own(text: str, example: int, *, capitals: bool = False) -> str:
    """Make a name different from those of other examples in the same database; names keep their time."""
    if text == NAME or text == "weekly":
        return f"{example}x{text}"
    spelled = text.replace("-6a0b-", f"-{example:04x}-")
    return spelled.upper() if capitals else spelled


@given(order=st.permutations([*PARTS, *NAMES]), stated=st.booleans(), described=st.booleans())
def test_in_any_order_and_spelling_each_name_finds_the_recording(
    shared: Database, order: list[Step], *, stated: bool, described: bool
) -> None:
    """`stated` and `described` are whether statements and descriptions have UUIDs in capitals."""
    consents, example = Consents(database=shared), next(number)
    named: dict[str, str] = {}
    for count, step in enumerate(order, 1):
        if isinstance(step, str):
            named[step] = own(step, example)
            consents.record(own(step, example, capitals=stated), "ann", given=False)
        elif isinstance(step, Meeting):
            names = {name: one for name, one in step._asdict().items() if isinstance(one, str)}
            owned: dict[str, Any] = {name: own(one, example, capitals=described) for name, one in names.items()}
            consents.identify(step._replace(**owned))
        else:
            consents.add_alias(*(own(one, example, capitals=described) for one in step))
        begun = order[:count]
        is_described, is_named = any(isinstance(one, Meeting) for one in begun), PARTS[0] in begun
        found = {
            RECORDING: is_described,
            NAME: is_named,
            SESSION: PARTS[1] in begun,
            # The room's id means one meeting only once the room's name says so.
            ROOM_ID: PARTS[2] in begun and is_named,
            OLD_ID: PARTS[3] in begun and is_named,
            ASSIGNED: PARTS[4] in begun and is_described,
        }
        unmatched = {one.meeting_id for one in consents.unmatched()} & set(named.values())
        assert unmatched == {full for name, full in named.items() if not found[name]}, step
    recording = own(RECORDING, example, capitals=described)
    assert len(consents.denials(recording)) == 1, "of one person"
    assert len(consents.history(recording)) == len(NAMES)
    assert all(consents.recordings_of(full) == [recording] for full in named.values())
    consents.erase(recording)
    assert consents.recordings_of(own(OLD_ID, example)) == []


def test_a_room_is_meant_as_a_whole_only_if_asked_for(consents: Consents) -> None:
    for recording_id, name, at in (("a", NAME, START), ("b", "weekly-20260330080000", START + 7 * 86400)):
        consents.identify(Meeting(recording_id, "weekly", name, at))
    consents.identify(Meeting("c", "weekly", None, START, room_id=ROOM_ID))
    consents.record("weekly", "ann", given=False)
    consents.record(ROOM_ID, "ann", given=False)
    assert [consents.denials(one) for one in "abc"] == [[], [], []]
    assert [one.meeting_id for one in consents.unmatched()] == ["weekly", ROOM_ID]
    consents.record("weekly", "ben", given=False, whole_room=True)
    consents.identify(Meeting("d", "weekly", "weekly-20260406080000", START + 14 * 86400))
    assert [len(consents.denials(one)) for one in "abcd"] == [1, 1, 1, 1]
    with pytest.raises(InvalidInput, match="names one meeting"):
        consents.record(NAME, "ben", given=False, whole_room=True)


def test_a_later_statement_and_a_dismissal_end_what_is_unmatched(consents: Consents) -> None:
    consents.record("gone", "ann", given=False)
    consents.record("gone", "ben", given=False)
    consents.record("gone", "ann", given=True)
    assert [one.user_id for one in consents.unmatched()] == ["ben"]
    assert consents.dismiss("gone") == 1
    assert consents.unmatched() == []
    consents.record("gone", "ben", given=False)
    assert [one.user_id for one in consents.unmatched()] == ["ben"], "said anew"


def test_ids_that_are_known_stay_and_unusable_ones_are_left_out(consents: Consents) -> None:
    consents.identify(WHOLE)
    consents.identify(Meeting(RECORDING, "weekly", NAME, START))
    consents.identify(Meeting(RECORDING, mtg_session_id="no/id", room_id=""))
    assert consents.meeting(RECORDING) == WHOLE
    [(_, revision)] = consents.identified_after(0)
    assert consents.identified_after(revision) == []


@pytest.mark.parametrize(
    ("named", "hours", "meeting", "could"),
    [
        (NAME, 0, Meeting("a", "weekly", "weekly-20260323090000", START + 3600), True),
        (NAME, 900, Meeting("a", "weekly", None, START), True),
        (NAME.upper(), 900, Meeting("a", "weekly", NAME, START), True),
        (NAME, 0, Meeting("a", "weekly", None, START + 2 * 86400), False),
        (NAME, 0, Meeting("a", "daily", None, START), False),
        ("weekly", 1, Meeting("a", "weekly", NAME, START), True),
        ("weekly", 30, Meeting("a", "weekly", NAME, START), False),
        (SESSION, 1, Meeting("a", "weekly", NAME, START), True),
        (SESSION, 1, Meeting("a", "weekly", NAME, START, ASSIGNED), True),
        (SESSION, 1, Meeting("a", "weekly", NAME, START, ASSIGNED, ROOM_ID), False),
        (SESSION, 30, Meeting("a", "weekly", NAME, START), False),
    ],
)
def test_what_a_statement_could_be_about(named: str, hours: float, meeting: Meeting, *, could: bool) -> None:
    statement = Statement(1, named, "ann", given=False, said_at=START + hours * 3600)
    assert could_be_about(statement, meeting) is could


def test_what_holds_a_recording(consents: Consents) -> None:
    consents.identify(Meeting(RECORDING, "weekly", NAME))
    assert consents.holding(RECORDING) == []
    consents.record("weekly", "ann", given=False)
    consents.record("another", "ann", given=False)
    assert [one.meeting_id for one in consents.holding(RECORDING)] == ["weekly"]
    Rooms(database=consents.database).put(Room(name="weekly", skip_consent=True))
    assert consents.holding(RECORDING) == []
    Rooms(database=consents.database).delete("weekly")
    consents.record(NAME, "ben", given=False)
    assert consents.holding(RECORDING) == [], "its audio goes anyway"
