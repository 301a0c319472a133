"""A running peak meter: the loudest sample of each of N equal parts, of sound whose length isn't known before."""

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.audio.decoding import chunks
from domain.audio.probe import SilentFile, open_audio

GRANULES = 1 << 15
"""At most so many levels are kept; when they are full, the granule doubles."""


class PeakMeter:
    """Takes sound block by block in bounded memory; a part's edge is off by at most 1/128 of 255 parts."""

    def __init__(self) -> None:
        self.samples = 0
        self._granule = 1
        self._levels = np.zeros(GRANULES, dtype=np.float32)

    def add(self, block: NDArray[np.floating[Any]]) -> None:
        """Take the next block, shape (channels, samples) or (samples,), full scale -1..1."""
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

    def rest(self, samples: int) -> None:
        """Let silence pass."""
        for start in range(0, samples, GRANULES):
            self.add(np.zeros(min(GRANULES, samples - start), dtype=np.float32))

    def peaks(self, count: int = 255) -> tuple[float, ...]:
        """Return exactly `count` peaks, 0..1 with two decimals, of equal parts of all sound so far."""
        if not self.samples:
            return (0.0,) * count
        edges = [index * self.samples / count / self._granule for index in range(count + 1)]
        parts = (self._levels[int(start) : max(int(start) + 1, math.ceil(end))] for start, end in pairwise(edges))
        return tuple(round(min(1.0, float(part.max())), 2) for part in parts)


def peaks_of(path: Path, count: int = 255) -> tuple[float, ...]:
    """Return the peaks of any audio file, decoding it once; all 0 for one without sound. Raises UnreadableAudio."""
    meter, end = PeakMeter(), 0
    try:
        with open_audio(path) as source:
            for at, samples in chunks(source):
                meter.rest(at - end)
                meter.add(samples)
                end = at + samples.shape[1]
    except SilentFile:
        return (0.0,) * count
    return meter.peaks(count)
