"""Corrections that wait until nobody has edited their recording for a while, so that one run takes them all."""

import time

from pydantic import BaseModel

from resources.database.corrections import CorrectionHistory

# However long somebody goes on editing, a run takes the edits after this multiple of the quiet time.
LONGEST = 10
PAGE = 500


class Waiting(BaseModel):
    """The times of the first and of the last edit that wait, in epoch seconds."""

    first: float
    last: float


class Gathering(BaseModel):
    """The recordings that are being edited; all edits up to number `at` were read."""

    at: int = 0
    recordings: dict[str, Waiting] = {}

    def due(self, history: CorrectionHistory, quiet: float) -> list[str]:
        """Read the next edits and return the recordings without an edit for this many seconds, which wait no longer."""
        for seq, recording_id, at in history.after(self.at, PAGE):
            self.at = seq
            first = self.recordings[recording_id].first if recording_id in self.recordings else at
            self.recordings[recording_id] = Waiting(first=first, last=at)
        now = time.time()
        due = [
            recording_id
            for recording_id, edited in self.recordings.items()
            if now - edited.last >= quiet or now - edited.first >= LONGEST * quiet
        ]
        for recording_id in due:
            del self.recordings[recording_id]
        return due

    def waits_for(self, recording_id: str) -> bool:
        """Return True if a recording is being edited."""
        return recording_id in self.recordings
