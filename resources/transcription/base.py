"""What turns a padded track into words: the interface that every transcription backend has."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from dagster import ConfigurableResource

from domain.text.words import Word
from resources.store.base import Store


@dataclass(frozen=True)
class TrackAudio:
    """One padded track in a store; `sha256` in hex, `duration` in seconds."""

    store: Store
    key: str
    sha256: str
    duration: float

    def local(self) -> AbstractContextManager[Path]:
        """Give a local path to read the file from while the block lasts; raises NotFound."""
        return self.store.local(self.key)

    def url(self, expires: float) -> str:
        """Make a URL that a service can read the file from for `expires` seconds. Never store or log it."""
        return self.store.url(self.key, expires)


class Transcription(NamedTuple):
    """The words of one track by start, its language where known, seconds of voice and of GPU time."""

    words: tuple[Word, ...]
    language: str | None
    speech: float
    gpu_seconds: float


class Transcriber(ConfigurableResource, ABC):
    """A transcription backend; `language` is a code such as "en", or "auto" to detect it per track."""

    language: str = "en"

    def with_language(self, language: str) -> Self:
        """Return the same backend for another language."""
        return self.model_copy(update={"language": language})

    @abstractmethod
    def identity(self) -> str:
        """Name all that decides the result: backend, model, parameters, language. Holds no secret and no URL."""

    @abstractmethod
    def check(self, seconds: float) -> str:
        """Say in a line that it can be used, without a transcription; a service is asked for at most `seconds`.

        Raises TransientError or PermanentError.
        """

    @abstractmethod
    def transcribe(self, audio: TrackAudio, *, speaker: int, recording: str, track: int) -> Transcription:
        """Find the words of one track, with times in seconds of the recording.

        A track without speech gives no words. Raises TransientError or PermanentError, which name recording
        and track.
        """
