"""A streaming peak meter: the peak level of each of N equal parts of audio of unknown length."""

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.audio.decoding import chunks
from domain.audio.probe import SilentFile, open_audio

GRANULES = 1 << 15
"""Maximum number of stored levels; when they are full, the granule size doubles."""


class PeakMeter:
    """Measures blocks in constant memory; with 255 parts, the edge of a part is off by at most 1/128 of its length."""

    def __init__(self) -> None:
        self.samples = 0
        self._granule = 1
        self._levels = np.zeros(GRANULES, dtype=np.float32)

    def add(self, block: NDArray[np.floating[Any]]) -> None:
        """Add the next block, shape (channels, samples) or (samples,), full scale -1..1."""
        level = np.maximum(block.max(axis=0), -block.min(axis=0)) if block.ndim == 2 else np.abs(block)
        while self.samples + level.size > GRANULES * self._granule:
            self._levels[: GRANULES // 2] = np.maximum(self._levels[::2], self._levels[1::2])
            self._levels[GRANULES // 2 :] = 0
            self._granule *= 2
        first, used = divmod(self.samples, self._granule)
        head = min(level.size, self._granule - used)
        body = (level.size - head) // self._granule * self._granule
        if head:
            self._levels[first] = max(self._levels[first], level[:head].max())
        if body:
            whole = level[head : head + body].reshape(-1, self._granule)
            self._levels[first + 1 : first + 1 + len(whole)] = whole.max(axis=1)
        if head + body < level.size:
            self._levels[first + 1 + body // self._granule] = level[head + body :].max()
        self.samples += level.size

    def add_silence(self, samples: int) -> None:
        """Add silence."""
        for start in range(0, samples, GRANULES):
            self.add(np.zeros(min(GRANULES, samples - start), dtype=np.float32))

    def peaks(self, count: int = 255) -> tuple[float, ...]:
        """Return exactly `count` peaks, 0..1 with two decimals, of equal parts of the audio so far."""
        if not self.samples:
            return (0.0,) * count
        edges = [index * self.samples / count / self._granule for index in range(count + 1)]
        parts = (self._levels[int(start) : max(int(start) + 1, math.ceil(end))] for start, end in pairwise(edges))
        return tuple(round(min(1.0, float(part.max())), 2) for part in parts)


def peaks_of(path: Path, count: int = 255) -> tuple[float, ...]:
    """Decode an audio file and return its peaks, all 0 without sound; raise UnreadableAudio."""
    meter, end = PeakMeter(), 0
    try:
        with open_audio(path) as source:
            for at, samples in chunks(source):
                meter.add_silence(at - end)
                meter.add(samples)
                end = at + samples.shape[1]
    except SilentFile:
        return (0.0,) * count
    return meter.peaks(count)
