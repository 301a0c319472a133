"""The interface of transcription backends, which turn a padded track into words."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

from dagster import ConfigurableResource

from domain.text.words import Word
from domain.vocabulary import compose
from resources.store.base import Store


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

    `notes` say what was wrong with words and how it was mended.
    """

    words: tuple[Word, ...]
    language: str | None
    speech: float
    gpu_seconds: float
    notes: tuple[str, ...] = ()


class Transcriber(ConfigurableResource[Any], ABC):
    """A transcription backend; `language` is a code such as "en", or "auto" to detect it per track.

    `common_terms` are added to each track's vocabulary, where the backend `takes_vocabulary`.
    """

    takes_vocabulary: ClassVar[bool] = True
    without_vocabulary: ClassVar[str] = "none"

    language: str = "en"
    common_terms: list[str] = []  # noqa: RUF012 - Pydantic copies it
    vocabulary: list[str] = []  # noqa: RUF012 - the same

    def for_track(self, language: str | None, terms: Iterable[str]) -> Self:
        """Return the same backend for a track: its language, unless that is None, and the terms to expect in it."""
        expected = compose(terms, self.common_terms) if self.takes_vocabulary else ()
        return self.model_copy(update={"language": language or self.language, "vocabulary": list(expected)})

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

    @abstractmethod
    def transcribe(self, audio: TrackAudio, *, speaker: int, recording: str, track: int) -> Transcription:
        """Return the words of one track, none for a track without speech; times are in seconds of the recording.

        Raises TransientError or PermanentError, which name recording and track.
        """
