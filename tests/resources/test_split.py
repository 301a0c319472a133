"""Long tracks go to a service in parts that fit, cut where it is silent, and come back on one clock."""

# pyright: basic

from pathlib import Path

import av
import numpy as np
import pytest

from resources.store.base import LocalStore
from resources.transcription.base import TrackAudio
from resources.transcription.openai import OpenAIAudio
from resources.transcription.split import split
from testing.hosts.gpu_host import GPUHost

KEY = "recordings/r1/tracks/0.webm"
RATE = 48_000


def speech_and_pauses(path: Path, seconds: int) -> list[tuple[float, float]]:
    """Write a track of noise with a pause of a second every seven; returns the pauses."""
    pauses: list[tuple[float, float]] = [(at, at + 1.0) for at in range(6, seconds, 7)]
    noise = np.random.default_rng(1).normal(0, 0.2, seconds * RATE).astype(np.float32)
    for begin, end in pauses:
        noise[int(begin * RATE) : int(end * RATE)] = 0
    with av.open(path, "w", format="webm") as container:
        stream = container.add_stream("libopus", rate=RATE)
        stream.layout, stream.bit_rate = "mono", 32_000
        for at in range(0, len(noise), RATE):
            frame = av.AudioFrame.from_ndarray(noise[None, at : at + RATE], format="flt", layout="mono")
            frame.sample_rate, frame.pts = RATE, at
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return pauses


def length(path: Path) -> float:
    with av.open(path) as container:
        return sum(frame.samples for frame in container.decode(audio=0)) / RATE


def test_a_long_track_is_cut_into_parts_that_fit_where_it_is_silent(tmp_path: Path):
    track = tmp_path / "long.webm"
    pauses = speech_and_pauses(track, 60)
    most = track.stat().st_size // 3
    parts = split(track, tmp_path, most_bytes=most)
    assert len(parts) >= 3
    assert all(part.path.stat().st_size <= most for part in parts)
    assert all(any(begin <= part.start <= end for begin, end in pauses) for part in parts[1:])
    ends = [part.start for part in parts[1:]] + [60.0]
    for part, end in zip(parts, ends, strict=True):
        assert length(part.path) == pytest.approx(end - part.start, abs=0.05)


def test_a_short_track_is_sent_as_it_is(tmp_path: Path):
    track = tmp_path / "short.webm"
    speech_and_pauses(track, 5)
    assert split(track, tmp_path, most_bytes=25_000_000) == [(0.0, track)]


def test_words_of_the_parts_are_on_the_tracks_clock(tmp_path: Path):
    store = LocalStore(root=str(tmp_path))
    with store.new_file(KEY) as path:
        speech_and_pauses(path, 60)
    most = store.stat(KEY).bytes // 2
    with GPUHost() as host:
        client = OpenAIAudio(url=f"{host.url}/v1", api_key=host.key, model=host.model, max_upload=most)
        audio = TrackAudio(store, KEY, "", 60.0)
        heard = client.transcribe(audio, speaker=0, recording="r1", track=0)
    assert len(host.requests) >= 2
    assert all(call.bytes <= most for call in host.requests)
    starts = [word.start for word in heard.words if word.word == "this"]
    assert starts[0] == 0
    assert len(starts) == len(host.requests)
    assert starts == sorted(starts)
    assert starts[-1] > 30
