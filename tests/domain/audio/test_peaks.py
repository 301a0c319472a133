import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.audio.padding import pad
from domain.audio.peaks import GRANULES, PeakMeter, peaks_of
from domain.errors import UnreadableAudio
from testing import audio_files as make


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 60_000), min_size=1, max_size=6),
    st.integers(1, 300),
    st.integers(1, 2),
    st.integers(0, 2**32 - 1),
)
def test_each_peak_is_the_maximum_of_its_part(sizes: list[int], count: int, channels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sound = (rng.standard_normal((channels, sum(sizes))) * rng.random(sum(sizes)) ** 4 * 0.3).clip(-1, 1)
    meter = PeakMeter()
    for part in np.split(sound.astype(np.float32), np.cumsum(sizes)[:-1], axis=1):
        meter.add(part)
    found = meter.peaks(count)
    assert len(found) == count
    assert all(0 <= peak <= 1 and round(peak, 2) == peak for peak in found)
    loud = np.abs(sound.astype(np.float32)).max(axis=0)
    # Edges are only accurate to a granule: the peak is between those of a smaller and of a larger part.
    granule = 1
    while granule * GRANULES < loud.size:
        granule *= 2
    for n, peak in enumerate(found):
        start, end = n * loud.size / count, (n + 1) * loud.size / count
        outer = loud[max(0, int(start) - granule) : int(np.ceil(end)) + granule]
        inner = loud[int(np.ceil(start)) : int(end)]
        assert (float(inner.max()) if inner.size else 0) - 0.006 <= peak <= float(outer.max()) + 0.006


def test_the_loudest_negative_sample_is_full_scale(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "in"), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        file.writeframes(np.full(48_000, -32768, dtype="<i2").tobytes())
    assert peaks_of(tmp_path / "in") == (1.0,) * 255


def test_peaks_are_where_the_sound_is(tmp_path: Path) -> None:
    sound = np.zeros((1, 10 * 48_000), dtype=np.float32)
    sound[:, 5 * 48_000 :] = 0.5
    make.encoded_track(tmp_path / "in", sound, container="wav", codec="pcm_s16le")
    assert peaks_of(tmp_path / "in", 10) == (0,) * 5 + (0.5,) * 5


def test_live_webm_without_a_duration_has_peaks(tmp_path: Path) -> None:
    source = make.opus_track(tmp_path / "in", make.chirps(5, [1, 3]), start=5, lost=range(100, 140).__contains__)
    found = peaks_of(source, 10)
    pad(source, tmp_path / "out")
    assert [peak > 0.3 for peak in found] == [False] * 6 + [True, False, True, False]
    assert peaks_of(tmp_path / "out", 10) == pytest.approx(found, abs=0.05)


def test_silent_and_empty_files(tmp_path: Path) -> None:
    assert PeakMeter().peaks(3) == (0, 0, 0)
    assert peaks_of(make.no_packets(tmp_path / "in")) == (0.0,) * 255
    (tmp_path / "empty").touch()
    with pytest.raises(UnreadableAudio):
        peaks_of(tmp_path / "empty")
