"""Links that let everyone who has them read one transcript, until they expire or are withdrawn."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Path, Request, Response
from pydantic import BaseModel, Field

from domain.notifications import share_page
from domain.overview import RecordingOverview
from resources.database.shares import Share
from service.auditing import add_details
from service.bodies import json_body
from service.callers import caller_of
from service.dependencies import AccessDep, AuthorizedRouter, PageUrlDep, RecordingsDep, SharesDep, StoredResultsDep
from service.routing import problems, request_body
from service.sessions import is_secure, set_share_cookie

router = AuthorizedRouter(prefix="/v1/transcripts/{id}", responses=problems(401, 403, 404))
MOST_DAYS, DAY_S = 366, 86400.0


class ShareRequest(BaseModel, extra="forbid"):
    """How long a link is valid."""

    days: int = Field(7, ge=1, le=MOST_DAYS)


class ShareView(BaseModel):
    """A link without its secret; times in ISO 8601."""

    id: str
    created_by: str
    created_at: str
    expires_at: str

    @classmethod
    def of(cls, share: Share) -> "ShareView":
        """Convert a link."""
        created_at, expires_at = (
            datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds") for at in (share.created_at, share.expires_at)
        )
        return cls(id=share.id, created_by=share.created_by, created_at=created_at, expires_at=expires_at)


class NewShare(ShareView):
    """A new link: the only answer with its URL."""

    url: str


class ShareViews(BaseModel):
    """The links that are valid, oldest first."""

    items: list[ShareView]


def _known(results: StoredResultsDep, recordings: RecordingsDep) -> RecordingOverview:
    return recordings.state(results.id)


Known = Annotated[RecordingOverview, Depends(_known)]


@router.post(
    "/shares",
    status_code=201,
    responses=problems(400, 413, 415, 422),
    openapi_extra=request_body(ShareRequest),
)
def create_share(
    recording: Known,
    wanted: Annotated[ShareRequest, Depends(json_body(ShareRequest))],
    shares: SharesDep,
    page_url: PageUrlDep,
    request: Request,
) -> NewShare:
    """Create a link to the transcript's page."""
    share, token = shares.create(recording.id, wanted.days * DAY_S, caller_of(request).name or "")
    add_details(request, f"{share.id}, {wanted.days} days")
    return NewShare(url=share_page(page_url, recording.id, token), **ShareView.of(share).model_dump())


@router.get("/shares")
def list_shares(recording: Known, shares: SharesDep) -> ShareViews:
    """List the links that are valid."""
    return ShareViews(items=[ShareView.of(one) for one in shares.all(recording.id)])


@router.delete("/shares/{share}", status_code=204)
def withdraw_share(results: StoredResultsDep, share: Annotated[str, Path()], shares: SharesDep) -> Response:
    """Withdraw a link: it ends at once."""
    shares.withdraw(share, results.id)
    return Response(status_code=204)


@router.post("/visit", status_code=204)
async def visit(request: Request, results: StoredResultsDep, access: AccessDep) -> Response:
    """Set a cookie for this transcript in exchange for a link's token, which is sent as bearer token."""
    answer = Response(status_code=204)
    if found := await access.share_of(request):
        share, token = found
        set_share_cookie(answer, results.id, token, share.expires_at, secure=is_secure(request, https=access.https))
    return answer
