"""Words of transcription services' answers: odd ones don't spoil the others."""

# pyright: basic

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import PermanentError
from resources.transcription import answer_words, wire
from resources.transcription.answer_words import Answer


@pytest.mark.parametrize(
    ("content", "words"),
    [
        # Nothing is left of the track's only word, which is no reason to fail.
        ({"text": "thanks", "words": [{"word": "thanks", "start": 61.5, "end": 63}]}, []),
        ({"words": [{"word": 2266, "start": "1.5", "end": 2}]}, [("2266", 1.5, 2.0)]),
        ({"words": [{"word": "a\x00b\n\ud800", "start": 1, "end": 2}]}, [("a b", 1.0, 2.0)]),
        # As WhisperX answers.
        (
            {
                "segments": [
                    {
                        "start": 1,
                        "end": 9,
                        "text": "we go",
                        "words": [{"word": "we", "start": 1, "end": 2}, {"word": "go"}],
                    }
                ]
            },
            [("we", 1.0, 2.0), ("go", 2.0, 2.3)],
        ),
        (
            {
                "segments": [
                    {"start": 1, "end": 2, "text": "we"},
                    {"start": None, "text": "go"},
                    {"start": 4, "end": 5, "text": "now"},
                ]
            },
            [("we", 1.0, 2.0), ("go", 2.0, 4.0), ("now", 4.0, 5.0)],
        ),
    ],
)
def test_odd_answers_that_still_have_words(content: Any, words: Any):
    found, notes = answer_words.read(Answer(content, 0.0, 60.0), speaker=1, service="x")
    assert [(word.word, word.start, word.end) for word in found] == words
    assert words or notes == ("1 words after the end are left out",)


odd_times = st.none() | st.floats(-100, 200) | st.just(float("nan")) | st.just("1.5") | st.just([])


@given(st.lists(st.tuples(st.text(max_size=5), odd_times, odd_times), max_size=20), st.floats(0, 100))
@settings(deadline=None)
def test_words_are_always_in_order_and_inside_their_part(items: Any, begin: float):
    given = [{"word": word, "start": start, "end": end} for word, start, end in items]
    end = begin + 60.0
    try:
        words, _ = answer_words.read(Answer({"words": given}, begin, end), speaker=1, service="x")
    except PermanentError:
        return
    assert [word.start for word in words] == sorted(word.start for word in words)
    assert all(begin - 0.001 <= word.start <= word.end <= end + 0.001 for word in words)
    assert all(word.word == word.word.strip() != "" for word in words)
    assert 0 <= wire.seconds_covered(words) <= 60.01


@given(st.lists(st.tuples(st.floats(0, 59), st.floats(0, 1)), min_size=3, max_size=20), st.data())
@settings(deadline=None)
def test_right_words_keep_their_times_beside_an_odd_one(spans: Any, data: Any):
    spans = sorted(spans)
    given = [{"word": "a", "start": start, "end": start + length} for start, length in spans]
    place = data.draw(st.integers(0, len(given)))
    odd = {"word": "odd", "start": data.draw(odd_times), "end": data.draw(odd_times)}
    words, _ = answer_words.read(
        Answer({"words": [*given[:place], odd, *given[place:]]}, 0.0, 60.0), speaker=1, service="x"
    )
    kept = [word for word in words if word.word == "a"]
    assert len(kept) == len(given)
    moved = [abs(word.start - start) for word, (start, _) in zip(kept, spans, strict=True)]
    # At most one, where the odd one is as good.
    assert sum(by > answer_words.TOLERANCE for by in moved) <= 1
