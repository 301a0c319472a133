"""A window of several clips whose text is no good is taken apart: a noise must not spoil the speech beside it."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from faster_whisper.transcribe import Segment, Word

from resources.transcription import clip_words
from resources.transcription.clip import RATE, Clip
from resources.transcription.window import Window

SPEECH = [("Good", 0.0, 0.5), ("morning", 0.5, 1.0)]


def clip(start: int) -> Clip:
    """A clip of 2 s that begins at `start` seconds."""
    return Clip(start * RATE, np.zeros(2 * RATE, np.float32), 2 * RATE)


def segment(words: Sequence[tuple[str, float, float]], logprob: float = -0.3, probability: float = 0.9) -> Segment:
    spoken = [Word(start, end, f" {word}", probability) for word, start, end in words]
    return Segment(0, 0, 0.0, 2.0, "".join(word.word for word in spoken), [], logprob, 1.0, 0.9, spoken, 0.0)


def later(words: Sequence[tuple[str, float, float]], seconds: float) -> list[tuple[str, float, float]]:
    return [(word, start + seconds, end + seconds) for word, start, end in words]


@pytest.fixture
def hear(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Answer with a segment for a joined window and one for each clip; return the clips per window that were asked."""

    def answered(joined: Segment, alone: dict[int, Segment]) -> tuple[list[Any], list[int], Counter[str]]:
        asked: list[int] = []

        def heard(_model: Any, batch: Sequence[Window], *_: Any) -> list[list[Segment]]:
            asked.extend(len(window.clips) for window in batch)
            return [[joined if len(window.clips) > 1 else alone[window.clips[0].start // RATE]] for window in batch]

        monkeypatch.setattr(clip_words, "_hear", heard)
        notes = Counter[str]()
        window = Window([clip(10), clip(50), clip(90)])
        model: Any = None
        words = list(clip_words.transcribe_batch(model, [window], "en", 0, None, notes))
        return [(word.word, word.start) for word in words], asked, notes

    return answered


def test_words_of_a_good_window_return_to_their_clips(hear: Any) -> None:
    everything = [*SPEECH, *later(SPEECH, 2), *later(SPEECH, 4)]
    words, asked, notes = hear(segment(everything), {})
    assert [start for _, start in words] == [10.0, 10.5, 50.0, 50.5, 90.0, 90.5]
    assert asked == [3]
    assert not notes


NOISE = {10: segment(SPEECH), 50: segment([("Haha", 0.0, 2.0)], logprob=-1.4), 90: segment(SPEECH)}


@pytest.mark.parametrize(
    "joined",
    [
        pytest.param(segment([*SPEECH, *later(SPEECH, 4)], logprob=-1.2), id="improbable"),
        pytest.param(segment([("ha", n / 20, n / 20 + 0.05) for n in range(120)]), id="a loop"),
        pytest.param(segment([*SPEECH, *later(SPEECH, 4)]), id="nothing in one clip"),
        pytest.param(
            segment([*SPEECH, *[("ha", 2 + n / 30, 2 + n / 30) for n in range(59)], *later(SPEECH, 4)]),
            id="a loop in one clip",
        ),
    ],
)
def test_a_bad_window_is_taken_apart(hear: Any, joined: Segment) -> None:
    words, asked, notes = hear(joined, NOISE)
    assert [start for _, start in words] == [10.0, 10.5, 90.0, 90.5]
    assert asked == [3, 1, 1, 1]
    assert notes == {"clips left out: the text isn't speech": 1}


def test_improbable_words_of_one_clip_are_heard_again(hear: Any) -> None:
    unsure = segment(later(SPEECH, 2), probability=0.2)
    joined = segment([*SPEECH, *later(SPEECH, 4)])
    joined.words = sorted([*(joined.words or []), *(unsure.words or [])], key=lambda word: word.start)
    words, asked, _ = hear(joined, NOISE)
    assert [start for _, start in words] == [10.0, 10.5, 90.0, 90.5]
    assert asked == [3, 1, 1, 1]
