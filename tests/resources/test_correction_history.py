"""The history of corrections: numbered without gaps, never out of date unnoticed, never twice; on both databases."""

import threading
from collections.abc import Sequence

import pytest

from domain.consent import Meeting
from domain.corrections.edits import AnyEdit, Entry, SetTitle, Undo, Write
from domain.errors import InvalidInput, OutOfDate
from domain.rooms import Room
from resources.database.consents import Consents
from resources.database.corrections import CorrectionHistory
from resources.database.database import Database
from resources.database.rooms import Rooms

pytest_plugins = ["tests.service.databases"]

WORD = Write(start=1, end=2, was="dock her", text="Docker")


@pytest.fixture
def history(database_url: str) -> CorrectionHistory:
    return CorrectionHistory(database=Database(url=database_url))


def edits(found: Sequence[Entry]) -> list[tuple[int, AnyEdit]]:
    return [(entry.number, entry.edit) for entry in found]


def test_edits_are_numbered_and_read_back_as_they_were_given(history: CorrectionHistory) -> None:
    title = SetTitle(title="Ünïcode ✓")
    added = history.add("rec-1", [title, WORD], who="ada")
    assert added == history.history("rec-1")
    assert edits(added) == [(1, title), (2, WORD)]
    assert {entry.who for entry in added} == {"ada"}
    assert edits(history.add("rec-2", [WORD])) == [(1, WORD)]
    assert [entry.number for entry in history.add("rec-1", [Undo(number=1)])] == [1, 2, 3]
    assert history.gathered("rec-1").number == 3
    assert [row[1] for row in history.after(0)] == ["rec-1", "rec-1", "rec-2", "rec-1"]
    assert history.after(history.after(0)[-1][0]) == []


def test_a_write_on_an_older_state_is_refused(history: CorrectionHistory) -> None:
    history.add("rec-1", [WORD], expected=0)
    with pytest.raises(OutOfDate, match="its last edit is 1, not 0"):
        history.add("rec-1", [SetTitle(title="A")], expected=0)
    assert edits(history.history("rec-1")) == [(1, WORD)]
    assert len(history.add("rec-1", [SetTitle(title="A")], expected=1)) == 2


def test_an_edit_that_doesnt_exist_cant_be_undone(history: CorrectionHistory) -> None:
    with pytest.raises(InvalidInput, match="there is no edit 2 to undo"):
        history.add("rec-1", [WORD, Undo(number=2)])
    assert history.history("rec-1") == []


def test_a_repeated_request_adds_nothing_again(history: CorrectionHistory) -> None:
    first = history.add("rec-1", [WORD, SetTitle(title="A")], request_id="r1", expected=0)
    assert history.add("rec-1", [WORD, SetTitle(title="A")], request_id="r1", expected=0) == first
    assert len(history.add("rec-2", [WORD], request_id="r1")) == 1


def test_edits_of_many_writers_all_get_a_number(history: CorrectionHistory) -> None:
    begin = threading.Barrier(8)

    def write(writer: int) -> None:
        begin.wait()
        for n in range(5):
            history.add("rec-1", [SetTitle(title=f"{writer} {n}")])

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = history.history("rec-1")
    assert [entry.number for entry in found] == list(range(1, 41))
    assert len({str(entry.edit) for entry in found}) == 40


def test_the_rooms_setting_says_what_generated_texts_follow(history: CorrectionHistory) -> None:
    rooms = Rooms(database=history.database)
    Consents(database=history.database).identify(Meeting("rec-1", room="weekly", started_at=1.0))
    history.add("rec-1", [WORD])
    assert history.gathered("rec-1").read == ()
    rooms.put(Room(name="weekly", texts_after_words="at_once"))
    assert len(history.gathered("rec-1").read) == 1
