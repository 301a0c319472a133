"""Dependencies of the routes: checks, and the parts of the service that `app.build` puts into the application state."""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Annotated, Any

from fastapi import Depends, Path
from starlette.requests import HTTPConnection, Request

from domain.errors import TransientError
from domain.recording import ID_PATTERN
from resources.database.audit import Audit
from resources.database.consents import Consents
from resources.database.corrections import CorrectionHistory
from resources.database.deletions import Deletions
from resources.database.inbox import Inbox
from resources.database.rooms import Rooms
from resources.database.shares import Shares
from resources.results.stored_results import StoredResults
from resources.store.base import Store
from service.auditing import record_change
from service.auth import Access
from service.catch_up import CatchUp
from service.errors import Refused
from service.feeds import Feeds
from service.listeners import Listeners
from service.login import Login
from service.metrics import MetricsPage
from service.ports import Accounts, Listing, Recordings
from service.readiness import Readiness
from service.routing import Router
from service.rules import rule_of

ID_SCHEMA = {"pattern": f"^{ID_PATTERN.pattern}$"}


def _state(name: str) -> Any:
    async def provide(connection: HTTPConnection) -> Any:
        return getattr(connection.app.state, name)

    return Depends(provide)


AccessDep = Annotated[Access, _state("access")]
AccountsDep = Annotated[Accounts, _state("accounts")]
AccountsCatchUpDep = Annotated[CatchUp, _state("accounts_catch_up")]
AuditDep = Annotated[Audit, _state("audit")]
ConsentsDep = Annotated[Consents, _state("consents")]
CorrectionsDep = Annotated[CorrectionHistory, _state("corrections")]
DeletionsDep = Annotated[Deletions, _state("deletions")]
FeedsDep = Annotated[Feeds, _state("feeds")]
InboxDep = Annotated[Inbox, _state("inbox")]
ListenersDep = Annotated[Listeners, _state("listeners")]
ListingDep = Annotated[Listing, _state("listing")]
ListingCatchUpDep = Annotated[CatchUp, _state("listing_catch_up")]
LoginDep = Annotated[Login, _state("login")]
MetricsDep = Annotated[MetricsPage, _state("metrics")]
ReadinessDep = Annotated[Readiness, _state("readiness")]
RecordingsDep = Annotated[Recordings, _state("recordings")]
PageUrlDep = Annotated[str, _state("page_url")]
RoomsDep = Annotated[Rooms, _state("rooms")]
SharesDep = Annotated[Shares, _state("shares")]
StoreDep = Annotated[Store, _state("store")]


async def authorize(connection: HTTPConnection, access: AccessDep, audit: AuditDep) -> AsyncGenerator[None]:
    """Identify the caller, raise Refused unless it may use the route, and record what it changes.

    WebSockets identify it once they are accepted.
    """
    if connection.scope["type"] == "websocket":
        yield
        return
    scope = rule_of(connection).scope
    # What is open to everyone doesn't depend on the database.
    with suppress(*(() if scope else (TransientError,))):
        await access.identify(connection)
    if scope is not None:
        access.require(connection, scope)
    async with record_change(connection, audit):
        yield


AUTHORIZED = Depends(authorize, scope="function")


class AuthorizedRouter(Router):
    """A router of routes that are authorized.

    They are complete: an application takes them as they are, and needn't make each again for itself.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(dependencies=[AUTHORIZED], **options)


async def _single_parameters(request: Request) -> None:
    names = Counter(name for name, _ in request.query_params.multi_items())
    for name, count in names.items():
        if count > 1:
            raise Refused(422, f"{name[:50]!r} is given twice")


RecordingId = Annotated[str, Path(alias="id", json_schema_extra=ID_SCHEMA)]


def _stored_results(store: StoreDep, deletions: DeletionsDep, recording_id: RecordingId) -> StoredResults:
    results = StoredResults(store, recording_id)
    deletions.check(recording_id)
    return results


# Refuses parameters that are given twice.
SINGLE_PARAMETERS = Depends(_single_parameters)
StoredResultsDep = Annotated[StoredResults, Depends(_stored_results)]
