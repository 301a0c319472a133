"""The scores of the accuracy bench: words, speakers, names and times."""

import numpy as np
import pytest

from bench import scores
from bench.scores import Turn
from domain.text.words import Word

TURNS = [
    Turn("Ada", "Good morning Ben, the twenty sixth is fine.", 2.0, 4.0),
    Turn("Ben", "I agree.", 4.5, 5.0),
    Turn("Ada", "Thank you, Ben.", 6.0, 7.0),
]


def heard(text: str, start: float, speaker: int) -> list[Word]:
    return [Word(word, start + n * 0.2, start + n * 0.2 + 0.2, speaker, 0.9) for n, word in enumerate(text.split())]


ADA = [*heard("Good morning Ben, the 26th is fine.", 2.1, 0), *heard("Thank you, Ken.", 6.0, 0)]
BEN = heard("I agree.", 4.5, 1)


def test_words_are_compared_as_they_are_said():
    assert scores.word_error_rate(TURNS, {"Ada": ADA[:7], "Ben": BEN}) == pytest.approx(3 / 12)
    assert scores.word_error_rate(TURNS, {"Ada": ADA, "Ben": BEN}) == pytest.approx(1 / 12)
    assert scores.word_error_rate(TURNS, {"Ada": (), "Ben": ()}) == 1


def test_speakers_are_assigned_as_well_as_possible():
    swapped = [word._replace(speaker=1 - word.speaker) for word in (*ADA, *BEN)]
    assert scores.speaker_error_rate(TURNS, swapped) == pytest.approx(1 / 12)
    # Ben's words in Ada's mouth: inserted there, and missing of his.
    one = [word._replace(speaker=0) for word in sorted((*ADA, *BEN), key=lambda word: word.start)]
    assert scores.speaker_error_rate(TURNS, one) == pytest.approx(5 / 12)


def test_names_count_as_often_as_they_are_spoken():
    assert scores.recall(["Ben", "Chloe"], TURNS, {"Ada": ADA, "Ben": BEN}) == 0.5
    assert scores.invented(["Ben", "Ken"], TURNS, {"Ada": ADA, "Ben": BEN}) == 1


def test_times():
    words = {"Ada": ADA, "Ben": BEN}
    assert scores.onset_errors(TURNS, words) == pytest.approx([0.1, 0, 0])
    assert scores.onset_errors(TURNS, {"Ada": (), "Ben": BEN}) == [np.inf, 0, np.inf]
    assert scores.outside(TURNS, words) == 0
    assert scores.outside(TURNS, {"Ada": ADA, "Ben": heard("I agree.", 5.0, 1)}) == 1
    assert scores.inner_errors([("good", 2.0), ("evening", 2.3), ("Ben", 2.4)], ADA[:3]) == pytest.approx([0.1, 0.1])
