"""Which edits stand, and that a document is what stands applied to the original, whatever was undone in between."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.corrections import people, spoken, texts
from domain.corrections.edits import (
    AnyEdit,
    Assign,
    Entry,
    Identify,
    Merge,
    Remake,
    Rename,
    Review,
    SetActionItem,
    SetSummary,
    SetTitle,
    SetTopic,
    Undo,
    Write,
    check_undo,
    standing,
)
from domain.corrections.gathered import NOTHING, Corrections, gather, parts_of
from domain.errors import InvalidInput
from domain.recording import Participant, Participants
from domain.results import ActionItems, NextStep, Summary, Topic, Topics
from domain.text.words import Word

DURATION = 60.0
SAID = "now then we ship the new thing on Monday and Ada writes the notes for Ben"
WORDS = [Word(text, at * 0.5, at * 0.5 + 0.4, at // 4 % 3, 0.8) for at, text in enumerate(SAID.split())]
PEOPLE = Participants(tuple(Participant(participant_id=f"p{n}", name=f"Person {n}", speaker=n) for n in range(3)))
TOPICS = Topics(
    tuple(
        Topic(id=f"topic-{n + 1}", title=f"T{n}", summary="s", timestamp=n * 4.0, duration=4, words_from=0, words_to=9)
        for n in range(2)
    )
)
ITEMS = ActionItems(next_steps=(NextStep(task="Write the notes"), NextStep(task="Ship")), method="extractive")
SUMMARY = Summary(long_summary="long", short_summary="short", method="extractive")

times = st.floats(0, DURATION, allow_nan=False).map(lambda at: round(at, 2))
stretches = st.tuples(times, times).map(sorted)
speakers = st.integers(0, 4)
names = st.sampled_from(["Ada", "Ben", "Chloé"])
written = st.sampled_from(["", "one", "two words", "the"])


def _write(stretch: list[float], speaker: int | None, was: str | None, text: str) -> Write:
    start, end = stretch
    return Write(start=start, end=end, speaker=speaker, was=was, text=text if end > start else text or "new")


def _assign(stretch: list[float], speaker: int, of: tuple[int, ...]) -> Assign:
    return Assign(start=stretch[0], end=stretch[1], speaker=speaker, of=of)


edits: st.SearchStrategy[AnyEdit] = st.one_of(
    st.builds(Rename, participant_id=st.sampled_from(["p0", "p1", "gone"]), name=st.none() | names),
    st.builds(Identify, speaker=speakers, name=names),
    st.builds(Merge, speaker_from=speakers, speaker_to=speakers),
    st.builds(_assign, stretches, speakers, st.sampled_from([(), (0,), (1, 2)])),
    st.builds(_write, stretches, st.none() | speakers, st.none() | st.sampled_from(["ship", "the new", "no"]), written),
    st.builds(SetTitle, title=st.none() | names),
    st.builds(SetSummary, short_summary=st.none() | names),
    st.builds(SetTopic, at=times, title=st.none() | names),
    st.builds(SetActionItem, task=st.sampled_from(["Ship", "Gone"]), done=st.booleans()),
    st.builds(Review, reviewed=st.booleans()),
    st.builds(Remake),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Entry]:
    found: list[Entry] = []
    for number in range(1, draw(st.integers(0, 14)) + 1):
        undo = number > 1 and draw(st.integers(0, 2)) == 0
        edit = Undo(number=draw(st.integers(1, number - 1))) if undo else draw(edits)
        found.append(Entry(number=number, at=float(number), who="ada", edit=edit))
    return found


def document(entries: Sequence[Entry]) -> tuple[object, ...]:
    return (
        spoken.apply(WORDS, entries, DURATION),
        people.apply(PEOPLE, entries),
        texts.written_title(entries),
        texts.summary(SUMMARY, entries),
        texts.topics(TOPICS, entries),
        texts.action_items(ITEMS, entries),
    )


def alive(history: Sequence[Entry], number: int) -> bool:
    """By definition: no later undo of it is alive."""
    return not any(
        isinstance(one.edit, Undo) and one.edit.number == number and alive(history, one.number)
        for one in history[number:]
    )


@given(histories())
def test_a_document_is_what_stands_applied_to_the_original(history: list[Entry]) -> None:
    expected = [one for one in history if not isinstance(one.edit, Undo) and alive(history, one.number)]
    assert list(standing(history)) == expected
    assert document(gather(history).entries) == document(expected)


@given(histories())
def test_words_stay_ordered_and_inside_the_recording(history: list[Entry]) -> None:
    found = spoken.apply(WORDS, standing(history), DURATION)
    starts = [word.start for word in found.words]
    assert starts == sorted(starts)
    assert all(0 <= word.start <= word.end <= DURATION and word.word.strip() for word in found.words)
    assert {row.origin for row in found.rows} <= set(range(len(WORDS)))


@given(histories())
def test_undoing_all_that_stands_restores_the_original(history: list[Entry]) -> None:
    for one in standing(history):
        history.append(Entry(number=len(history) + 1, at=0.0, edit=Undo(number=one.number)))
    found = gather(history)
    assert (found.version(), found.entries, found.reviewed, found.texts_are_older) == (NOTHING, (), False, False)
    assert document(found.entries) == document([])


@given(histories())
def test_an_entry_survives_its_json(history: list[Entry]) -> None:
    for one in history:
        again = Entry.model_validate_json(one.model_dump_json()).edit
        assert (again, again.model_fields_set - {"kind"}) == (one.edit, one.edit.model_fields_set - {"kind"})
    found = gather(history)
    assert Corrections.model_validate_json(found.model_dump_json()).version() == found.version()


def of(*made: AnyEdit) -> list[Entry]:
    return [Entry(number=at, at=0.0, edit=edit) for at, edit in enumerate(made, 1)]


def test_an_undo_can_be_undone() -> None:
    history = of(SetTitle(title="A"), Undo(number=1), Undo(number=2))
    assert [entry.number for entry in standing(history)] == [1]
    with pytest.raises(InvalidInput, match="no edit 4"):
        check_undo(Undo(number=4), 4)


def test_generated_texts_read_words_on_request_and_names_at_once() -> None:
    history = of(Write(start=0, end=0.4, was="now", text="Now"), Rename(participant_id="p0", name="Ada"))
    waiting = gather(history)
    assert [entry.edit.part for entry in waiting.read] == ["people"]
    assert waiting.texts_are_older
    asked = gather([*history, Entry(number=3, at=0.0, edit=Remake())])
    assert [entry.number for entry in asked.read] == [1, 2]
    assert not asked.texts_are_older
    # What is asked for again and again changes nothing, and neither does who edited.
    assert gather([*history, *(Entry(number=n, at=9.0, edit=Remake()) for n in (3, 4))]).version() == asked.version()
    assert not gather(history, words="at_once").texts_are_older
    assert gather(history, names="never").read == ()


def test_the_version_has_a_part_for_each_kind_of_edit() -> None:
    one = gather(of(SetTitle(title="A"), Review()))
    assert parts_of(one.version()).keys() == {"title", "reviewed"}
    assert one.version() == gather(of(SetTitle(title="B"), Undo(number=1), SetTitle(title="A"), Review())).version()
    assert parts_of(None) == parts_of(NOTHING) == {}
