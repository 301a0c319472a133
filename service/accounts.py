"""What needs the ledger: costs, and the figures for Prometheus."""

from collections.abc import Callable

from starlette.requests import Request

from resources.database.inbox import Inbox
from service import costs, metrics
from service.catch_up import CatchingUp
from service.openapi import Endpoint
from service.ports import Accounts
from service.received import Received


def endpoints(accounts: Accounts, inbox: Inbox, received: Received, check: Callable[[Request], None]) -> list[Endpoint]:
    """Both follow Dagster's log together; `check` lets a request through or raises Refused."""
    catch_up = CatchingUp(accounts.catch_up)
    return [
        *costs.endpoints(accounts, catch_up, check),
        *metrics.endpoints(accounts, inbox, received, catch_up, check),
    ]
