"""What a transcript of the old system becomes: words by speaker, topics with their rows, people, action items."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import PermanentError
from domain.old_contents import NO_ITEMS, OldContent, OldPerson, OldTopicWithWords, OldWord, Parts, convert, said
from domain.recording import Participants
from domain.results import Decision, NextStep
from domain.text import words

AT = datetime(2026, 3, 23, 9, tzinfo=UTC)


def topic(*given: tuple[str, float, int], title: str = "Budget") -> OldTopicWithWords:
    """Return a topic with words (text, start, speaker) of half a second each."""
    made = tuple(OldWord(text=text, start=start, end=start + 0.5, speaker=speaker) for text, start, speaker in given)
    return OldTopicWithWords(id=title, title=title, timestamp=made[0].start if made else 0.0, words=made)


def converted(*topics: OldTopicWithWords, items: object = None, **fields: Any) -> Parts:
    known: dict[str, Any] = {"id": "old-1", "status": "ended", "created_at": AT, "duration": 60_000}
    content = OldContent.read({**known, **fields})
    return convert("rec-1", "weekly-20260323080000", "https://old/transcripts/old-1", content, topics, items)


@pytest.mark.parametrize(
    ("texts", "spoken"),
    [
        (["The ", "bud", "get", ", ", "yes. "], ["The", "budget,", "yes."]),
        ([" Twenty", "-", "one", " of", " 20", ".5", " percent"], ["Twenty-one", "of", "20.5", "percent"]),
        (["これ ", "は", "会議 "], ["これ", "は", "会議"]),
        (["Two ", "words", "with", "one", "space"], ["Two", "words", "with", "one", "space"]),
        (["Without", "spaces", "."], ["Without", "spaces."]),
        ([" ", "a ", ""], ["a"]),
    ],
)
def test_parts_of_a_word_are_one_word(texts: list[str], spoken: list[str]) -> None:
    assert [word.word for word in said([topic(*((text, n, 0) for n, text in enumerate(texts)))])] == spoken
    of_two = said([topic(("bud ", 0, 0), ("get", 1, 1), ("s", 2, 0))])
    assert [word.word for word in of_two] == ["bud", "get", "s"]


topics = st.lists(
    st.lists(st.tuples(st.floats(0, 50), st.integers(0, 3)), min_size=1, max_size=8), min_size=0, max_size=5
)


@given(topics)
def test_the_rows_of_the_topics_are_all_words_in_order(given: list[list[tuple[float, int]]]) -> None:
    made = converted(*(topic(*(("word ", at + 60 * n, who) for at, who in one)) for n, one in enumerate(given)))
    total = sum(map(len, given))
    assert len(made.words) == total == sum(map(len, made.tracks.values()))
    assert made.words["start"].is_monotonic_increasing
    rows = [(one.words_from, one.words_to) for one in made.topics.root]
    assert [end - begin for begin, end in rows] == [len(one) for one in given]
    assert all(before[1] == after[0] for before, after in pairwise(rows))
    assert {who for one in given for _, who in one} == set(made.tracks) == set(made.participants.names())


def test_people_without_a_name_or_words_are_people_too() -> None:
    people = (
        OldPerson(id="a", speaker=0, name="Ada"),
        OldPerson(id="b", speaker=0, name="Twice"),
        OldPerson(id="c", name="Listener"),
    )
    made = converted(topic(("Hi ", 0, 0), ("there.", 1, 2)), participants=people)
    found = [(one.participant_id, one.name, one.speaker) for one in made.participants.root]
    assert found == [("a", "Ada", 0), ("b", "Twice", -1), ("c", "Listener", -1), ("speaker-2", "Speaker 3", 2)]
    assert made.recording.taken_over is not None
    assert Participants(made.recording.taken_over.participants) == made.participants


def test_what_it_lacks_is_said() -> None:
    made = converted(title=None, duration=0, source_language="xx-invalid")
    assert (made.title.title, made.recording.language, made.recording.duration) == ("Untitled Meeting", None, None)
    assert made.action_items.error == NO_ITEMS
    assert made.padded_tracks.duration == 0.0
    assert converted(topic(("Hi ", 7, 0)), duration=0).padded_tracks.duration == 7.5
    assert len(words.words(made.words)) == 0


@pytest.mark.parametrize("wrong", [{"start": float("inf")}, {"end": None}, {"speaker": "Ada"}, {"text": 1}])
def test_a_word_that_cannot_be_one_is_named(wrong: dict[str, Any]) -> None:
    word: dict[str, Any] = {"text": "Hi", "start": 0.0, "end": 1.0, **wrong}
    with pytest.raises(PermanentError, match=f"can't be read: words.0.{next(iter(wrong))}"):
        OldTopicWithWords.read({"id": "1", "words": [word]})


def test_decisions_of_its_database_are_taken() -> None:
    items: dict[str, Any] = {
        "decisions": [{"decision": "Move", "decided_by": "Ada", "decided_by_participant_id": "p"}],
        "next_steps": [{"task": "Write", "assigned_to": "Ben", "deadline": None}],
    }
    made = converted(items=items).action_items
    assert made.decisions == (Decision(decision="Move", decided_by="Ada"),)
    assert made.next_steps == (NextStep(task="Write", assigned_to="Ben"),)
    assert "can't be read" in (converted(items={"decisions": [1]}).action_items.error or "")
