"""How well an mp3 tells what was mixed: whether two encoders are compared at equal quality."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
PART = RATE // 50
"""Samples (20 ms) of which each has a ratio of its own."""
HEARD, BENT = 1e-3, 0.8
"""Parts quieter than the first (-60 dB) hold nobody; mixing may bend or cut what is louder than the second."""
LATE = 2_400
"""Samples by which an mp3 may be early or late."""


class Quality(NamedTuple):
    """`snr` is the mean ratio of sound to error in dB over all parts, -10 to 35 each; `late` is in milliseconds."""

    snr: float
    late: float


def quality(tracks: Sequence[Path], mp3: Path, seconds: float) -> Quality:
    """Compare the first seconds of an mp3 with the sum of its tracks, all decoded by ffmpeg."""
    expected = sum((_decoded(track, seconds) for track in tracks), np.zeros(1, dtype=np.float32))
    found = _decoded(mp3, seconds)
    length = min(expected.size, found.size)
    late = _lateness(expected[:length], found[:length])
    expected, found = expected[max(0, -late) : length - max(0, late)], found[max(0, late) : length + min(0, late)]
    parts = expected.size // PART
    sound, other = (samples[: parts * PART].reshape(parts, PART) for samples in (expected, found))
    level = np.abs(sound).max(axis=1)
    told = (level > HEARD) & (level < BENT)
    power, error = (np.square(samples[told]).mean(axis=1) for samples in (sound, sound - other))
    ratios = 10 * np.log10(power / np.maximum(error, 1e-12))
    return Quality(float(ratios.clip(-10, 35).mean()), 1000 * late / RATE)


def _decoded(path: Path, seconds: float) -> NDArray[np.float32]:
    """Decode one side of a file, to its exact length in silence where it ends earlier."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", path, "-t", str(seconds), "-ar", str(RATE)]
    left = ["-af", "aformat=channel_layouts=mono|stereo,pan=mono|c0=c0", "-f", "f32le", "-"]
    sound = np.frombuffer(subprocess.run([*command, *left], capture_output=True, check=True).stdout, dtype=np.float32)
    return np.pad(sound, (0, max(0, round(seconds * RATE) - sound.size)))[: round(seconds * RATE)]


def _lateness(expected: NDArray[np.float32], found: NDArray[np.float32]) -> int:
    """Return by how many samples `found` is late: where the two are most alike."""
    size = 1 << (expected.size + LATE).bit_length()
    alike = np.fft.irfft(np.fft.rfft(found, size) * np.conj(np.fft.rfft(expected, size)), size)
    near = np.concatenate([alike[-LATE:], alike[: LATE + 1]])
    return int(near.argmax()) - LATE
