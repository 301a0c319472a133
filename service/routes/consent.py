"""Consent: who agreed that the audio of a meeting is retained."""

from typing import Annotated

from fastapi import Depends, Path, Request, Response
from pydantic import BaseModel

from domain.consent import MEETING_PATTERN, Consent
from resources.database.consents import Consents
from service.auditing import add_details
from service.bodies import json_body
from service.dependencies import AuthorizedRouter, ConsentsDep
from service.errors import Refused
from service.routing import problems, request_body

ID_SCHEMA = {"pattern": f"^{MEETING_PATTERN.pattern}$"}
NOT_MATCHED = (
    "not matched yet: no known recording has this id or name. The statement is kept, and applies as soon as a "
    "recording with it arrives. A room's name without a time needs whole_room."
)
router = AuthorizedRouter(prefix="/v1/meetings/{id}/consent", responses=problems(401, 403))


class ConsentStatement(BaseModel):
    """The latest statement of one person; `said_at` in seconds since the epoch."""

    user_id: str | None
    consent_given: bool
    said_at: float


class MeetingConsent(BaseModel):
    """The latest statement of each person about a meeting; one denial is enough for its audio to be deleted.

    `matched` is true if a known recording has the id or name; else `detail` says what that means.
    """

    meeting_id: str
    denied: bool
    matched: bool
    detail: str | None
    statements: list[ConsentStatement]


async def _meeting_id(meeting_id: Annotated[str, Path(alias="id", json_schema_extra=ID_SCHEMA)]) -> str:
    if not MEETING_PATTERN.fullmatch(meeting_id):
        raise Refused(422, "the id: 1 to 128 letters, digits, dots, dashes or underscores")
    return meeting_id


MeetingId = Annotated[str, Depends(_meeting_id)]


@router.post(
    "", responses={202: {"model": MeetingConsent}, **problems(400, 413, 415, 422)}, openapi_extra=request_body(Consent)
)
def add_consent(
    meeting_id: MeetingId,
    consent: Annotated[Consent, Depends(json_body(Consent))],
    consents: ConsentsDep,
    request: Request,
    response: Response,
) -> MeetingConsent:
    """State whether a person consents to the audio of a meeting, or of one recording, being retained.

    The id is that of a recording, of Daily's meeting session, or of a meeting of the old system, or the name or id of
    Daily's room if that has the meeting's time, such as `weekly-20260323080000`. With `whole_room`, it is a room's
    name or id. Answers 202 while no recording matches.
    """
    add_details(request, "given" if consent.consent_given else "denied")
    consents.record(meeting_id, consent.user_id, given=consent.consent_given, whole_room=consent.whole_room)
    answer = _consent(meeting_id, consents)
    response.status_code = 200 if answer.matched else 202
    return answer


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
    matched = consents.is_matched(meeting_id)
    return MeetingConsent(
        meeting_id=meeting_id,
        denied=denied,
        matched=matched,
        detail=None if matched or not statements else NOT_MATCHED,
        statements=statements,
    )
