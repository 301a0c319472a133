"""The OpenAI-compatible client against a transcription server of others: words and times of the sample meeting."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jiwer
import pytest
from whisper_normalizer.english import EnglishTextNormalizer

from domain.audio.padding import pad
from domain.errors import PermanentError
from resources.store.base import LocalStore
from resources.transcription.base import TrackAudio
from resources.transcription.openai import OpenAIAudio
from testing.audio_files import remuxed
from testing.deployment import SAMPLE
from testing.parts import asr_server
from testing.parts.asr_server import ASRServer

pytestmark = [
    pytest.mark.slow(12),
    pytest.mark.skipif(asr_server.missing() is not None, reason=str(asr_server.missing())),
]

TRUTH = json.loads((SAMPLE / "truth.json").read_text())
[BEN] = (SAMPLE / "tracks").glob("*-d4ae9e67-48f8-541b-9839-3fdb6d98cbac-*")
# What he said at first is enough: all of it takes twice as long.
END_S = 123.0
TURNS = [turn for turn in TRUTH["turns"] if turn["speaker"] == "Ben" and turn["end"] < END_S]
normal = EnglishTextNormalizer()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ASRServer]:
    with ASRServer(tmp_path_factory.mktemp("asr")) as started:
        yield started


def client(server: ASRServer, **more: Any) -> OpenAIAudio:
    return OpenAIAudio(**(dict[str, Any](url=server.url, api_key=server.key, model=server.model, timeout=240) | more))


def test_a_track_of_the_sample_meeting_is_heard_with_its_times(server: ASRServer, tmp_path: Path) -> None:
    pad(remuxed(tmp_path / "raw.webm", BEN, end=END_S), tmp_path / "ben.webm")
    audio = TrackAudio(LocalStore(root=str(tmp_path)), "ben.webm", "unused", END_S)
    words, language, speech, *_ = client(server).transcribe(audio, speaker=1, recording="r", track=1)
    said = normal(" ".join(turn["text"] for turn in TURNS))
    assert jiwer.wer(said, normal(" ".join(word.word for word in words))) <= 0.08
    late = [min(abs(word.start - turn["start"]) for word in words) for turn in TURNS]
    assert sum(seconds <= 0.1 for seconds in late) >= 0.9 * len(TURNS), late
    assert [word.start for word in words] == sorted(word.start for word in words)
    assert all(word.word == word.word.strip() and word.speaker == 1 for word in words)
    assert language == "en"
    assert speech == pytest.approx(sum(turn["end"] - turn["start"] for turn in TURNS), rel=0.15)


def test_a_wrong_key_and_a_wrong_model_are_reported(server: ASRServer, tmp_path: Path) -> None:
    assert "accepts the key" in client(server).check(60)
    (tmp_path / "short.webm").write_bytes(BEN.read_bytes()[:2000])
    audio = TrackAudio(LocalStore(root=str(tmp_path)), "short.webm", "unused", 1.0)
    with pytest.raises(PermanentError, match="TRANSCRIPT_MODAL_API_KEY") as refused:
        client(server, api_key="sk-another").check(60)
    assert "sk-another" not in str(refused.value)
    with pytest.raises(PermanentError, match="401"):
        client(server, api_key="sk-another").transcribe(audio, speaker=0, recording="r", track=0)
    with pytest.raises(PermanentError, match="403"):
        client(server, model="openai/whisper-huge").transcribe(audio, speaker=0, recording="r", track=0)
