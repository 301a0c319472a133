"""Sources of recordings: their description, their participants, and the audio of each track."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

from dagster import ConfigurableResource

from domain.recording import Recording, Track


class KnownParticipant(NamedTuple):
    """A participant as the source lists it; user id and name can be missing."""

    participant_id: str
    user_id: str | None
    name: str | None


class Source(ConfigurableResource[Any], ABC):
    """A system that recordings are read from."""

    @abstractmethod
    def recording(self, recording_id: str) -> Recording:
        """Return a recording's description; raises NotFound."""

    @abstractmethod
    def participants(self, recording: Recording) -> list[KnownParticipant]:
        """Return the participants; an empty list if the source doesn't know them."""

    @abstractmethod
    def track(self, recording: Recording, track: Track) -> AbstractContextManager[Path]:
        """Provide a local path of a track's original file within the block; raises NotFound."""
