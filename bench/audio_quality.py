"""The quality of an mp3, to check that two encoders are compared at equal quality."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
SEGMENT = RATE // 50
"""Samples of 20 ms, the unit of the ratio."""
AUDIBLE, DISTORTED = 1e-3, 0.8
"""Segments quieter than the first (-60 dB) are silence; mixing may limit or clip those louder than the second."""
LATE = 2_400
"""Samples by which an mp3 may be early or late."""


class Quality(NamedTuple):
    """`snr` is the mean over segments of the signal-to-noise ratio in dB, -10 to 35 each; `late` is in milliseconds."""

    snr: float
    late: float


def quality(tracks: Sequence[Path], mp3: Path, seconds: float) -> Quality:
    """Compare the first seconds of an mp3 with the sum of its tracks, all decoded by ffmpeg."""
    expected = sum((_decode(track, seconds) for track in tracks), np.zeros(1, dtype=np.float32))
    found = _decode(mp3, seconds)
    length = min(expected.size, found.size)
    late = _lateness(expected[:length], found[:length])
    expected, found = expected[max(0, -late) : length - max(0, late)], found[max(0, late) : length + min(0, late)]
    segments = expected.size // SEGMENT
    sound, other = (samples[: segments * SEGMENT].reshape(segments, SEGMENT) for samples in (expected, found))
    level = np.abs(sound).max(axis=1)
    usable = (level > AUDIBLE) & (level < DISTORTED)
    power, error = (np.square(samples[usable]).mean(axis=1) for samples in (sound, sound - other))
    ratios = 10 * np.log10(power / np.maximum(error, 1e-12))
    return Quality(float(ratios.clip(-10, 35).mean()), 1000 * late / RATE)


def _decode(path: Path, seconds: float) -> NDArray[np.float32]:
    """Decode one channel of a file, padded with silence to the exact length."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", str(path), "-t", str(seconds), "-ar", str(RATE)]
    left = ["-af", "aformat=channel_layouts=mono|stereo,pan=mono|c0=c0", "-f", "f32le", "-"]
    sound = np.frombuffer(subprocess.run([*command, *left], capture_output=True, check=True).stdout, dtype=np.float32)
    return np.pad(sound, (0, max(0, round(seconds * RATE) - sound.size)))[: round(seconds * RATE)]


def _lateness(expected: NDArray[np.float32], found: NDArray[np.float32]) -> int:
    """Return by how many samples `found` is late: the maximum of the cross-correlation."""
    size = 1 << (expected.size + LATE).bit_length()
    correlation = np.fft.irfft(np.fft.rfft(found, size) * np.conj(np.fft.rfft(expected, size)), size)
    near = np.concatenate([correlation[-LATE:], correlation[: LATE + 1]])
    return int(near.argmax()) - LATE
