import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.audio.padding import pad
from domain.audio.probe import SilentFile, probe
from domain.errors import PermanentError, UnreadableAudio
from testing import audio_files as make


def test_a_daily_track(tmp_path: Path) -> None:
    found = probe(make.opus_track(tmp_path / "in", make.chirps(4, [1]), start=12.5, lost=range(50, 100).__contains__))
    assert (found.codec, found.sample_rate, found.channels, found.packets) == ("opus", 48_000, 1, 151)
    assert (found.start, found.end) == (pytest.approx(12.4935, abs=0.001), pytest.approx(16.5, abs=0.001))
    assert found.notes == ()


@pytest.mark.parametrize(
    ("container", "codec", "rate", "channels"),
    [
        ("wav", "pcm_s16le", 16_000, 2),
        ("ipod", "aac", 44_100, 1),
        ("flac", "flac", 32_000, 1),
        ("ogg", "opus", 48_000, 1),
    ],
)
def test_other_containers_and_codecs(tmp_path: Path, container: str, codec: str, rate: int, channels: int) -> None:
    sound = make.chirps(3, [1], rate=rate, channels=channels)
    encoder = {"opus": "libopus"}.get(codec, codec)
    found = probe(make.encoded_track(tmp_path / "in", sound, container=container, codec=encoder, rate=rate))
    assert (found.codec, found.sample_rate, found.channels) == (codec, rate, channels)
    assert found.end == pytest.approx(3, abs=0.05)
    assert found.notes == ()


@pytest.mark.parametrize("content", [b"", b"WEBVTT\n\nhello\n" * 40, random.Random(3).randbytes(4000)])
def test_files_without_audio_are_rejected(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "in.webm").write_bytes(content)
    with pytest.raises(UnreadableAudio) as error:
        probe(tmp_path / "in.webm")
    assert not isinstance(error.value, SilentFile)
    assert isinstance(error.value, PermanentError)
    assert "\n" not in str(error.value)


def test_a_file_with_video_only_is_rejected_with_the_reason(tmp_path: Path) -> None:
    source = make.with_more_streams(tmp_path / "in.webm", make.chirps(1, []), audio=0, video=True)
    with pytest.raises(UnreadableAudio, match="holds no audio, only video"):
        probe(source)


@pytest.mark.parametrize("container", ["webm", "matroska", "ogg"])
def test_a_file_without_packets_is_silent(tmp_path: Path, container: str) -> None:
    with pytest.raises(SilentFile):
        probe(make.no_packets(tmp_path / "in", container=container))


def test_an_empty_wav_is_rejected(tmp_path: Path) -> None:
    make.encoded_track(tmp_path / "in", make.chirps(1, []), container="wav", codec="pcm_s16le")
    head = (tmp_path / "in").read_bytes()[:44]
    (tmp_path / "in").write_bytes(head[:40] + bytes(4))
    with pytest.raises(UnreadableAudio):
        probe(tmp_path / "in")


def test_a_truncated_header_is_not_silent(tmp_path: Path) -> None:
    whole = make.no_packets(tmp_path / "in").read_bytes()
    for size in (4, 40, 150):
        (tmp_path / "in").write_bytes(whole[:size])
        with pytest.raises(UnreadableAudio) as error:
            probe(tmp_path / "in")
        assert not isinstance(error.value, SilentFile)


@pytest.mark.parametrize("live", [True, False])
def test_a_truncated_file_is_noted_with_its_usable_duration(tmp_path: Path, live: bool) -> None:
    whole = make.opus_track(tmp_path / "in", make.babble(12), start=3, live=live)
    assert probe(whole).notes == ()
    data = whole.read_bytes()
    for part in (0.3, 0.61, 0.9):
        whole.write_bytes(data[: int(len(data) * part)])
        found = probe(whole)
        assert 3 < found.end < 15
        assert len(found.notes) == 1
        assert found.notes[0].startswith(f"damaged end: usable until {found.end:.1f} s (")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 30_000))
def test_a_file_truncated_anywhere_is_read_or_rejected(tmp_path: Path, size: int) -> None:
    if not (tmp_path / "whole").exists():
        make.opus_track(tmp_path / "whole", make.babble(6))
    data = (tmp_path / "whole").read_bytes()
    (tmp_path / "cut").write_bytes(data[:size])
    try:
        found = probe(tmp_path / "cut")
        assert 0 <= found.end <= 6.001
        assert pad(tmp_path / "cut", tmp_path / "out").duration == pytest.approx(found.end, abs=0.012)
    except UnreadableAudio:
        assert size < 1000


def test_a_truncated_wav_is_noted(tmp_path: Path) -> None:
    source = make.encoded_track(tmp_path / "in", make.chirps(6, []), container="wav", codec="pcm_s16le")
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    found = probe(source)
    assert found.end == pytest.approx(3, abs=0.1)
    assert found.notes


def test_several_streams_are_noted(tmp_path: Path) -> None:
    source = make.with_more_streams(tmp_path / "in", make.chirps(2, []), audio=2, video=True)
    assert probe(source).notes == ("holds 2 audio streams: the first one is used", "holds video, which is left out")


def test_playlists_are_not_followed(tmp_path: Path) -> None:
    make.encoded_track(tmp_path / "secret.ts", make.chirps(2, []), container="mpegts", codec="aac")
    (tmp_path / "list.webm").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nsecret.ts\n#EXT-X-ENDLIST\n")
    (tmp_path / "concat.webm").write_text("ffconcat version 1.0\nfile secret.ts\n")
    assert probe(tmp_path / "secret.ts").packets
    for name in ("list.webm", "concat.webm"):
        with pytest.raises(UnreadableAudio):
            probe(tmp_path / name)


def test_a_missing_file_raises_file_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        probe(tmp_path / "nothing")
