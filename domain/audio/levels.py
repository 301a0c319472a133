"""The level of a track in frames of 10 ms, and the stretches of sound in it."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FRAME_S = 0.01
NOTHING_DB = -120.0
DIGITAL_SILENCE_DB = -90.0
"""Frames below this have no microphone noise: the participant was muted."""
SPEECH_RANGE_DB = 32.0
"""The quietest sounds of speech are this far below its level."""
ABOVE_FLOOR_DB, BELOW_SPEECH_DB = 8.0, 12.0
CLEAR_DB = 18.0
"""Speech is at most so far below its level somewhere in each stretch; what never is, is breath or noise."""
LEAD_S, TRAIL_S = 0.1, 0.2
"""Faint sound that belongs to the clear one behind it, and before it."""
SHORTEST_S = 0.03
"""Shorter sounds are clicks."""
PAUSE_S = 0.12
"""Shorter silence belongs to a word: the closure of a "t" or "k"."""

Decibels = NDArray[np.float32]


class Sound(NamedTuple):
    """A stretch of sound; times in seconds."""

    start: float
    end: float


class Meter:
    """Measures the level of samples that are added piece by piece; `rate` in samples per second."""

    def __init__(self, rate: int) -> None:
        self._size = round(rate * FRAME_S)
        self._sums: list[tuple[int, NDArray[np.float32]]] = []

    def add(self, start: int, samples: NDArray[np.float32]) -> None:
        """Add mono samples, the first of which is at the position `start`."""
        if not samples.size:
            return
        first, before = divmod(start, self._size)
        padded = np.pad(samples, (before, -(before + samples.size) % self._size)).reshape(-1, self._size)
        self._sums.append((first, np.einsum("ij,ij->i", padded, padded)))

    def levels(self) -> Decibels:
        """Return the level of each frame in dB of full scale; NOTHING_DB where nothing was added."""
        frames = max((first + len(sums) for first, sums in self._sums), default=0)
        total = np.zeros(frames, np.float32)
        for first, sums in self._sums:
            total[first : first + len(sums)] += sums
        return 10 * np.log10(np.maximum(total / self._size, 10 ** (NOTHING_DB / 10)), dtype=np.float32)


def sounds(levels: Decibels, speech: Iterable[tuple[float, float]]) -> list[Sound]:
    """Return the stretches of sound, by a threshold between the track's floor and the level of its speech.

    `speech` is where words are, roughly: (start, end) in seconds. Pauses inside a word don't end a stretch.
    """
    spoken = np.zeros(len(levels), bool)
    for start, end in speech:
        spoken[round(start / FRAME_S) : round(end / FRAME_S) + 1] = True
    audible = levels > DIGITAL_SILENCE_DB
    if not (spoken & audible).any():
        return []
    level = float(np.percentile(levels[spoken & audible], 75))
    floor = float(np.percentile(levels[audible], 5))
    threshold = max(level - SPEECH_RANGE_DB, min(floor + ABOVE_FLOOR_DB, level - BELOW_SPEECH_DB))
    return list(_clear(_stretches(levels > threshold), levels > max(threshold, level - CLEAR_DB)))


def _stretches(active: NDArray[np.bool_]) -> list[Sound]:
    """Join active frames across short silence, and leave out clicks."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], active, [False])).astype(np.int8)))
    runs = [(start, end) for start, end in edges.reshape(-1, 2).tolist() if (end - start) * FRAME_S >= SHORTEST_S]
    if not runs:
        return []
    cuts = [0, *(n for n, (a, b) in enumerate(pairwise(runs), 1) if (b[0] - a[1]) * FRAME_S >= PAUSE_S), len(runs)]
    return [
        Sound(round(runs[first][0] * FRAME_S, 3), round(runs[last - 1][1] * FRAME_S, 3))
        for first, last in pairwise(cuts)
    ]


def _clear(found: Iterable[Sound], clear: NDArray[np.bool_]) -> Iterator[Sound]:
    """Yield the stretches that contain clear sound, without breath before and behind it."""
    for sound in found:
        frames = np.flatnonzero(clear[round(sound.start / FRAME_S) : round(sound.end / FRAME_S)])
        if frames.size:
            first, last = float(frames[0]) * FRAME_S, float(frames[-1] + 1) * FRAME_S
            start = max(sound.start, sound.start + first - LEAD_S)
            yield Sound(round(start, 3), round(min(sound.end, sound.start + last + TRAIL_S), 3))
