"""The application over one recording that was really made, on a database of its own."""

# pyright: basic

from contextlib import nullcontext

from starlette.applications import Starlette
from starlette.testclient import TestClient

from reflector_assets.operations.queries import AllRecordings, DagsterRecordings, prices
from reflector_assets.settings.main import Settings
from resources.database.audit import Audit
from resources.database.catalogue import Catalogue
from resources.database.consents import Consents
from resources.database.corrections import CorrectionHistory
from resources.database.database import Database
from resources.database.inbox import Inbox
from resources.database.ledger import Ledger
from resources.database.rooms import Rooms
from resources.database.shares import Shares
from service.app import build
from service.ports import Accounts, Listing, Ports
from tests.consent.world import World
from tests.service.in_process import BEARER, access_of

PRICES = {"REFLECTOR_PRICE_CPU_HOUR": 3600, "REFLECTOR_CURRENCY": "EUR"}


def app_of(world: World, url: str, *, trial: bool = False) -> Starlette:
    """Make the application."""
    database = Database(url=url)
    everything = AllRecordings(
        lambda: nullcontext(world.instance),
        world.store,
        Catalogue(database=database),
        Ledger(database=database),
    )
    recordings = DagsterRecordings(lambda: world.instance, world.store, CorrectionHistory(database=database))
    settings = Settings.model_validate(PRICES)
    return build(
        Inbox(database=database),
        Rooms(database=database),
        Consents(database=database),
        Audit(database=database),
        Shares(database=database),
        secrets=[],
        window=300,
        access=access_of(database, trial=trial),
        check_ready=lambda: (True, []),
        ports=Ports(
            recordings,
            world.store,
            Listing(everything.catalogue, everything.follow_recordings, everything.states),
            Accounts(everything.ledger, everything.catch_up, prices(settings), everything.queues),
        ),
    )


def client_of(world: World, url: str) -> TestClient:
    """Make a client of it that has the token; what isn't handled is a 500."""
    return TestClient(app_of(world, url), headers=BEARER, raise_server_exceptions=False)
