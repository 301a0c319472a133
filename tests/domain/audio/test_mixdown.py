import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from domain.audio.mixdown import mix
from domain.audio.padding import pad, silent_track
from domain.audio.peaks import peaks_of
from domain.audio.probe import SilentFile, probe
from domain.errors import UnreadableAudio
from testing import audio_files as make


def tone(seconds: float, level: float, hertz: float = 440, *, rate: int = 48_000) -> make.Sound:
    return (np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate) * level).astype(np.float32)[None]


def wave_file(path: Path, sound: make.Sound, *, rate: int = 48_000) -> Path:
    return make.encoded_track(path, sound, container="wav", codec="pcm_s16le", rate=rate)


# LAME attenuates by this factor.
GAIN = 0.95


def strength(sound: make.Sound, hertz: float, channel: int = 0) -> float:
    """Return the level of a tone in the second in the middle."""
    middle = sound[channel, sound.shape[1] // 2 - 24_000 : sound.shape[1] // 2 + 24_000]
    return float(np.abs(np.exp(2j * np.pi * hertz * np.arange(48_000) / 48_000) @ middle) / 24_000)


def test_every_track_is_heard_at_its_time(tmp_path: Path) -> None:
    first = make.opus_track(tmp_path / "1", make.chirps(8, [1, 5]), start=0.5)
    second = make.opus_track(tmp_path / "2", make.chirps(4, [1, 3]), start=4.2, lost=range(75, 125).__contains__)
    for n, track in enumerate((first, second), 1):
        pad(track, tmp_path / f"padded{n}")
    for tracks in ([first, second], [tmp_path / "padded1", tmp_path / "padded2"]):
        done = mix(tracks, tmp_path / "out.mp3", duration=9.25)
        sound = make.decode(tmp_path / "out.mp3")
        assert [time for time in (1.5, 5.5, 5.2, 7.2) if abs(make.late(sound, time)) > 2] == []
        assert done.duration == 9.25
        assert sound.shape[1] / 48_000 == pytest.approx(9.25, abs=0.06)
        assert probe(tmp_path / "out.mp3").channels == 2
        assert done.notes == ()


def test_speech_from_the_first_sample_is_preserved_and_its_delay_noted(tmp_path: Path) -> None:
    source = wave_file(tmp_path / "in", make.chirps(2, [0.0, 1.0]))
    done = mix([source], tmp_path / "out.mp3")
    sound = make.decode(tmp_path / "out.mp3")
    assert make.late(sound, 0) == pytest.approx(23, abs=1)
    assert done.notes == ("speech in the first 23 ms, so the mp3 is 23 ms late",)


def test_mono_goes_to_both_channels_at_full_level(tmp_path: Path) -> None:
    mix([wave_file(tmp_path / "in", tone(3, 0.25))], tmp_path / "out.mp3")
    sound = make.decode(tmp_path / "out.mp3")
    assert strength(sound, 440, 0) == pytest.approx(0.25 * GAIN, rel=0.01)
    assert strength(sound, 440, 1) == pytest.approx(0.25 * GAIN, rel=0.01)


def test_stereo_keeps_its_panning_when_mixed_with_mono(tmp_path: Path) -> None:
    left = wave_file(tmp_path / "left", np.concatenate([tone(3, 0.2, 440), tone(3, 0.0)]))
    middle = wave_file(tmp_path / "middle", tone(3, 0.2, 1000))
    mix([middle, left], tmp_path / "out.mp3")
    sound = make.decode(tmp_path / "out.mp3")
    assert strength(sound, 440, 0) == pytest.approx(0.2 * GAIN, rel=0.01)
    assert strength(sound, 440, 1) < 0.01
    assert (
        strength(sound, 1000, 0)
        == pytest.approx(strength(sound, 1000, 1), rel=0.03)
        == pytest.approx(0.2 * GAIN, rel=0.01)
    )


@pytest.mark.parametrize("order", [1, -1])
def test_other_sample_rates_are_mixed_in_any_order(tmp_path: Path, order: int) -> None:
    tones = {8_000: 500, 16_000: 700, 44_100: 1100, 48_000: 1700}
    tracks = [wave_file(tmp_path / str(rate), tone(3, 0.1, hz, rate=rate), rate=rate) for rate, hz in tones.items()]
    done = mix(tracks[::order], tmp_path / "out.mp3")
    sound = make.decode(tmp_path / "out.mp3")
    for hz in tones.values():
        assert strength(sound, hz) == pytest.approx(0.1 * GAIN, rel=0.02)
    assert done.duration == pytest.approx(3, abs=0.01)


def unreadable(kind: str, path: Path) -> Path:
    if kind == "empty":
        path.touch()
    elif kind == "garbage":
        path.write_bytes(random.Random(5).randbytes(3000))
    elif kind == "cut header":
        path.write_bytes(make.no_packets(path).read_bytes()[:120])
    elif kind == "video only":
        make.with_more_streams(path, make.chirps(1, []), audio=0, video=True)
    elif kind == "undecodable":
        source = make.opus_track(path, make.babble(1))
        content = source.read_bytes()
        for _, data in make.packets(source):
            content = content.replace(data, b"\xff\x00" + bytes(len(data) - 2))
        source.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("empty", 1),
        ("garbage", 1),
        ("garbage", 2),
        ("garbage", 3),
        ("cut header", 2),
        ("video only", 3),
        ("undecodable", 2),
    ],
)
def test_an_unreadable_track_aborts_the_mix_with_its_position(tmp_path: Path, kind: str, place: int) -> None:
    tracks = [wave_file(tmp_path / str(n), tone(1, 0.1)) for n in range(2)]
    tracks.insert(place - 1, unreadable(kind, tmp_path / "bad"))
    with pytest.raises(UnreadableAudio, match=f"file {place} of 3") as error:
        mix(tracks, tmp_path / "out.mp3")
    assert not isinstance(error.value, SilentFile)


@pytest.mark.parametrize("place", [1, 2])
def test_a_track_without_sound_is_noted_and_mixed_as_silence(tmp_path: Path, place: int) -> None:
    tracks = [wave_file(tmp_path / "one", tone(3, 0.2))]
    tracks.insert(place - 1, make.no_packets(tmp_path / "none"))
    done = mix(tracks, tmp_path / "out.mp3")
    assert f"file {place} of 2: no sound in it" in done.notes
    assert strength(make.decode(tmp_path / "out.mp3"), 440) == pytest.approx(0.2 * GAIN, rel=0.01)


def test_no_tracks_give_silence(tmp_path: Path) -> None:
    done = mix([], tmp_path / "out.mp3", duration=3.5)
    assert (done.duration, done.peaks) == (3.5, (0.0,) * 255)
    sound = make.decode(tmp_path / "out.mp3")
    assert sound.shape == (2, pytest.approx(3.5 * 48_000, abs=3000))
    assert np.abs(sound).max() < 1e-4


def test_silent_tracks_give_silence_of_their_duration(tmp_path: Path) -> None:
    silent_track(tmp_path / "in", 2.5)
    done = mix([tmp_path / "in"], tmp_path / "out.mp3")
    assert done.duration == pytest.approx(2.5, abs=0.003)
    assert set(done.peaks) == {0.0}


def test_a_shorter_duration_does_not_truncate(tmp_path: Path) -> None:
    done = mix([wave_file(tmp_path / "in", make.chirps(4, [3.5]))], tmp_path / "out.mp3", duration=2)
    assert done.duration == 4
    assert abs(make.late(make.decode(tmp_path / "out.mp3"), 3.5)) < 2


def test_loud_tracks_are_limited_and_never_wrap(tmp_path: Path) -> None:
    tracks = [wave_file(tmp_path / str(n), tone(2, 0.9)) for n in range(3)]
    done = mix(tracks, tmp_path / "out.mp3")
    assert max(done.peaks) <= 1
    sound = make.decode(tmp_path / "out.mp3")
    # What wraps around changes its sign: then little would be left of the tone.
    assert strength(sound, 440) > 0.9


def test_quiet_tracks_are_not_limited(tmp_path: Path) -> None:
    tracks = [wave_file(tmp_path / str(n), tone(2, 0.2)) for n in range(3)]
    assert max(mix(tracks, tmp_path / "out.mp3").peaks) == pytest.approx(0.6, abs=0.01)


def test_the_peaks_match_those_of_the_mp3(tmp_path: Path) -> None:
    source = make.opus_track(tmp_path / "in", make.chirps(20, [1, 5.5, 6, 18], level=0.6), start=1)
    done = mix([source], tmp_path / "out.mp3", peaks=7)
    assert all(0 <= peak <= 1 and round(peak, 2) == peak for peak in done.peaks)
    assert max(done.peaks) == pytest.approx(0.6, abs=0.08)
    assert done.peaks == pytest.approx(peaks_of(tmp_path / "out.mp3", 7), abs=0.05)
    assert [peak > 0.3 for peak in done.peaks] == [True, False, True, False, False, False, True]


def test_the_quality_is_passed_to_lame(tmp_path: Path) -> None:
    source = make.opus_track(tmp_path / "in", make.babble(3))
    for quality in (3, 7):
        mix([source], tmp_path / f"{quality}.mp3", quality=quality)
    best, fast = ((tmp_path / f"{quality}.mp3").read_bytes() for quality in (3, 7))
    assert best != fast
    assert len(best) == len(fast)


def test_the_output_is_deterministic_across_processes(tmp_path: Path) -> None:
    for n in range(2):
        make.opus_track(tmp_path / str(n), make.babble(3, seed=n), start=n)
    script = """
from pathlib import Path
from domain.audio.mixdown import mix
mix([Path("0"), Path("1")], Path("there"))
"""
    environment = {"PYTHONPATH": str(Path(__file__).parents[3])}
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, check=True)
    mix([tmp_path / "0", tmp_path / "1"], tmp_path / "here")
    assert (tmp_path / "here").read_bytes() == (tmp_path / "there").read_bytes()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_raises(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        mix([wave_file(tmp_path / "in", tone(30, 0.5))], Path("/dev/full"))
