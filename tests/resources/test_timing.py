"""Words have times by the sound of their track at every backend, and in answers that were cached before."""

# pyright: basic

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from domain.text.words import Word
from resources.call_cache import CallCache
from resources.store.base import LocalStore
from resources.transcription import cached
from resources.transcription.base import TrackAudio, Transcription
from resources.transcription.gpu import GPUService
from resources.transcription.openai import OpenAIAudio
from testing.audio_files import RATE, babble, opus_track
from testing.hosts.gpu_host import GPUHost

WHO: dict[str, Any] = {"speaker": 3, "recording": "r1", "track": 0}
# Sound from 2 to 3 s and from 5 to 6 s: the service begins 0.2 s early, and has "Then" on the wrong side of the pause.
ANSWER = [("Good", 1.8, 2.5), ("morning.", 2.5, 2.95), ("Then", 2.95, 3.3), ("we", 5.4, 5.7), ("go.", 5.7, 6.3)]


def gpu(host: GPUHost) -> GPUService:
    return GPUService(url=host.url, api_key=host.key, model=host.model, timeout=20)


def sdk(host: GPUHost) -> OpenAIAudio:
    return OpenAIAudio(url=f"{host.url}/v1", api_key=host.key, model=host.model, timeout=20)


def track(folder: Path, duration: float = 8.0) -> TrackAudio:
    sound = np.random.default_rng(1).standard_normal((1, 8 * RATE)).astype(np.float32) * 1e-4
    for at in (2, 5):
        # Of an even level, so that its start is where it is put.
        sound[:, at * RATE : (at + 1) * RATE] += babble(1.0) * 0.02 + 0.1 * np.sin(np.arange(RATE) / 30)
    opus_track(folder / "0.webm", sound)
    return TrackAudio(LocalStore(root=str(folder)), "0.webm", "hash", duration)


def test_the_times_of_a_service_agree_with_the_sound(tmp_path: Path):
    audio = track(tmp_path)
    with GPUHost() as host:
        host.words = lambda call: [{"word": word, "start": start, "end": end} for word, start, end in ANSWER]
        answers = [client(host).transcribe(audio, **WHO) for client in (gpu, sdk)]
    for found in answers:
        assert [word.word for word in found.words] == [word for word, *_ in ANSWER]
        good, morning, then, _, go = found.words
        assert good.start == pytest.approx(2.0, abs=0.05)
        assert morning.end == pytest.approx(3.0, abs=0.05)
        assert then.start == pytest.approx(5.0, abs=0.05)
        assert go.end == pytest.approx(6.0, abs=0.05)


def test_an_answer_cached_before_gets_times_without_another_call(tmp_path: Path):
    audio, cache = track(tmp_path), CallCache(folder=str(tmp_path / "calls"), max_bytes=1_000_000)
    with GPUHost() as host:
        transcriber = gpu(host)
        key = cache.key(audio="hash", transcriber=transcriber.identity(), speaker=3, duration=8.0)
        before = Transcription(tuple(Word(*word, 3, 1.0) for word in ANSWER), "en", 4.0, 1.0)
        # As 0.2.0 wrote it.
        cache.put(key, TypeAdapter(tuple).dump_json(tuple(before)[:5]))
        found, from_cache = cached.transcribe(transcriber, cache, audio, **WHO)
        assert host.requests == []
    assert from_cache
    assert found.words[0].start == pytest.approx(2.0, abs=0.05)
    assert found.settled


def test_no_word_lies_after_the_recordings_end(tmp_path: Path):
    with GPUHost() as host:
        host.words = lambda call: [{"word": "morning.", "start": 2.2, "end": 2.45}]
        [word] = gpu(host).transcribe(track(tmp_path, duration=2.5), **WHO).words
    assert (word.start, word.end) == (pytest.approx(2.0, abs=0.05), pytest.approx(2.5, abs=0.011))


def test_a_track_that_cant_be_read_loses_no_words(tmp_path: Path):
    audio = track(tmp_path)
    (tmp_path / "0.webm").write_bytes(b"no audio")
    with GPUHost() as host:
        host.words = lambda call: [{"word": word, "start": start, "end": end} for word, start, end in ANSWER]
        found = gpu(host).transcribe(audio, **WHO)
    assert [(word.word, word.start, word.end) for word in found.words] == ANSWER
    assert not found.settled
