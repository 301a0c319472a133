"""The audit log: who changed what."""

import time
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field

from domain.recording import ID_PATTERN
from resources.database.audit import Entry
from service.dependencies import SINGLE_PARAMETERS, AuditDep, AuthorizedRouter
from service.parameters import Days, number
from service.routing import problems

MOST = 1000
# The largest integer that databases store.
MAX_SEQ = 2**63 - 1
router = AuthorizedRouter(responses=problems(401, 403))


class AuditQuery(BaseModel, extra="forbid"):
    """The parameters of the query."""

    recording: str | None = Field(
        None, pattern=f"^{ID_PATTERN.pattern}$", description="Only changes of this recording."
    )
    since: Days = Field(None, description="Only changes within this number of days.")
    before: Annotated[int | None, number(MAX_SEQ)] = Field(
        None, ge=1, le=MAX_SEQ, description="Only changes before the one with this number."
    )
    size: Annotated[int, number(MOST)] = Field(100, ge=1, le=MOST)


class Change(BaseModel):
    """One change; `outcome` is null while it is being made, or if that was interrupted."""

    number: int
    at: str
    who: str
    action: str
    recording_id: str | None
    subject: str | None
    outcome: str | None
    details: str | None

    @classmethod
    def of(cls, entry: Entry) -> "Change":
        """Convert an entry."""
        fields = entry._asdict()
        return cls(number=fields.pop("seq"), **{**fields, "at": datetime.fromtimestamp(entry.at, UTC).isoformat()})


class Changes(BaseModel):
    """The newest changes, newest first."""

    items: list[Change]


@router.get("/v1/audit", dependencies=[SINGLE_PARAMETERS], responses=problems(422))
def show_changes(query: Annotated[AuditQuery, Query()], audit: AuditDep) -> Changes:
    """Show who changed what, newest first."""
    since = None if query.since is None else time.time() - query.since * 86400
    found = audit.entries(recording_id=query.recording, since=since, before=query.before, limit=query.size)
    return Changes(items=[Change.of(entry) for entry in found])
