"""What needs the ledger: costs, and the figures for Prometheus."""

from collections.abc import Callable

from starlette.requests import Request

from service import costs
from service.openapi import Endpoint
from service.projecting import CatchingUp
from service.shown import Accounts


def endpoints(accounts: Accounts, check: Callable[[Request], None]) -> list[Endpoint]:
    """Both follow Dagster's log together; `check` lets a request through or raises Refused."""
    catch_up = CatchingUp(accounts.catch_up)
    return costs.endpoints(accounts, catch_up, check)
