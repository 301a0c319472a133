"""The list of transcripts, and the search through them."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import AwareDatetime, BaseModel
from starlette.concurrency import run_in_threadpool

from domain.old_webhook import room_id as id_of
from domain.overview import RecordingOverview
from domain.rooms import Room, base_name
from resources.database.catalogue import CatalogueRow
from service.compat.routing import compat_router
from service.compat.transcripts import STATUSES, ListedTranscript, Status, created_at
from service.dependencies import ListingCatchUpDep, ListingDep, RoomsDep
from service.ports import Listing
from service.routes.listing import MAX_QUERY

router = compat_router("/transcripts")
MOST = 100
SourceKind = Literal["room", "live", "file"]


class TranscriptsPage(BaseModel):
    """One page of `pages`, counted from 1."""

    items: list[ListedTranscript]
    total: int
    page: int
    size: int
    pages: int


class FoundTranscript(BaseModel):
    """A transcript that was found; `duration` is in milliseconds."""

    id: str
    title: str | None
    user_id: None = None
    room_id: str | None
    room_name: str | None
    source_kind: Literal["room"] = "room"
    created_at: str
    status: Status
    rank: float
    duration: float | None
    search_snippets: list[str]
    total_match_count: int
    change_seq: None = None


class SearchResults(BaseModel):
    """Up to `limit` transcripts from `offset` on, of `total`."""

    results: list[FoundTranscript]
    total: int
    query: str | None
    limit: int
    offset: int


Found = tuple[RecordingOverview, CatalogueRow]


class RoomIds:
    """The ids of rooms by their base names, and the other way round."""

    def __init__(self, rooms: list[Room]) -> None:
        self._ids = {room.name: room.old_id for room in rooms}

    @property
    def names(self) -> list[str]:
        """The base names of the rooms with settings."""
        return list(self._ids)

    def of(self, room_name: str | None) -> str | None:
        """Return the id of a meeting's room."""
        name = base_name(room_name) if room_name else None
        return id_of(name, self._ids.get(name)) if name else None


@router.get("")
async def list_transcripts(
    listing: ListingDep,
    catch_up: ListingCatchUpDep,
    rooms: RoomsDep,
    source_kind: SourceKind | None = None,
    room_id: str | None = None,
    search_term: Annotated[str, Query(max_length=MAX_QUERY)] = "",
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    size: Annotated[int, Query(ge=1, le=MOST)] = 50,
) -> TranscriptsPage:
    """List transcripts, newest first."""
    await catch_up()
    ids = RoomIds(await run_in_threadpool(rooms.list_rooms))
    chosen = Chosen(ids, search_term, room_id, source_kind)
    total, found = await run_in_threadpool(chosen.read, listing, (page - 1) * size, size)
    items = [
        ListedTranscript(
            id=overview.id,
            name=overview.title or "",
            status=STATUSES[overview.state],
            duration=(overview.duration or 0.0) * 1000,
            title=overview.title,
            created_at=created_at(overview.created_at),
            room_id=ids.of(overview.room),
            room_name=base_name(overview.room) if overview.room else None,
        )
        for overview, _ in found
    ]
    return TranscriptsPage(items=items, total=total, page=page, size=size, pages=-(-total // size))


@router.get("/search")
async def search(
    listing: ListingDep,
    catch_up: ListingCatchUpDep,
    rooms: RoomsDep,
    q: Annotated[str, Query(max_length=MAX_QUERY)],
    limit: Annotated[int, Query(ge=1, le=MOST)] = 20,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    room_id: str | None = None,
    source_kind: SourceKind | None = None,
    since: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    until: Annotated[AwareDatetime | None, Query(alias="to")] = None,
    include_deleted: bool = False,
) -> SearchResults:
    """Search transcripts; with `include_deleted` only deleted ones, of which there are none."""
    await catch_up()
    ids, query = RoomIds(await run_in_threadpool(rooms.list_rooms)), q.strip()
    chosen = Chosen(ids, query, room_id, source_kind, since, until, nothing=include_deleted)
    total, found = await run_in_threadpool(chosen.read, listing, offset, limit)
    results = [
        FoundTranscript(
            id=overview.id,
            title=overview.title,
            room_id=ids.of(overview.room),
            room_name=base_name(overview.room) if overview.room else None,
            created_at=created_at(overview.created_at),
            status=STATUSES[overview.state],
            rank=1.0 if query else 0.0,
            duration=None if overview.duration is None else overview.duration * 1000,
            search_snippets=[row.excerpt] if row.excerpt else [],
            total_match_count=1 if row.excerpt else 0,
        )
        for overview, row in found
    ]
    return SearchResults(results=results, total=total, query=query or None, limit=limit, offset=offset)


class Chosen:
    """The transcripts that a request is about."""

    def __init__(
        self,
        ids: RoomIds,
        query: str,
        room_id: str | None,
        source_kind: SourceKind | None,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        nothing: bool = False,
    ) -> None:
        self._ids, self._query, self._room_id = ids, query, room_id
        self._since, self._until = since, until
        self._nothing = nothing or source_kind not in {None, "room"}

    def read(self, listing: Listing, offset: int, limit: int) -> tuple[int, list[Found]]:
        """Return the total number, and `limit` transcripts from `offset` on, newest first; blocks."""
        room = self._room(listing) if self._room_id else None
        if self._nothing or (self._room_id and room is None):
            return 0, []
        total, rows = listing.catalogue.filtered(
            self._query,
            offset,
            limit,
            room=room,
            since=self._since and self._since.timestamp(),
            until=self._until and self._until.timestamp(),
        )
        return total, list(zip(listing.states(rows), rows, strict=True))

    def _room(self, listing: Listing) -> str | None:
        """Return the base name of the room that was asked for; None if there is none."""
        names = (*self._ids.names, *listing.catalogue.rooms())
        return next((name for name in names if self._ids.of(name) == self._room_id), None)
