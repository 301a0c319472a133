"""The interface of transcription backends, which turn a padded track into words."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from dagster import ConfigurableResource

from domain.text.loops import without_loops
from domain.text.words import Word
from domain.vocabulary import compose
from resources.store.base import Store
from resources.transcription import timing

if TYPE_CHECKING:
    from domain.audio.levels import Meter


@dataclass(frozen=True)
class TrackAudio:
    """One padded track in a store; `sha256` in hex, `duration` in seconds."""

    store: Store
    key: str
    sha256: str
    duration: float

    def local(self) -> AbstractContextManager[Path]:
        """Provide a local path of the file within the block; raises NotFound."""
        return self.store.local(self.key)

    def url(self, expires: float) -> str:
        """Return a URL from which a service can read the file for `expires` seconds. Never store or log it."""
        return self.store.url(self.key, expires)


class Transcription(NamedTuple):
    """The words of one track by start, its language if known, seconds of speech and of GPU time.

    `notes` say what was wrong with words and how it was mended. `settled` words have times by the track's sound.
    """

    words: tuple[Word, ...]
    language: str | None
    speech: float
    gpu_seconds: float
    notes: tuple[str, ...] = ()
    settled: bool = False

    def settle(self, audio: TrackAudio, meter: "Meter | None" = None) -> Self:
        """Return the same without loops, with word times by the track's sound, which `meter` has measured if given.

        If the track can't be read, the times stay. Settled ones stay as they are.
        """
        if self.settled or not self.words:
            return self
        spoken, odd = without_loops(self.words)
        notes = (f"{odd} words can't be spoken in their time, and are left out or shortened",) if odd else ()
        words = timing.settle(spoken, audio.local, audio.duration, meter)
        settled = words is not None
        return self._replace(words=words if settled else spoken, settled=settled, notes=(*self.notes, *notes))


class Transcriber(ConfigurableResource[Any], ABC):
    """A transcription backend; `language` is a code such as "en", or "auto" to detect it per track.

    `model_dir` is where the packaged model is, which finds the language of short tracks for services, too.
    `common_terms` are added to each track's vocabulary, where the backend `takes_vocabulary`.
    """

    takes_vocabulary: ClassVar[bool] = True
    without_vocabulary: ClassVar[str] = "none"

    language: str = "en"
    model_dir: str = ""
    common_terms: list[str] = []  # noqa: RUF012 - Pydantic copies it
    vocabulary: list[str] = []  # noqa: RUF012 - the same

    def for_track(self, language: str | None, terms: Iterable[str]) -> Self:
        """Return the same backend for a track: its language, unless that is None, and the terms to expect in it."""
        expected = compose(terms, self.common_terms) if self.takes_vocabulary else ()
        return self.model_copy(update={"language": language or self.language, "vocabulary": list(expected)})

    def with_language(self, language: str) -> Self:
        """Return the same backend for another language."""
        return self.model_copy(update={"language": language})

    def expected(self) -> str:
        """Return the part of the identity that the vocabulary determines; empty without one."""
        return f" vocabulary={', '.join(self.vocabulary)}" if self.vocabulary else ""

    @abstractmethod
    def identity(self) -> str:
        """Return everything that determines the result: backend, model, parameters, language, the track's vocabulary.

        It has no secret and no URL, and without a vocabulary nothing about it.
        """

    @abstractmethod
    def check(self, seconds: float) -> str:
        """Check that the backend is usable, in at most `seconds` and without transcribing; return one line.

        Raises TransientError or PermanentError.
        """

    def transcribe(self, audio: TrackAudio, *, speaker: int, recording: str, track: int) -> Transcription:
        """Return the words of one track, none for a track without speech; times are in seconds of the recording.

        Raises TransientError or PermanentError, which name recording and track.
        """
        return self.hear(audio, speaker=speaker, recording=recording, track=track).settle(audio)

    @abstractmethod
    def hear(self, audio: TrackAudio, *, speaker: int, recording: str, track: int) -> Transcription:
        """Return the words as the model or service times them, or settled; see `transcribe`."""
