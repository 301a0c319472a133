"""Padding of tracks that are cut, hurt, empty or no audio at all."""

import random
from pathlib import Path

import pytest

from domain.audio.padding import pad
from domain.audio.probe import SilentFile
from domain.errors import UnreadableAudio
from testing import audio_files as make
from testing.audio_files import hears


def test_a_cut_file_is_used_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = make.opus_track(tmp_path / "whole", make.chirps(10, [1, 2, 3, 8]), start=3)
    cut = tmp_path / "cut"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    done = pad(cut, tmp_path / "out")
    assert 6 < done.duration < 10
    assert any(note.startswith("damaged end: usable until") for note in done.notes)
    hears(tmp_path / "out", [4, 5, 6])
    assert pad(whole, tmp_path / "out").notes == ()


def test_damage_in_the_middle_becomes_silence(tmp_path: Path) -> None:
    whole = make.opus_track(tmp_path / "whole", make.chirps(30, [1, 2, 28, 29]), start=3).read_bytes()
    third = len(whole) // 3
    (tmp_path / "hurt").write_bytes(whole[:third] + bytes(3000) + whole[third + 3000 :])
    done = pad(tmp_path / "hurt", tmp_path / "out")
    assert done.duration == pytest.approx(33, abs=0.03)
    hears(tmp_path / "out", [4, 5, 31, 32])


@pytest.mark.parametrize("content", [b"", b"this is no sound\n" * 50, random.Random(1).randbytes(5000)])
def test_what_is_no_audio_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "in.webm").write_bytes(content)
    with pytest.raises(UnreadableAudio) as error:
        pad(tmp_path / "in.webm", tmp_path / "out")
    assert not isinstance(error.value, SilentFile)
    assert str(tmp_path) not in str(error.value.at(recording="r", track=2))


@pytest.mark.parametrize("container", ["webm", "ogg", "matroska"])
def test_a_track_without_packets_is_told_apart(tmp_path: Path, container: str) -> None:
    with pytest.raises(SilentFile):
        pad(make.no_packets(tmp_path / "in", container=container), tmp_path / "out")


def test_opus_that_is_no_opus_is_refused(tmp_path: Path) -> None:
    source = make.opus_track(tmp_path / "in", make.chirps(1, []))
    content = source.read_bytes()
    for _, data in make.packets(source):
        content = content.replace(data, b"\xff\x00" + bytes(len(data) - 2))
    source.write_bytes(content)
    with pytest.raises(UnreadableAudio, match="none of the packets"):
        pad(source, tmp_path / "out")


def test_reset_timestamps_lose_nothing_and_are_noted(tmp_path: Path) -> None:
    source = make.opus_track(tmp_path / "in", make.chirps(30, [1, 2, 27, 29]), start=20)
    make.rewind(source, seconds=15, cluster=3)
    done = pad(source, tmp_path / "out")
    hears(tmp_path / "out", [21, 22, 47, 49])
    assert any("reset" in note for note in done.notes)
