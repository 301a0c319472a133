"""The list of all recordings, page by page, newest first, and the search through it."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from domain.overview import RecordingOverview, State
from resources.database.catalogue import CatalogueRow
from service.callers import is_trusted
from service.dependencies import SINGLE_PARAMETERS, AuthorizedRouter, ListingCatchUpDep, ListingDep
from service.disclosure import general_reason
from service.parameters import number
from service.routing import problems

MAX_QUERY, MAX_PAGE, MAX_SIZE = 200, 1_000_000, 100
router = AuthorizedRouter(responses=problems(401, 403))


class ListQuery(BaseModel, extra="forbid"):
    """The parameters of the query."""

    q: str = Field(
        "",
        max_length=MAX_QUERY,
        description="Words, or prefixes of words, all of which are in title, room or text. Accents and vowel points "
        "don't matter; scripts without spaces are also found within a run of letters.",
    )
    page: Annotated[int, number(MAX_PAGE)] = Field(1, ge=1, le=MAX_PAGE)
    size: Annotated[int, number(MAX_SIZE)] = Field(20, ge=1, le=MAX_SIZE)


class Row(BaseModel):
    """One recording; `reason` is the cause of an error, `excerpt` the text around the first match.

    `marks` are the ranges of the excerpt that match, as first and last + 1 of its characters (Unicode code points).
    """

    id: str
    title: str | None
    room_name: str | None
    created_at: str | None
    duration: float | None
    state: State
    reason: str | None
    excerpt: str | None
    marks: list[tuple[int, int]]


class Rows(BaseModel):
    """One page, counted from 1, of `total` recordings."""

    total: int
    page: int
    size: int
    items: list[Row]


@router.get("/v1/transcripts", dependencies=[SINGLE_PARAMETERS], responses=problems(422))
async def list_transcripts(
    request: Request,
    query: Annotated[ListQuery, Query()],
    listing: ListingDep,
    catch_up: ListingCatchUpDep,
) -> Rows:
    """List recordings, newest first, or search them."""
    await catch_up()
    found = await run_in_threadpool(listing.catalogue.search, query.q, query.page, query.size)
    overviews = await run_in_threadpool(listing.states, found.items)
    if not is_trusted(request):
        overviews = [overview._replace(reason=_general(overview)) for overview in overviews]
    rows = [_row(overview, row) for overview, row in zip(overviews, found.items, strict=True)]
    return Rows(total=found.total, page=query.page, size=query.size, items=rows)


def _general(overview: RecordingOverview) -> str | None:
    """Return the step and what anyone may know of the reason."""
    prefix = f"{overview.step}: " if overview.step else ""
    reason = general_reason(overview.reason and overview.reason.removeprefix(prefix))
    return reason and prefix + reason


def _row(overview: RecordingOverview, found: CatalogueRow) -> Row:
    at = overview.created_at
    return Row(
        id=overview.id,
        title=overview.title,
        room_name=overview.room,
        created_at=None if at is None else datetime.fromtimestamp(at, UTC).isoformat(),
        duration=overview.duration,
        state=overview.state,
        reason=overview.reason,
        excerpt=found.excerpt,
        marks=list(found.marks),
    )
