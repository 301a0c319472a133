"""Consent: who agreed that the audio of a meeting is retained."""

from typing import Annotated

from fastapi import Depends, Path
from pydantic import BaseModel

from domain.consent import Consent
from domain.recording import ID_PATTERN
from resources.database.consents import Consents
from service.bodies import json_body
from service.dependencies import ACT, ID_SCHEMA, ConsentsDep
from service.errors import Refused
from service.routing import Router, problems, request_body

router = Router(prefix="/v1/meetings/{id}/consent", dependencies=[ACT], responses=problems(401, 403))


class ConsentStatement(BaseModel):
    """The latest statement of one person; `said_at` in seconds since the epoch."""

    user_id: str | None
    consent_given: bool
    said_at: float


class MeetingConsent(BaseModel):
    """The latest statement of each person about a meeting; one denial is enough for its audio to be deleted."""

    meeting_id: str
    denied: bool
    statements: list[ConsentStatement]


async def _meeting_id(meeting_id: Annotated[str, Path(alias="id", json_schema_extra=ID_SCHEMA)]) -> str:
    if not ID_PATTERN.fullmatch(meeting_id):
        raise Refused(422, "the id: 1 to 100 letters, digits, dots, dashes or underscores")
    return meeting_id


MeetingId = Annotated[str, Depends(_meeting_id)]


@router.post("", responses=problems(400, 413, 422), openapi_extra=request_body(Consent))
def add_consent(
    meeting_id: MeetingId, consent: Annotated[Consent, Depends(json_body(Consent))], consents: ConsentsDep
) -> MeetingConsent:
    """State whether a person consents to the audio of a meeting, or of one recording, being retained."""
    consents.record(meeting_id, consent.user_id, given=consent.consent_given)
    return _consent(meeting_id, consents)


@router.get("", responses=problems(422))
def show_consent(meeting_id: MeetingId, consents: ConsentsDep) -> MeetingConsent:
    """Show the statements about a meeting's audio."""
    return _consent(meeting_id, consents)


def _consent(meeting_id: str, consents: Consents) -> MeetingConsent:
    statements = [
        ConsentStatement(user_id=one.user_id or None, consent_given=one.given, said_at=one.said_at)
        for one in consents.statements(meeting_id)
    ]
    denied = any(not one.consent_given for one in statements)
    return MeetingConsent(meeting_id=meeting_id, denied=denied, statements=statements)
