"""Words get times within the sound of their track: at starts, across pauses, and into neighbouring clips."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audio.levels import Meter, Sound, sounds
from domain.audio.word_times import settle
from domain.text.words import Word

RATE = 16_000


def words(*timed: tuple[str, float, float]) -> list[Word]:
    return [Word(text, start, end, 0, 0.9) for text, start, end in timed]


def times(found: tuple[Word, ...]) -> list[tuple[str, float, float]]:
    return [(word.word, word.start, word.end) for word in found]


def test_a_word_that_begins_in_silence_begins_with_the_sound():
    found = settle(words(("Good", 1.8, 2.4), ("morning", 2.4, 3.4)), [Sound(2.0, 3.1)])
    assert times(found) == [("Good", 2.0, 2.4), ("morning", 2.4, 3.1)]


@pytest.mark.parametrize(
    ("stretched", "at"),
    [
        # After the word before, in the sound's last sliver, to the end of its own sound.
        (("then", 1.96, 3.3), (3.0, 3.3)),
        # From its own sound into the next word's.
        (("late.", 1.6, 3.05), (1.6, 2.0)),
    ],
)
def test_a_word_that_is_stretched_across_a_pause_lies_on_one_side(
    stretched: tuple[str, float, float], at: tuple[float, float]
):
    around = (("was", 1.2, stretched[1]), stretched, ("go", stretched[2], 3.6))
    found = settle(words(*around), [Sound(1.2, 2.0), Sound(3.0, 3.6)])
    assert times(found)[1][1:] == at


def test_a_word_on_the_wrong_side_of_a_pause_moves_to_where_sound_has_no_word():
    before = [Sound(1.0, 2.0), Sound(3.0, 4.0)]
    early = settle(words(("the", 1.0, 1.3), ("page.", 1.3, 1.95), ("Tomorrow", 1.95, 2.0), ("we", 3.5, 4.0)), before)
    assert times(early)[2:] == [("Tomorrow", 3.0, 3.5), ("we", 3.5, 4.0)]
    late = settle(words(("the", 1.0, 1.3), ("page.", 2.98, 3.02), ("We", 3.02, 3.4), ("go", 3.4, 4.0)), before)
    assert times(late)[1:] == [("page.", 1.3, 2.0), ("We", 3.0, 3.4), ("go", 3.4, 4.0)]


def test_a_word_far_from_any_sound_stays():
    far = words(("so", 1.0, 1.2), ("Thanks", 9.0, 9.4))
    assert settle(far, [Sound(1.0, 1.2)]) == tuple(far)
    assert settle(far, []) == tuple(far)


spans = st.lists(st.floats(0, 60), max_size=12).map(sorted)


@given(
    st.lists(st.tuples(st.sampled_from(["a", "longer", "会", "…"]), st.floats(0, 60), st.floats(0, 2)), max_size=12),
    spans.map(lambda at: [Sound(a, b) for a, b in zip(at[::2], at[1::2], strict=False)]),
)
def test_order_texts_and_bounds_stay(given_words: list[tuple[str, float, float]], heard: list[Sound]):
    given_words.sort(key=lambda word: word[1])
    before = [Word(text, at, at + lasts, 1, 0.5) for text, at, lasts in given_words]
    after = settle(before, heard)
    assert [word._replace(start=0, end=0) for word in after] == [word._replace(start=0, end=0) for word in before]
    assert [word.start for word in after] == sorted(word.start for word in after)
    edges = [time for span in (*heard, *before) for time in (span.start, span.end)]
    for word in after:
        assert min(edges) - 0.001 <= word.start <= word.end <= max(edges) + 0.001


def burst(seconds: float, level: float) -> np.ndarray:
    return (np.random.default_rng(5).standard_normal(round(seconds * RATE)) * 10 ** (level / 20)).astype(np.float32)


@pytest.mark.parametrize("floor", [-100.0, -75.0, -50.0])
def test_sounds_are_found_above_the_floor_without_breath_and_clicks(floor: float):
    track = burst(10, floor)
    speech, breath, click = [(2.0, 1.5, -23), (3.56, 0.8, -26), (6.0, 1.0, -30)], (1.5, 0.5, -47), (8.0, 0.01, -20)
    for start, seconds, level in [*speech, breath, click]:
        track[round(start * RATE) :][: round(seconds * RATE)] += burst(seconds, level)
    meter = Meter(RATE)
    for start in range(0, len(track), 7_001):
        meter.add(start, track[start : start + 7_001])
    first, second = sounds(meter.levels(), [(1.9, 4.3), (6.0, 7.0)])
    # The breath before 2.0 is part of it at most for a faint consonant's length.
    assert first.start == pytest.approx(2.0, abs=0.11)
    assert first.end == pytest.approx(4.36, abs=0.02)
    assert second == pytest.approx((6.0, 7.0), abs=0.02)


def test_a_track_without_sound_or_words_has_no_sounds():
    meter = Meter(RATE)
    assert sounds(meter.levels(), [(0, 1)]) == []
    meter.add(0, np.zeros(RATE, np.float32))
    assert sounds(meter.levels(), [(0, 1)]) == []
