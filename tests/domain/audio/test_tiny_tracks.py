"""Tracks of a few samples or one packet."""

# pyright: basic

from pathlib import Path

import numpy as np
import pytest

from domain.audio.padding import pad
from domain.audio.probe import SilentFile
from testing import audio_files as make
from testing.audio_files import level


@pytest.mark.parametrize("rate", [8_000, 12_000, 16_000, 22_050, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("samples", [1, 12, 200])
def test_a_track_shorter_than_a_resamplers_delay_is_silent(tmp_path: Path, rate: int, samples: int) -> None:
    sound = np.full((1, samples), 0.1, dtype=np.float32)
    source = make.encoded_track(tmp_path / "in", sound, container="wav", codec="pcm_s16le", rate=rate)
    done = pad(source, tmp_path / "out", name_offset=2.0)
    assert (done.start, done.duration) == (pytest.approx(2, abs=0.002), pytest.approx(2, abs=0.03))
    assert level(make.decode(tmp_path / "out"), 0, 1.9) < -80


@pytest.mark.parametrize(("container", "codec", "rate"), [("wav", "pcm_s16le", 96_000), ("mp4", "aac", 48_000)])
def test_a_track_of_which_no_sample_is_left_is_silent(tmp_path: Path, container: str, codec: str, rate: int) -> None:
    sound = np.full((1, 1), 0.1, dtype=np.float32)
    source = make.encoded_track(tmp_path / "in", sound, container=container, codec=codec, rate=rate)
    with pytest.raises(SilentFile, match="no sound in it"):
        pad(source, tmp_path / "out", name_offset=2.0)


@pytest.mark.parametrize("rate", [8_000, 12_000, 16_000, 24_000, 48_000])
@pytest.mark.parametrize("container", ["webm", "ogg"])
def test_opus_of_5_ms_is_copied(tmp_path: Path, rate: int, container: str) -> None:
    sound = np.full((1, rate // 200), 0.1, dtype=np.float32)
    source = make.encoded_track(tmp_path / "in", sound, container=container, codec="libopus", rate=rate)
    done = pad(source, tmp_path / "out", name_offset=2.0)
    assert done.copied
    assert (done.packets, done.duration) == (1, pytest.approx(2, abs=0.03))
    assert level(make.decode(tmp_path / "out"), 0, 1.9) < -80
