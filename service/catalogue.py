"""All transcripts, page by page, newest first, and the search for words in them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.overview import RecordingOverview
from service.catch_up import CatchingUp
from service.errors import Refused
from service.openapi import Endpoint
from service.ports import Listing

LONGEST_QUERY, MOST_PAGES, LARGEST_PAGE = 200, 1_000_000, 100
QUERIES = {
    "q": {
        "type": "string",
        "maxLength": LONGEST_QUERY,
        "description": "Words, or beginnings of words, all of which are in title, room or text.",
    },
    "page": {"type": "integer", "minimum": 1, "maximum": MOST_PAGES, "default": 1},
    "size": {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": 20},
}


class Row(BaseModel):
    """One recording; `reason` says why it is in error, `excerpt` is the place of the first match in the text."""

    id: str
    title: str | None
    room_name: str | None
    created_at: str | None
    duration: float | None
    state: Literal["new", "processing", "ended", "error", "retired"]
    reason: str | None
    excerpt: str | None


class Rows(BaseModel):
    """One page, counted from 1, of `total` recordings."""

    total: int
    page: int
    size: int
    items: list[Row]


def endpoints(listing: Listing, check: Callable[[Request], None]) -> list[Endpoint]:
    """List and search; `check` lets a request through or raises Refused."""
    catch_up = CatchingUp(listing.catch_up)

    async def list_transcripts(request: Request) -> Response:
        check(request)
        given = known(request, QUERIES)
        query = given.get("q", "")
        if len(query) > LONGEST_QUERY:
            raise Refused(422, f"q: longer than {LONGEST_QUERY} characters")
        page = whole(given, "page", 1, MOST_PAGES)
        size = whole(given, "size", 20, LARGEST_PAGE)
        await catch_up()
        found = await run_in_threadpool(listing.catalogue.search, query, page, size)
        states = await run_in_threadpool(listing.states, [one for one, _ in found.items])
        rows = [_row(state, excerpt) for state, (_, excerpt) in zip(states, found.items, strict=True)]
        return JSONResponse({"total": found.total, "page": page, "size": size, "items": rows})

    return [
        Endpoint(
            "GET",
            "/v1/transcripts",
            list_transcripts,
            "List recordings, newest first, or search them",
            answers=Rows,
            refusals=(422,),
            needs_token=True,
            queries=QUERIES,
        )
    ]


def known(request: Request, queries: Mapping[str, object]) -> dict[str, str]:
    """The request's query by name; raises Refused for what isn't in the document, or given twice."""
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in queries or name in given:
            raise Refused(422, f"{name[:50]!r} is no parameter, or is given twice")
        given[name] = value
    return given


def whole(given: Mapping[str, str], name: str, default: int, largest: int) -> int:
    """A number from 1 to `largest`; raises Refused."""
    text = given.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(largest)) and 1 <= int(text) <= largest):
        raise Refused(422, f"{name}: a number from 1 to {largest}")
    return int(text)


def _row(state: RecordingOverview, excerpt: str | None) -> dict[str, object]:
    created = None if state.created_at is None else datetime.fromtimestamp(state.created_at, UTC).isoformat()
    return {
        "id": state.id,
        "title": state.title,
        "room_name": state.room,
        "created_at": created,
        "duration": state.duration,
        "state": state.state,
        "reason": state.reason,
        "excerpt": excerpt,
    }
