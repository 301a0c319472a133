"""The old system's finished transcripts as a whole, to take over: by its API, and what only its database knows."""

from pathlib import Path
from typing import Any

from dagster import ConfigurableResource
from pydantic import PrivateAttr

from domain.errors import NotFound
from domain.old_contents import OldContent, OldTopicWithWords, OldWaveform
from domain.old_transcripts import OldListed, OldPage, read_list
from resources.old_system.client import OldSystem, meeting, pages, transcript_path
from resources.old_system.database import OldDatabase, OnlyInDatabase


class OldContents(ConfigurableResource[Any]):
    """All transcripts that the credentials' owner may see."""

    system: OldSystem
    database: OldDatabase
    _meetings: dict[str, str | None] = PrivateAttr(default_factory=dict[str, "str | None"])

    def listed(self) -> list[OldListed]:
        """Return the transcripts, oldest first; raises the errors of `OldSystem.get`."""
        # One that is added meanwhile moves others to the next page.
        found = (one for page in pages(self.system.get, OldPage, "/v1/transcripts") for one in page.items)
        return list({one.id: one for one in found}.values())[::-1]

    def meeting(self, listed: OldListed) -> str | None:
        """Return Daily's full name of the room of a transcript's meeting; None if it isn't known."""
        if not listed.meeting_id or not listed.room_name:
            return None
        if listed.meeting_id not in self._meetings:
            found = meeting(self.system.get, listed.room_name, listed.meeting_id)
            self._meetings[listed.meeting_id] = found.daily_name if found else None
        return self._meetings[listed.meeting_id]

    def known_only_there(self, transcript_id: str) -> OnlyInDatabase:
        """Return what only the database knows; nothing without one."""
        return self.database.known_only_here(transcript_id) if self.database.is_set else OnlyInDatabase()

    def read(self, transcript_id: str) -> tuple[OldContent, list[OldTopicWithWords]]:
        """Return a transcript and its topics with their words; raises the errors of `OldSystem.get`."""
        path = transcript_path(transcript_id)
        content = OldContent.read(self.system.get(path))
        return content, read_list(self.system.get(f"{path}/topics/with-words"), OldTopicWithWords)

    def peaks(self, transcript_id: str) -> tuple[float, ...]:
        """Return the waveform, 0 to 1; none if there is none."""
        try:
            found = OldWaveform.read(self.system.get(f"{transcript_path(transcript_id)}/audio/waveform"))
        except NotFound:
            return ()
        return tuple(round(min(1.0, max(0.0, peak)), 2) for peak in found.data)

    def audio(self, transcript_id: str, target: Path) -> None:
        """Write the audio to a file; raises NotFound if there is none, and the errors of `OldSystem.get`."""
        self.system.download(f"{transcript_path(transcript_id)}/audio/mp3", target)
