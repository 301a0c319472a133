"""The HTTP API for consent: who agreed that the audio of a meeting is kept."""

from collections.abc import Callable

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.consent import Consent
from domain.recording import ID_PATTERN
from resources.database.consents import Consents
from service.bodies import read_model
from service.errors import Refused
from service.openapi import Endpoint

PATH = "/v1/meetings/{id}/consent"
ID = {"id": {"type": "string", "pattern": f"^{ID_PATTERN.pattern}$"}}


class Said(BaseModel):
    """What one person said last; `said_at` in seconds since the epoch."""

    user_id: str | None
    consent_given: bool
    said_at: float


class MeetingConsent(BaseModel):
    """What counts for a meeting, the latest of each person; one denial is enough for its audio to go."""

    meeting_id: str
    denied: bool
    statements: list[Said]


def endpoints(consents: Consents, check: Callable[[Request], None]) -> list[Endpoint]:
    """Take and show consent; `check` lets a request through or raises Refused."""

    def found(meeting_id: str) -> Response:
        said = [
            Said(user_id=one.user_id or None, consent_given=one.given, said_at=one.said_at)
            for one in consents.statements(meeting_id)
        ]
        denied = any(not one.consent_given for one in said)
        return JSONResponse(MeetingConsent(meeting_id=meeting_id, denied=denied, statements=said).model_dump())

    def keep(meeting_id: str, consent: Consent) -> Response:
        consents.record(meeting_id, consent.user_id, given=consent.consent_given)
        return found(meeting_id)

    async def say(request: Request) -> Response:
        check(request)
        return await run_in_threadpool(keep, _id(request), await read_model(request, Consent))

    async def show(request: Request) -> Response:
        check(request)
        return await run_in_threadpool(found, _id(request))

    return [
        Endpoint(
            "POST",
            PATH,
            say,
            "Say whether somebody agrees that the audio of a meeting, or of one recording, is kept",
            takes=Consent,
            answers=MeetingConsent,
            refusals=(400, 413, 422),
            needs_token=True,
            parameters=ID,
        ),
        Endpoint(
            "GET",
            PATH,
            show,
            "Show what was said about a meeting's audio",
            answers=MeetingConsent,
            refusals=(422,),
            needs_token=True,
            parameters=ID,
        ),
    ]


def _id(request: Request) -> str:
    meeting_id = request.path_params["id"]
    if not ID_PATTERN.fullmatch(meeting_id):
        raise Refused(422, "the id: 1 to 100 letters, digits, dots, dashes or underscores")
    return meeting_id
