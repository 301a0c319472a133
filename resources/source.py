"""Where recordings come from: their description, who was there, and the sound of each track."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from dagster import ConfigurableResource

from domain.recording import Recording, Track


class KnownParticipant(NamedTuple):
    """A participant as the source names it; either of user id and name can be missing."""

    participant_id: str
    user_id: str | None
    name: str | None


class Source(ConfigurableResource, ABC):
    """A place that has recordings."""

    @abstractmethod
    def recording(self, recording_id: str) -> Recording:
        """Describe a recording; raises NotFound."""

    @abstractmethod
    def participants(self, recording: Recording) -> list[KnownParticipant]:
        """Tell who was there; empty when the source doesn't know."""

    @abstractmethod
    def track(self, recording: Recording, track: Track) -> AbstractContextManager[Path]:
        """Give a local path to read a track's original file from while the block lasts; raises NotFound."""
