"""The embedded Whisper: the sample meeting, silence, long pauses, languages, and what can't be transcribed."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jiwer
import numpy as np
import pytest
from whisper_normalizer.english import EnglishTextNormalizer

from domain.audio import decoding
from domain.audio.padding import pad, silent_track
from domain.audio.probe import open_audio
from domain.errors import PermanentError, UnreadableAudio
from resources.store.base import LocalStore
from resources.transcription import vad
from resources.transcription.base import TrackAudio, Transcription
from resources.transcription.gpu import GPUService
from resources.transcription.meeting_language import choose
from resources.transcription.whisper import EmbeddedWhisper
from testing.audio_files import RATE, Sound, opus_track
from testing.deployment import SAMPLE
from testing.hosts.gpu_host import GPUHost

pytestmark = pytest.mark.slow(50)

TRUTH: Mapping[str, Any] = json.loads((SAMPLE / "truth.json").read_text())
NAMES = {p["participant_id"]: p["user_name"] for p in json.loads((SAMPLE / "participants.json").read_text())["data"]}

# OpenAI's own normaliser for English, as word error rates of Whisper are given: lower case, no punctuation, numbers
# in figures ("twenty sixth" and "26th" are the same word, so are "nine thousand euros" and "9,000 euros").
normal = EnglishTextNormalizer()


class TrackResult(NamedTuple):
    """What was heard of one participant's track, and the turns that were spoken."""

    name: str
    transcription: Transcription
    turns: list[Mapping[str, Any]]

    @property
    def said(self) -> str:
        return normal(" ".join(turn["text"] for turn in self.turns))

    @property
    def heard(self) -> str:
        return normal(" ".join(word.word for word in self.transcription.words))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the sample's padded tracks, `<name>.webm`."""
    folder = tmp_path_factory.mktemp("store")
    for track in (SAMPLE / "tracks").iterdir():
        pad(track, folder / f"{NAMES[track.name.split('-', 1)[1][:36]]}.webm")
    return folder


@pytest.fixture(scope="module")
def hear(folder: Path) -> Callable[..., Transcription]:
    """Transcribe a file of the store, by default with tiny.en."""

    def heard(name: str, *, duration: float = TRUTH["duration_s"], speaker: int = 0, **fields: Any) -> Transcription:
        transcriber = EmbeddedWhisper(**(dict[str, Any](model="tiny.en", model_dir=str(folder / "models")) | fields))
        audio = TrackAudio(LocalStore(root=str(folder)), name, "unused", duration)
        return transcriber.transcribe(audio, speaker=speaker, recording="rec-1", track=2)

    return heard


@pytest.fixture(scope="module")
def chloe(hear: Callable[..., Transcription]) -> TrackResult:
    """One participant's track as tiny.en transcribes it."""
    return turns_of("Chloe", hear("Chloe.webm", speaker=2))


def turns_of(name: str, transcription: Transcription) -> TrackResult:
    return TrackResult(name, transcription, [turn for turn in TRUTH["turns"] if turn["speaker"] == name])


def turn(folder: Path, number: int) -> Sound:
    """The sound of one turn of the meeting, shape (1, samples) at 48 kHz."""
    wanted = TRUTH["turns"][number]
    sound = np.zeros((1, round(TRUTH["duration_s"] * RATE) + RATE), np.float32)
    with open_audio(folder / f"{wanted['speaker']}.webm") as source:
        for chunk in decoding.chunks(source):
            sound[:, chunk.at : chunk.at + chunk.samples.shape[1]] = chunk.samples
    return sound[:, round(wanted["start"] * RATE) : round(wanted["end"] * RATE)]


def onsets(found: TrackResult) -> list[float]:
    """How far the nearest word's start lies from each turn's start, in seconds."""
    return [min(abs(word.start - said["start"]) for word in found.transcription.words) for said in found.turns]


def test_at_most_8_of_100_words_of_a_track_are_wrong(chloe: TrackResult):
    assert jiwer.wer(chloe.said, chloe.heard) <= 0.08


def test_turns_begin_when_they_were_spoken(chloe: TrackResult):
    assert np.median(onsets(chloe)) <= 0.03
    # tiny.en doesn't hear the first word of one turn.
    assert sum(onset <= 0.2 for onset in onsets(chloe)) >= len(chloe.turns) - 1


def test_words_are_in_order_sure_of_themselves_and_whole(chloe: TrackResult):
    words = chloe.transcription.words
    assert [word.start for word in words] == sorted(word.start for word in words)
    for word in words:
        assert 0 <= word.start <= word.end <= TRUTH["duration_s"]
        assert 0 <= word.confidence <= 1
        assert word.speaker == 2
        assert {type(word.start), type(word.end), type(word.confidence)} == {float}
        assert word.word == word.word.strip()
        assert word.word[0] not in ",.-"
    spoken = sum(turn["end"] - turn["start"] for turn in chloe.turns)
    assert chloe.transcription.speech == pytest.approx(spoken, rel=0.15)


def test_the_packaged_model_detects_the_language(hear: Callable[..., Transcription], folder: Path):
    opus_track(folder / "short.webm", turn(folder, 2))
    found = hear("short.webm", model="base", language="auto", duration=4)
    assert found.language == "en"
    assert found.words[0].word.startswith("Good")


def test_a_name_is_recognized_if_it_is_expected(hear: Callable[..., Transcription], folder: Path):
    opus_track(folder / "short.webm", turn(folder, 2))
    plain, expecting = (
        normal(" ".join(word.word for word in hear("short.webm", duration=4, vocabulary=names).words))
        for names in ([], ["Ada", "Ben", "Chloe"])
    )
    assert plain == "good morning veda i can hear you well"
    assert expecting == "good morning ada i can hear you well"


def test_an_answer_in_no_certain_language_has_the_meetings(folder: Path):
    # Backwards, and by itself Latvian with a probability of 0.28.
    opus_track(folder / "short.webm", turn(folder, 7)[:, ::-1].copy())
    store = LocalStore(root=str(folder))
    short, long = (TrackAudio(store, name, name, TRUTH["duration_s"]) for name in ("short.webm", "Chloe.webm"))
    models = str(folder / "models")
    whisper = EmbeddedWhisper(model="base", model_dir=models, language="auto")
    alone = choose(whisper, short, [])
    assert alone.language != "en"
    assert alone.by == "track"
    assert alone.certainty is not None
    assert alone.certainty < 0.5
    with GPUHost() as host:
        service = GPUService(url=host.url, api_key=host.key, model=host.model, language="auto", model_dir=models)
        for backend in (whisper, service):
            found = choose(backend, short, [long])
            assert (found.language, found.by) == ("en", "meeting")
        # A service with enough speech finds the language itself; without the model, always.
        assert choose(service, long, [short]) == ("auto", "service", None)
        assert choose(service.model_copy(update={"model_dir": ""}), short, [long]) == ("auto", "service", None)
        assert choose(service.with_language("de"), short, [long]) == ("de", "setting", None)
        assert host.requests == []


def test_no_word_lies_after_the_recordings_end(hear: Callable[..., Transcription], folder: Path):
    opus_track(folder / "short.webm", turn(folder, 2))
    heard = hear("short.webm", duration=2.0).words
    assert max(word.end for word in heard) == 2.0
    assert [word.start for word in heard] == sorted(word.start for word in heard)


@pytest.mark.parametrize("noise", [0.0, 3e-4])
def test_silence_has_no_words_and_asks_no_model(hear: Callable[..., Transcription], folder: Path, noise: float):
    if noise:
        sound = np.random.default_rng(1).standard_normal((1, 60 * RATE)).astype(np.float32) * noise
        opus_track(folder / "silence.webm", sound)
    else:
        silent_track(folder / "silence.webm", 60)
    # There is no such model: asking for it would fail.
    found = hear("silence.webm", model=str(folder / "no-model"), duration=60, vocabulary=["Ada"])
    assert found == Transcription((), "en", 0.0, 0.0)
    assert hear("silence.webm", model=str(folder / "no-model"), language="auto").language is None


def test_a_track_without_a_single_packet_has_no_words(hear: Callable[..., Transcription], folder: Path):
    opus_track(folder / "empty.webm", np.zeros((1, RATE), np.float32), lost=lambda _: True)
    assert hear("empty.webm", duration=60).words == ()


def test_speech_after_long_silence_and_across_windows_keeps_its_time(hear: Callable[..., Transcription], folder: Path):
    sound = np.random.default_rng(1).standard_normal((1, 262 * RATE)).astype(np.float32) * 2e-4
    places = {7: 100.0, 9: 236.0, 2: 252.0}
    for number, at in places.items():
        spoken = turn(folder, number)
        sound[:, round(at * RATE) : round(at * RATE) + spoken.shape[1]] += spoken
    opus_track(folder / "late.webm", sound)
    # 236 s lies before a window's end and 244 s after it: what is said between stays in one piece.
    assert any(
        clip.start < 236.2 * vad.RATE and clip.end > 243.4 * vad.RATE
        for clip in vad.clips(vad.decode(folder / "late.webm"))
    )
    heard = hear("late.webm", duration=262).words
    for number, at in places.items():
        said = TRUTH["turns"][number]
        there = [word for word in heard if at - 0.5 <= word.start <= at + said["end"] - said["start"] + 0.5]
        assert there[0].start == pytest.approx(at, abs=0.5)
        assert jiwer.wer(normal(said["text"]), normal(" ".join(word.word for word in there))) <= 0.2
    assert len(heard) == pytest.approx(sum(len(TRUTH["turns"][n]["text"].split()) for n in places), abs=3)


def test_a_file_that_is_no_audio_names_recording_and_track(hear: Callable[..., Transcription], folder: Path):
    (folder / "bad.webm").write_bytes(b"no audio at all" * 100)
    with pytest.raises(UnreadableAudio, match=r"^recording rec-1, track 2: bad\.webm"):
        hear("bad.webm")


@pytest.mark.parametrize(
    ("language", "why"),
    [
        ("de", "doesn't support the language 'de'"),
        ("auto", "supports English only"),
        ("xx", "doesn't support the language 'xx'"),
    ],
)
def test_a_language_that_the_model_does_not_know_is_refused(
    hear: Callable[..., Transcription], language: str, why: str
):
    with pytest.raises(PermanentError, match=f"^recording rec-1, track 2: .*{why}"):
        hear("Chloe.webm", language=language)


def test_a_region_in_the_language_is_understood(hear: Callable[..., Transcription], folder: Path):
    opus_track(folder / "short.webm", turn(folder, 2))
    found = hear("short.webm", language="en-US", duration=4)
    assert found.language == "en"
    assert found.words[0].word.startswith("Good")


def test_importing_is_cheap_and_loads_no_model():
    slow = "{'faster_whisper', 'ctranslate2', 'onnxruntime'}"
    check = f"import sys, resources.transcription.whisper; assert not {slow} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)
