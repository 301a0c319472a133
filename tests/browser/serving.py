"""The pages on 127.0.0.1 in this process, with scripted recordings and their events."""

# pyright: basic

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.overview import RecordingOverview
from resources.database.catalogue import Catalogue, CatalogueRow, IndexedTranscript
from resources.database.database import Database
from resources.store.base import LocalStore
from service.login import Login
from service.ports import Listing, Ports
from testing.parts import free_ports
from testing.parts.proxy import Proxy
from tests.service.in_process import application, listening
from tests.service.shown_recordings import Scripted, overview, shown


@dataclass
class Site:
    """A running service; `proxy` stands before it."""

    url: str
    script: Scripted
    store: LocalStore
    catalogue: Catalogue
    proxy: Proxy

    def item(self, recording_id: str, title: str | None = None, text: str = "", **reported: Any) -> None:
        """Put a recording into the list, the newest of all, or change it; `reported` says where it is."""
        self.script.states[recording_id] = overview(recording_id, **{"state": "ended", "title": title, **reported})
        self.catalogue.add([recording_id], "{}")
        if title:
            self.catalogue.index(IndexedTranscript(recording_id, title, "weekly", title, None, 90.0, text))

    def states(self, rows: Sequence[CatalogueRow]) -> list[RecordingOverview]:
        """Where recordings are."""
        return [self.script.state(row.recording_id) for row in rows]


@contextmanager
def site(
    folder: Path, *, trial: bool = True, public: bool = False, login: Login | None = None, port: int = 0
) -> Iterator[Site]:
    """Serve the pages: to everybody in a `trial`, in `public` for reading, else to who has the token.

    `login` is the sign-in by an account. The port is a free one unless `port` names it.
    """
    trial = trial and not public
    made, script, store = shown(folder / "data")
    catalogue = Catalogue(database=Database(url=f"sqlite:///{folder}/reflector.db"))
    # A trial must be named by its own port, which is therefore the proxy's, too.
    port, behind = port or free_ports(1)[0], "127.0.0.2"
    with Proxy(port, behind) as proxy:
        here = Site(proxy.endpoint, script, store, catalogue, proxy)
        listing = Listing(catalogue, lambda: True, here.states)
        made = Ports(made.recordings, store, listing)
        app, _, _ = application(f"sqlite:///{folder}/reflector.db", trial=trial, public=public, ports=made, login=login)
        with listening(app, port, behind):
            yield here
