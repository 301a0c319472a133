"""What adds corrections of one recording, for the routes of this API and of the old one."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from domain.corrections.edits import AnyEdit, Entry
from domain.errors import NotFound
from domain.results import Transcript
from resources.database.corrections import CorrectionHistory
from resources.results import search_index
from resources.results.corrected import CorrectedResults
from resources.results.stored_results import StoredResults
from service.callers import caller_of
from service.dependencies import CorrectionsDep, RecordingsDep, StoredResultsDep
from service.errors import Refused
from service.ports import Recordings


class Editor:
    """Adds edits to one recording's history."""

    def __init__(
        self, results: StoredResults, history: CorrectionHistory, recordings: Recordings, who: str | None
    ) -> None:
        self.results, self._history, self._recordings, self._who = results, history, recordings, who

    def transcript(self) -> Transcript:
        """Return the transcript with all corrections that don't need the words; raises NotFound without one."""
        found = self.corrected().transcript
        if found is None:
            # A recording that doesn't exist has another reason.
            self._recordings.state(self.results.id)
            raise NotFound("it has no transcript yet", recording=self.results.id)
        return found

    def corrected(self) -> CorrectedResults:
        """Return the results with all corrections."""
        return CorrectedResults(self.results, self._history.gathered(self.results.id))

    def entries(self) -> list[Entry]:
        """Return the history."""
        return self._history.history(self.results.id)

    def add(self, *edits: AnyEdit, version: int | None = None, request_id: str | None = None) -> list[Entry]:
        """Add edits and return the history; raises Refused for a retired recording, and OutOfDate."""
        if self._recordings.state(self.results.id).state == "retired":
            raise Refused(422, "the recording was retired: it can't be corrected any more")
        found = self._history.add(self.results.id, edits, who=self._who, expected=version, request_id=request_id)
        search_index.index_edited(self.results.id, self._history.database, self.results.store)
        return found


def _editor(request: Request, results: StoredResultsDep, history: CorrectionsDep, recordings: RecordingsDep) -> Editor:
    return Editor(results, history, recordings, caller_of(request).name)


EditorDep = Annotated[Editor, Depends(_editor)]
