import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.audio.opus import is_silence, packet_samples
from domain.audio.padding import pad, silent_track
from domain.audio.probe import SilentFile, probe
from domain.errors import UnreadableAudio
from domain.recording import TrackName
from testing import audio_files as make
from testing.audio_files import hears, late

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "samples" / "meeting"
EVERY_HALF_SECOND = [0.3 + 0.5 * n for n in range(39)]


@pytest.mark.parametrize(
    ("start", "decoder"), [(0.0, "opus"), (0.04, "libopus"), (12.2857, "opus"), (12.2857, "libopus")]
)
def test_chirps_stay_in_place_after_an_offset_mutes_and_packet_loss(tmp_path: Path, start: float, decoder: str) -> None:
    dice = random.Random(7)
    muted = [(3.0, 5.5), (9.1, 9.2), (12.0, 15.03)]
    loss = {n for n in range(1000) if dice.random() < 0.02}
    gone = {n for n in range(1000) if any(a <= n * 0.02 < b for a, b in muted)} | loss
    whole = [t for t in EVERY_HALF_SECOND if not any(n in gone for n in range(int(t * 50) - 3, int(t * 50) + 6))]
    source = make.opus_track(tmp_path / "in", make.chirps(20, EVERY_HALF_SECOND), start=start, lost=gone.__contains__)
    done = pad(source, tmp_path / "out", name_offset=start + 0.15)
    assert len(whole) > 20
    assert done.copied
    assert done.start == pytest.approx(start, abs=0.002)
    hears(tmp_path / "out", [start + t for t in whole], decoder=decoder)


def test_without_padding_the_chirps_would_be_early(tmp_path: Path) -> None:
    """The test above can fail: without padding, chirps are heard early."""
    source = make.opus_track(tmp_path / "in", make.chirps(20, EVERY_HALF_SECOND), lost=range(150, 270).__contains__)
    sound = make.decode(source)
    assert abs(late(sound, 1.8)) < 2
    assert abs(late(sound, 6.3)) > 10


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.floats(0, 5),
    st.sets(st.integers(1, 150), max_size=60),
    st.sampled_from([(10, 0), (10, 6), (20, 0), (20, 9), (60, 0), (60, 9)]),
)
def test_duration_and_timestamps_match_the_source(
    tmp_path: Path, start: float, lost: set[int], frame_and_jitter: tuple[int, int]
) -> None:
    frame_ms, jitter_ms = frame_and_jitter
    dice = random.Random(jitter_ms)
    source = make.opus_track(
        tmp_path / "in",
        make.chirps(2, []),
        start=start,
        frame_ms=frame_ms,
        lost=lost.__contains__,
        stamp=lambda _, at: at + round(dice.uniform(0, jitter_ms) * 48),
    )
    done, before, after = pad(source, tmp_path / "out"), probe(source), probe(tmp_path / "out")
    allowed = 0.012 + jitter_ms / 1000
    assert done.duration == pytest.approx(before.end, abs=allowed)
    assert after.end == pytest.approx(done.duration, abs=0.001)
    assert make.decode(tmp_path / "out").shape[1] == round(done.duration * 48_000)
    sounding = [(time, data) for time, data in make.packets(tmp_path / "out") if not is_silence(data)]
    assert [data for _, data in sounding] == [data for _, data in make.packets(source) if not is_silence(data)]
    for (time, _), (true, _) in zip(sounding, make.packets(source), strict=True):
        assert time == pytest.approx(true, abs=allowed)


def test_the_padded_file_has_no_offset_of_its_own(tmp_path: Path) -> None:
    source = make.opus_track(tmp_path / "in", make.chirps(4, []), start=7.5, lost=range(50, 100).__contains__)
    pad(source, tmp_path / "out")
    clock = -0.0065
    for time, data in make.packets(tmp_path / "out"):
        assert time == pytest.approx(clock, abs=0.001)
        clock += packet_samples(data) / 48_000
    assert clock == pytest.approx(11.5, abs=0.03)


def test_short_gaps_are_filled_in_a_track_that_starts_at_zero(tmp_path: Path) -> None:
    source = make.opus_track(tmp_path / "in", make.chirps(8, [1, 3, 5, 7]), lost={100, 200, 300}.__contains__)
    done = pad(source, tmp_path / "out")
    assert (done.start, done.gaps, done.silence) == (0.0, 3, pytest.approx(0.06, abs=0.004))
    hears(tmp_path / "out", [1, 3, 5, 7])


def test_speech_is_unchanged(tmp_path: Path) -> None:
    """The decoded samples are identical to the source's once the decoder has settled after a start or a mute."""
    source = make.opus_track(tmp_path / "in", make.babble(12), start=2.0, lost=range(200, 300).__contains__)
    pad(source, tmp_path / "out")
    alone, padded = (make.decode(path, decoder="libopus")[0] for path in (source, tmp_path / "out"))
    mute, settled = 4 * 48_000 - 312, 24_000
    for start, end, where in ((0, mute, 2 * 48_000), (mute, alone.size, 8 * 48_000 - 312)):
        piece = alone[start + settled : end]
        here = [
            at
            for at in range(where - 120, where + 121)
            if np.array_equal(padded[at + settled : at + settled + piece.size], piece)
        ]
        assert len(here) == 1
    assert np.abs(padded[2 * 48_000 : 2 * 48_000 + settled] - alone[:settled]).max() < 1e-3


def test_missing_parts_of_the_source_are_silent(tmp_path: Path) -> None:
    source = make.opus_track(tmp_path / "in", make.babble(6), start=1.0, lost=range(100, 200).__contains__)
    pad(source, tmp_path / "out")
    sound = make.decode(tmp_path / "out", decoder="libopus")
    assert max(make.level(sound, 0, 0.99), make.level(sound, 3.05, 4.95)) < -115
    assert make.level(sound, 1.1, 2.9) > -50


@pytest.mark.parametrize(
    ("start", "name", "expected"),
    [(0.0, 30.0, 30.0), (0.0, 0.9, 0.0), (12.3, 12.45, 12.3), (12.3, 45.0, 12.3), (12.3, 0.0, 12.3), (0.1, 2.0, 2.0)],
)
def test_the_offset_in_the_name_is_used_only_if_the_container_has_none(
    tmp_path: Path, start: float, name: float, expected: float
) -> None:
    source = make.opus_track(tmp_path / "in", make.chirps(3, [1, 2]), start=start)
    done = pad(source, tmp_path / "out", name_offset=name)
    hears(tmp_path / "out", [expected + 1, expected + 2])
    assert done.start == pytest.approx(expected, abs=0.01)
    assert any("name" in note for note in done.notes) == (expected != start)


@pytest.mark.parametrize(
    ("container", "codec", "rate", "channels"),
    [
        ("wav", "pcm_s16le", 16_000, 1),
        ("wav", "pcm_s16le", 44_100, 2),
        ("wav", "pcm_s16le", 8_000, 6),
        ("ipod", "aac", 48_000, 2),
        ("flac", "flac", 32_000, 1),
    ],
)
def test_other_codecs_are_decoded_and_encoded(
    tmp_path: Path, container: str, codec: str, rate: int, channels: int
) -> None:
    sound = make.chirps(3, [1, 2], rate=rate, channels=channels)
    source = make.encoded_track(tmp_path / "in", sound, container=container, codec=codec, rate=rate)
    done = pad(source, tmp_path / "out", name_offset=5.0)
    assert not done.copied
    assert (done.start, done.duration) == (pytest.approx(5, abs=0.001), pytest.approx(8, abs=0.05))
    assert probe(tmp_path / "out").channels == min(2, channels)
    hears(tmp_path / "out", [6, 7])


@pytest.mark.parametrize("container", ["ogg", "mp4", "matroska"])
def test_opus_is_copied_from_any_container(tmp_path: Path, container: str) -> None:
    source = make.opus_track(tmp_path / "in", make.chirps(3, [1, 2]), container=container)
    done = pad(source, tmp_path / "out", name_offset=5.0)
    assert done.copied
    hears(tmp_path / "out", [6, 7])


def test_surround_opus_is_mixed_down_to_stereo(tmp_path: Path) -> None:
    sound = make.chirps(4, [1, 3], channels=6)
    source = make.opus_track(tmp_path / "in", sound, start=2, options={"mapping_family": "1"}, bit_rate=128_000)
    assert not pad(source, tmp_path / "out").copied
    assert probe(tmp_path / "out").channels == 2
    hears(tmp_path / "out", [3, 5])


def test_silence_in_stereo_opus_is_stereo(tmp_path: Path) -> None:
    sound = np.concatenate([make.chirps(4, [1, 3]), make.chirps(4, [])])
    source = make.opus_track(tmp_path / "in", sound, start=2, lost=range(75, 100).__contains__, bit_rate=96_000)
    pad(source, tmp_path / "out")
    assert {data[0] & 4 for _, data in make.packets(tmp_path / "out")} == {4}
    heard = make.decode(tmp_path / "out")
    assert abs(late(heard, 3)) < 2
    assert make.level(heard[:1], 5, 5.06) > make.level(heard[1:], 5, 5.06) + 20


def test_gaps_in_decoded_tracks_are_filled(tmp_path: Path) -> None:
    source = make.encoded_track(
        tmp_path / "in", make.chirps(6, [1, 2, 4, 5]), container="matroska", codec="aac", gap=(3.0, 20.0)
    )
    done = pad(source, tmp_path / "out")
    assert (done.copied, done.gaps) == (False, 1)
    assert done.silence == pytest.approx(20, abs=0.05)
    sound = make.decode(tmp_path / "out")
    assert all(abs(late(sound, time)) < 2 for time in (1, 2))
    # AAC's frames are 21 ms long and Matroska's clock has milliseconds: both show at the second start only.
    assert all(abs(late(sound, time)) < 25 for time in (24, 25))


def test_a_format_change_in_mid_stream_is_handled(tmp_path: Path) -> None:
    parts = [(48_000, 1), (22_050, 2), (48_000, 1)]
    for rate, channels in parts:
        sound = make.chirps(2, [1], rate=rate, channels=channels)
        part = make.encoded_track(tmp_path / "part", sound, container="adts", codec="aac", rate=rate)
        with (tmp_path / "in").open("ab") as file:
            file.write(part.read_bytes())
    pad(tmp_path / "in", tmp_path / "out")
    sound = make.decode(tmp_path / "out")
    assert [late(sound, time, within=0.3) for time in (1, 3, 5)] == pytest.approx([150] * 3, abs=150)


def test_the_first_of_several_streams_is_used(tmp_path: Path) -> None:
    source = make.with_more_streams(tmp_path / "in", make.chirps(3, [1, 2]), audio=2, video=True)
    done = pad(source, tmp_path / "out")
    assert done.notes == ("holds 2 audio streams: the first one is used", "holds video, which is left out")
    hears(tmp_path / "out", [1, 2])


def test_a_silent_track_is_silent(tmp_path: Path) -> None:
    silent_track(tmp_path / "out", 12.345)
    assert probe(tmp_path / "out").end == pytest.approx(12.345, abs=0.002)
    assert not make.decode(tmp_path / "out").any()
    assert make.decode(tmp_path / "out").shape[1] == pytest.approx(12.345 * 48_000, abs=120)


def test_the_output_is_deterministic_across_processes(tmp_path: Path) -> None:
    make.opus_track(tmp_path / "opus", make.babble(3), start=1)
    make.encoded_track(tmp_path / "wav", make.babble(3), container="wav", codec="pcm_s16le")
    script = """
import sys
from pathlib import Path
from domain.audio.padding import pad, silent_track
pad(Path("opus"), Path("opus-there")); pad(Path("wav"), Path("wav-there")); silent_track(Path("silent-there"), 5)
"""
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, check=True)
    pad(tmp_path / "opus", tmp_path / "opus-here")
    pad(tmp_path / "wav", tmp_path / "wav-here")
    silent_track(tmp_path / "silent-here", 5)
    for name in ("opus", "wav", "silent"):
        assert (tmp_path / f"{name}-here").read_bytes() == (tmp_path / f"{name}-there").read_bytes()


def test_memory_does_not_grow_with_the_length_of_a_mute(tmp_path: Path) -> None:
    def far(n: int, at: int) -> int:
        return at + (50 * 60 * 48_000 if n >= 50 else 0)

    make.opus_track(tmp_path / "short", make.babble(2))
    make.opus_track(tmp_path / "long", make.babble(2), stamp=far)
    # The peak of the process's memory can only grow from the first track to the second one.
    script = """
import json, resource
from pathlib import Path
from domain.audio.padding import pad
print(json.dumps([
    (round(pad(Path(name), Path("out")).duration), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    for name in ("short", "long")
]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, check=True
    )
    (short, before), (long, after) = json.loads(done.stdout)
    assert (short, long) == (2, 3002)
    assert after < before * 1.1


@pytest.mark.slow
def test_the_sample_meeting(tmp_path: Path) -> None:
    truth = json.loads((SAMPLE / "truth.json").read_text())
    tracks = sorted(
        (name.offset_s, path) for path in (SAMPLE / "tracks").iterdir() if (name := TrackName.parse(path.name))
    )
    for speaker, (offset, track) in zip(truth["speakers"], tracks, strict=True):
        done = pad(track, tmp_path / "out", name_offset=offset)
        assert done.notes == ()
        assert done.start == pytest.approx(offset, abs=0.2)
        sound = make.decode(tmp_path / "out", decoder="libopus")
        turns = [(turn["start"], turn["end"]) for turn in truth["turns"] if turn["speaker"] == speaker]
        for start, end in turns:
            assert make.level(sound, start, end) > -40
            assert make.level(sound, start, start + 0.5) > -45
        for (_, end), (start, _) in zip([(0, 0), *turns], turns, strict=False):
            if start - end > 2:
                assert make.level(sound, end + 0.5, start - 0.5) < -70


# Truncated, damaged, empty and other files.


def test_a_truncated_file_is_used_up_to_the_damage(tmp_path: Path) -> None:
    whole = make.opus_track(tmp_path / "whole", make.chirps(10, [1, 2, 3, 8]), start=3)
    cut = tmp_path / "cut"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    done = pad(cut, tmp_path / "out")
    assert 6 < done.duration < 10
    assert any(note.startswith("damaged end: usable until") for note in done.notes)
    hears(tmp_path / "out", [4, 5, 6])
    assert pad(whole, tmp_path / "out").notes == ()


def test_damage_in_the_middle_becomes_silence(tmp_path: Path) -> None:
    whole = make.opus_track(tmp_path / "whole", make.chirps(18, [1, 2, 16, 17]), start=3).read_bytes()
    third = len(whole) // 3
    (tmp_path / "hurt").write_bytes(whole[:third] + bytes(3000) + whole[third + 3000 :])
    done = pad(tmp_path / "hurt", tmp_path / "out")
    assert done.duration == pytest.approx(21, abs=0.03)
    hears(tmp_path / "out", [4, 5, 19, 20])


@pytest.mark.parametrize("content", [b"", b"this is no sound\n" * 50, random.Random(1).randbytes(5000)])
def test_other_files_are_rejected(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "in.webm").write_bytes(content)
    with pytest.raises(UnreadableAudio) as error:
        pad(tmp_path / "in.webm", tmp_path / "out")
    assert not isinstance(error.value, SilentFile)
    assert str(tmp_path) not in str(error.value.at(recording="r", track=2))


@pytest.mark.parametrize("container", ["webm", "ogg", "matroska"])
def test_a_track_without_packets_raises_silent_file(tmp_path: Path, container: str) -> None:
    with pytest.raises(SilentFile):
        pad(make.no_packets(tmp_path / "in", container=container), tmp_path / "out")


def test_invalid_opus_packets_are_rejected(tmp_path: Path) -> None:
    source = make.opus_track(tmp_path / "in", make.chirps(1, []))
    content = source.read_bytes()
    for _, data in make.packets(source):
        content = content.replace(data, b"\xff\x00" + bytes(len(data) - 2))
    source.write_bytes(content)
    with pytest.raises(UnreadableAudio, match="none of the packets"):
        pad(source, tmp_path / "out")


def test_a_timestamp_reset_loses_no_audio_and_is_noted(tmp_path: Path) -> None:
    source = make.opus_track(tmp_path / "in", make.chirps(30, [1, 2, 27, 29]), start=20)
    make.rewind(source, seconds=15, cluster=3)
    done = pad(source, tmp_path / "out")
    hears(tmp_path / "out", [21, 22, 47, 49])
    assert any("reset" in note for note in done.notes)
