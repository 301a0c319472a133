"""Deleting a transcript for good. There is no trash: what the old system can bring back would be gone here."""

from fastapi import Request, Response
from pydantic import BaseModel

from service.compat.routing import compat_router
from service.dependencies import DeletionsDep, InboxDep, RecordingId, RecordingsDep, StoredResultsDep
from service.errors import Refused
from service.routes import transcripts

router = compat_router("/transcripts/{id}")


class DeletionStatus(BaseModel):
    """The answer of the old system to a deletion."""

    status: str = "ok"


@router.delete("")
def move_to_trash(results: StoredResultsDep, recordings: RecordingsDep) -> DeletionStatus:
    """Refuse, as clients promise that it can be restored."""
    recordings.state(results.id)
    raise Refused(
        409,
        f"there is no trash here, and a deletion can't be undone: `reflector delete {results.id}`, or "
        f"DELETE /v1/transcripts/{results.id}, deletes it for good",
    )


@router.post("/restore")
def restore(results: StoredResultsDep, recordings: RecordingsDep) -> DeletionStatus:
    """Refuse: nothing is in a trash."""
    recordings.state(results.id)
    raise Refused(400, "the transcript is not deleted")


@router.delete("/destroy")
def destroy(
    recording_id: RecordingId, recordings: RecordingsDep, deletions: DeletionsDep, inbox: InboxDep, request: Request
) -> DeletionStatus:
    """Delete a recording wholly, as our own API does; Dagster's daemon completes it."""
    transcripts.delete_transcript(recording_id, recordings, deletions, inbox, request, Response())
    return DeletionStatus()
