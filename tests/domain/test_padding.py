import hashlib
import json
import random
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.audio.opus import is_silence, packet_samples
from domain.audio.padding import pad, silent_track
from domain.audio.probe import probe
from domain.recording import TrackName
from testing import audio_files as make
from testing.audio_files import hears, late

SAMPLE = Path(__file__).parents[2] / "samples" / "meeting"
EVERY_HALF_SECOND = [0.3 + 0.5 * n for n in range(39)]


@pytest.mark.parametrize("decoder", ["opus", "libopus"])
@pytest.mark.parametrize("start", [0.0, 0.04, 12.2857])
def test_every_chirp_is_where_it_was_after_offset_mutes_and_loss(tmp_path: Path, start: float, decoder: str) -> None:
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
    """The check above can fail: the same listener hears the unpadded track wrong."""
    source = make.opus_track(tmp_path / "in", make.chirps(20, EVERY_HALF_SECOND), lost=range(150, 270).__contains__)
    sound = make.decode(source)
    assert abs(late(sound, 1.8)) < 2
    assert abs(late(sound, 6.3)) > 10


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.floats(0, 5),
    st.sets(st.integers(1, 150), max_size=60),
    st.sampled_from([(10, 0), (10, 6), (20, 0), (20, 9), (60, 0), (60, 9)]),
)
def test_length_and_clock_are_the_sources(
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


def test_gaps_are_filled_in_a_track_that_starts_at_zero_however_short_they_are(tmp_path: Path) -> None:
    source = make.opus_track(tmp_path / "in", make.chirps(8, [1, 3, 5, 7]), lost={100, 200, 300}.__contains__)
    done = pad(source, tmp_path / "out")
    assert (done.start, done.gaps, done.silence) == (0.0, 3, pytest.approx(0.06, abs=0.004))
    hears(tmp_path / "out", [1, 3, 5, 7])


def test_speech_is_not_changed(tmp_path: Path) -> None:
    """Bit by bit what libopus makes of the source, as soon as its state has settled after a start or a mute."""
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


def test_sound_is_silent_where_the_source_is_missing(tmp_path: Path) -> None:
    source = make.opus_track(tmp_path / "in", make.babble(6), start=1.0, lost=range(100, 200).__contains__)
    pad(source, tmp_path / "out")
    sound = make.decode(tmp_path / "out", decoder="libopus")
    assert max(make.level(sound, 0, 0.99), make.level(sound, 3.05, 4.95)) < -115
    assert make.level(sound, 1.1, 2.9) > -50


@pytest.mark.parametrize(
    ("start", "name", "expected"),
    [(0.0, 30.0, 30.0), (0.0, 0.9, 0.0), (12.3, 12.45, 12.3), (12.3, 45.0, 12.3), (12.3, 0.0, 12.3), (0.1, 2.0, 2.0)],
)
def test_the_name_counts_only_when_the_container_lost_its_offset(
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
        ("wav", "pcm_s16le", 48_000, 1),
        ("wav", "pcm_s16le", 16_000, 1),
        ("wav", "pcm_s16le", 44_100, 2),
        ("wav", "pcm_s16le", 8_000, 6),
        ("ipod", "aac", 48_000, 2),
        ("ipod", "aac", 44_100, 1),
        ("flac", "flac", 32_000, 1),
    ],
)
def test_other_codecs_are_decoded_and_encoded(
    tmp_path: Path, container: str, codec: str, rate: int, channels: int
) -> None:
    sound = make.chirps(4, [1, 2, 3], rate=rate, channels=channels)
    source = make.encoded_track(tmp_path / "in", sound, container=container, codec=codec, rate=rate)
    done = pad(source, tmp_path / "out", name_offset=5.0)
    assert not done.copied
    assert (done.start, done.duration) == (pytest.approx(5, abs=0.001), pytest.approx(9, abs=0.05))
    assert probe(tmp_path / "out").channels == min(2, channels)
    hears(tmp_path / "out", [6, 7, 8])


@pytest.mark.parametrize("container", ["ogg", "mp4", "matroska"])
def test_opus_is_copied_out_of_any_container(tmp_path: Path, container: str) -> None:
    source = make.opus_track(tmp_path / "in", make.chirps(4, [1, 2, 3]), container=container)
    done = pad(source, tmp_path / "out", name_offset=5.0)
    assert done.copied
    hears(tmp_path / "out", [6, 7, 8])


def test_surround_opus_is_mixed_down_to_stereo(tmp_path: Path) -> None:
    sound = make.chirps(4, [1, 3], channels=6)
    source = make.opus_track(tmp_path / "in", sound, start=2, options={"mapping_family": "1"}, bit_rate=128_000)
    assert not pad(source, tmp_path / "out").copied
    assert probe(tmp_path / "out").channels == 2
    hears(tmp_path / "out", [3, 5])


def test_stereo_opus_stays_stereo_in_silence_too(tmp_path: Path) -> None:
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


def test_a_format_that_changes_in_mid_stream_loses_nothing(tmp_path: Path) -> None:
    parts = [(48_000, 1), (22_050, 2), (48_000, 1)]
    for rate, channels in parts:
        sound = make.chirps(4, [1, 3], rate=rate, channels=channels)
        part = make.encoded_track(tmp_path / "part", sound, container="adts", codec="aac", rate=rate)
        with (tmp_path / "in").open("ab") as file:
            file.write(part.read_bytes())
    pad(tmp_path / "in", tmp_path / "out")
    sound = make.decode(tmp_path / "out")
    assert [late(sound, time, within=0.3) for time in (1, 3, 5, 7, 9, 11)] == pytest.approx([150] * 6, abs=150)


def test_the_first_of_several_streams_is_taken(tmp_path: Path) -> None:
    source = make.with_more_streams(tmp_path / "in", make.chirps(3, [1, 2]), audio=2, video=True)
    done = pad(source, tmp_path / "out")
    assert done.notes == ("holds 2 audio streams: the first one is used", "holds video, which is left out")
    hears(tmp_path / "out", [1, 2])


def test_silent_track(tmp_path: Path) -> None:
    silent_track(tmp_path / "out", 12.345)
    assert probe(tmp_path / "out").end == pytest.approx(12.345, abs=0.002)
    assert not make.decode(tmp_path / "out").any()
    assert make.decode(tmp_path / "out").shape[1] == pytest.approx(12.345 * 48_000, abs=120)


def test_the_same_input_gives_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    make.opus_track(tmp_path / "opus", make.babble(3), start=1)
    make.encoded_track(tmp_path / "wav", make.babble(3), container="wav", codec="pcm_s16le")
    script = """
import hashlib, json, sys
from pathlib import Path
from domain.audio.padding import pad, silent_track
folder, run = Path(sys.argv[1]), sys.argv[2]
outs = [folder / f"{name}-{run}" for name in ("opus", "wav", "silent")]
pad(folder / "opus", outs[0]); pad(folder / "wav", outs[1]); silent_track(outs[2], 5)
print(json.dumps([hashlib.sha256(out.read_bytes()).hexdigest() for out in outs]))
"""
    runs = [
        subprocess.run([sys.executable, "-c", script, tmp_path, str(n)], capture_output=True, check=True).stdout
        for n in range(2)
    ]
    assert runs[0] == runs[1]
    assert len(set(json.loads(runs[0]))) == 3


def test_a_long_mute_costs_no_memory(tmp_path: Path) -> None:
    def far(n: int, at: int) -> int:
        return at + (50 * 60 * 48_000 if n >= 50 else 0)

    make.opus_track(tmp_path / "short", make.babble(2))
    make.opus_track(tmp_path / "long", make.babble(2), stamp=far)
    with wave.open(str(tmp_path / "wave"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 8000 * 600))
    script = """
import resource, sys
from pathlib import Path
from domain.audio.padding import pad
done = pad(Path(sys.argv[1]), Path(sys.argv[2]))
print(done.duration, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    peak = {}
    for name in ("short", "long"):
        out = subprocess.run(
            [sys.executable, "-c", script, tmp_path / name, tmp_path / "out"],
            capture_output=True,
            check=True,
            text=True,
        ).stdout.split()
        peak[name] = (round(float(out[0])), int(out[1]))
    assert (peak["short"][0], peak["long"][0]) == (2, 3002)
    assert peak["long"][1] < peak["short"][1] * 1.1


def test_the_sample_meeting(tmp_path: Path) -> None:
    truth = json.loads((SAMPLE / "truth.json").read_text())
    tracks = sorted((SAMPLE / "tracks").iterdir(), key=lambda path: TrackName.parse(path.name).offset_s)
    for speaker, track in zip(truth["speakers"], tracks, strict=True):
        done = pad(track, tmp_path / "out", name_offset=TrackName.parse(track.name).offset_s)
        assert done.notes == ()
        assert done.start == pytest.approx(TrackName.parse(track.name).offset_s, abs=0.2)
        sound = make.decode(tmp_path / "out", decoder="libopus")
        turns = [(turn["start"], turn["end"]) for turn in truth["turns"] if turn["speaker"] == speaker]
        for start, end in turns:
            assert make.level(sound, start, end) > -40
            assert make.level(sound, start, start + 0.5) > -45
        for (_, end), (start, _) in zip([(0, 0), *turns], turns, strict=False):
            if start - end > 2:
                assert make.level(sound, end + 0.5, start - 0.5) < -70
    assert hashlib.sha256((tmp_path / "out").read_bytes()).digest()
