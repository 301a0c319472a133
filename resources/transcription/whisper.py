"""Whisper in this process; memory use doesn't grow with the track's length."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from domain.errors import PermanentError, ReflectorError, TransientError
from domain.text.words import Word
from resources.store.base import LocalStore
from resources.transcription.ahead import ahead
from resources.transcription.allocator import reuse_memory
from resources.transcription.base import TrackAudio, Transcriber, Transcription
from resources.transcription.clip import CLIP_S, MERGE_GAP_S, MIN_SILENCE_MS, PAD_MS, RATE, Clip
from resources.transcription.clip_words import transcribe_batch
from resources.transcription.quality import BEAM
from resources.transcription.timing import measured
from resources.transcription.whisper_device import CPU, Device, DeviceName, choose
from resources.transcription.whisper_model import fingerprint, locate
from resources.transcription.window import windows

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

# The batch of the identity: words don't depend on it.
BATCH = 4
DETECT_S, DETECT_CLIPS = 60, 3
# Speech of the sample meeting, and its length in seconds.
SAMPLE, SAMPLE_S = Path(__file__).with_name("sample.webm"), 15.0
# Pieces of half a second that are decoded ahead.
DECODED = 120

_models: dict[tuple[str, int, str, str], "WhisperModel"] = {}
_loading = threading.Lock()


class EmbeddedWhisper(Transcriber):
    """faster-whisper in this process.

    `model` is "base" (the packaged multilingual weights, assembled in `model_dir`), the folder of a CTranslate2 model
    or another model name of faster-whisper; with `threads` 0 CTranslate2 chooses their number. `device`,
    `compute_type`, `batch` and `fall_back` are those of `whisper_device.choose`.
    """

    model: str = "base"
    threads: int = 0
    device: DeviceName = "cpu"
    compute_type: str | None = None
    batch: int | None = None
    fall_back: bool | None = None

    def identity(self) -> str:
        # Without the device: a code server without a GPU and a worker with one must agree. Without how clips share
        # windows: earlier transcripts aren't outdated by what saves time.
        return (
            f"whisper {fingerprint(self.model)} {self.compute_type or 'int8'} beam{BEAM} batch{BATCH} "
            f"vad{MIN_SILENCE_MS}/{PAD_MS}/{CLIP_S}/{MERGE_GAP_S:g} language={self.language}{self.expected()}"
        )

    def check(self, seconds: float) -> str:  # noqa: ARG002 - checks local files only
        """Locate and check the weights without loading them, and choose the device; see `Transcriber`."""
        source = locate(self.model, self.model_dir)
        if Path(source).is_dir():
            return f"{self.model}: {source}; on {self.chosen_device()}"
        from faster_whisper import download_model  # noqa: PLC0415 - takes a second to import

        try:
            return f"{self.model}: {download_model(source, local_files_only=True)}; on {self.chosen_device()}"
        except OSError:
            return f"{self.model}: not downloaded yet; the first transcription downloads it"

    def chosen_device(self) -> Device:
        """Return the device of this machine; raises PermanentError if it can't be used."""
        return choose(self.device, self.compute_type, self.batch, fall_back=self.fall_back)

    def with_batch(self, clips: int) -> Self:
        """Return the same for at most `clips` clips at once."""
        return self.model_copy(update={"batch": clips})

    def prepare(self) -> None:
        """Load the model if it isn't; raises PermanentError also for a language that the model doesn't know."""
        model = self.loaded()
        if self.language == "auto":
            _check_detects(model, self.model)
        else:
            _supported(model, self.model, self.language)

    def measure(self) -> str:
        """Transcribe the packaged sample with a loaded model; return the device and its speed in one line."""
        engine = self.for_track("en", ())
        engine.prepare()
        audio = TrackAudio(LocalStore(root=str(SAMPLE.parent)), SAMPLE.name, "", SAMPLE_S)
        begin = time.monotonic()
        engine.transcribe(audio, speaker=0, recording="sample", track=0)
        speed = SAMPLE_S / (time.monotonic() - begin)
        return f"{speed:.{0 if speed >= 10 else 1}f} seconds of audio per second on {self.chosen_device()}"

    def hear(self, audio: TrackAudio, *, speaker: int, recording: str, track: int) -> Transcription:
        """Transcribe one track, with Whisper's probabilities as confidence; see `Transcriber`.

        "auto" detects the language from the longest clips in the first minute of speech, for the whole track.
        Raises UnreadableAudio for a file that can't be decoded, PermanentError for an unknown model or language,
        TransientError when a model can't be downloaded.
        """
        from domain.audio.levels import Meter  # noqa: PLC0415 - NumPy and PyAV take 0.4 s to load
        from resources.transcription.vad import clips, decode  # noqa: PLC0415 - the same

        meter = Meter(RATE)
        try:
            with audio.local() as path:
                # Decoding, detection and transcription each take a core; all three release the interpreter's lock.
                pieces = ahead(measured(decode(path), meter), DECODED)
                heard = self._transcribe(clips(pieces), audio.duration, speaker)
            return heard.settle(audio, meter)
        except ReflectorError as error:
            error.at(recording=recording, track=track)
            raise

    def loaded(self) -> "WhisperModel":
        """Return the model, which is loaded once per process; raises the errors of `load`."""
        return load(self.model, self.model_dir, self.threads, self.chosen_device())

    def detect(self, spoken: Sequence[Clip], model: "WhisperModel | None" = None) -> tuple[str, float]:
        """Return the language of the longest clips, weighted by their length, and its probability."""
        model = model or self.loaded()
        _check_detects(model, self.model)
        weights: dict[str, float] = {}
        longest = sorted(spoken, key=lambda clip: clip.voice, reverse=True)[:DETECT_CLIPS]
        for clip in longest:
            for language, probability in model.detect_language(clip.samples)[2]:  # pyright: ignore[reportUnknownMemberType] - a bare ndarray
                weights[language] = weights.get(language, 0.0) + probability * clip.voice
        found = max(weights, key=weights.__getitem__)
        return found, round(weights[found] / sum(clip.voice for clip in longest), 3)

    def _transcribe(self, found: Iterator[Clip], duration: float, speaker: int) -> Transcription:
        language = None if self.language == "auto" else self.language
        device = self.chosen_device()
        words: list[Word] = []
        notes: Counter[str] = Counter()
        voice = 0
        opening = take_seconds(found, DETECT_S if language is None else 0)
        if not opening:
            return Transcription((), language, 0.0, 0.0)
        model = load(self.model, self.model_dir, self.threads, device)
        language = _supported(model, self.model, language or self.detect(opening, model)[0])
        terms = ", ".join(self.vocabulary) or None
        # Detection takes longer than a GPU's transcription.
        remaining = ahead(windows(_chain(opening, found)), 2 * device.batch)
        while batch := list(islice(remaining, device.batch)):
            voice += sum(clip.voice for window in batch for clip in window.clips)
            for word in _on(device, transcribe_batch(model, batch, language, speaker, terms, notes)):
                start = min(max(word.start, words[-1].start if words else 0.0), duration)
                words.append(word._replace(start=start, end=min(max(word.end, start), duration)))
        listed = tuple(f"{count} {what}" for what, count in notes.items())
        return Transcription(tuple(words), language, round(voice / RATE, 3), 0.0, listed)


def load(model: str, model_dir: str, threads: int, device: Device = CPU) -> "WhisperModel":
    """Load a model, once per process and device; raises PermanentError, or TransientError if it can't be downloaded."""
    with _loading:
        key = model, threads, device.name, device.compute_type
        if key not in _models:
            source = locate(model, model_dir)
            if device.name == "cpu":
                reuse_memory()
            from faster_whisper import WhisperModel  # noqa: PLC0415 - takes a second to import
            from huggingface_hub.errors import RepositoryNotFoundError  # noqa: PLC0415 - the same

            try:
                _models[key] = WhisperModel(
                    source, device=device.name, compute_type=device.compute_type, cpu_threads=threads
                )
            except RuntimeError as error:
                raise PermanentError(
                    f"the Whisper model {model} can't be loaded: {_first_line(error)}",
                    hint="Set REFLECTOR_WHISPER_MODEL to a CTranslate2 Whisper model.",
                ) from error
            except RepositoryNotFoundError as error:
                raise PermanentError(
                    f"the Whisper model {model} doesn't exist on the model hub or isn't public",
                    hint="Check REFLECTOR_WHISPER_MODEL.",
                ) from error
            except OSError as error:
                raise TransientError(
                    f"the Whisper model {model} could not be downloaded: {_first_line(error)}",
                    hint='Check the network, or set REFLECTOR_WHISPER_MODEL to "base", which is installed already.',
                ) from error
        return _models[key]


def _check_detects(model: "WhisperModel", name: str) -> None:
    """Raise PermanentError if a model knows one language only."""
    if not cast(Any, model).model.is_multilingual:
        raise PermanentError(
            f"the Whisper model {name} supports English only", hint='Set the language to "en" or use the model "base".'
        )


def _supported(model: "WhisperModel", name: str, language: str) -> str:
    """Return Whisper's code for a language such as "en" or "en-US"; raises PermanentError."""
    code = language.lower().partition("-")[0]
    if code not in model.supported_languages:
        raise PermanentError(
            f"the Whisper model {name} doesn't support the language {language!r}",
            hint='Use a code such as "en", "de" or "fr", or "auto" with a multilingual model.',
        )
    return code


def take_seconds(found: Iterator[Clip], voice_s: float) -> list[Clip]:
    """Take clips until they contain `voice_s` seconds of voice, at least one clip."""
    taken: list[Clip] = []
    while (not taken or sum(clip.voice for clip in taken) < voice_s * RATE) and (clip := next(found, None)):
        taken.append(clip)
    return taken


def _chain(opening: list[Clip], found: Iterator[Clip]) -> Iterator[Clip]:
    while opening:
        yield opening.pop(0)
    yield from found


def _on(device: Device, words: Iterator[Word]) -> Iterator[Word]:
    """Yield the words; raises TransientError when a GPU fails, as without free memory."""
    try:
        yield from words
    except RuntimeError as error:
        if device.name == "cpu":
            raise
        raise TransientError(
            f"the GPU failed: {_first_line(error)}", hint="Lower REFLECTOR_WHISPER_BATCH or REFLECTOR_GPU_STEPS."
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
