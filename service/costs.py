"""What was spent, as JSON; the page /costs shows it."""

import math
import time
from collections.abc import Callable
from typing import Literal, cast

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.costs import BY, By, report
from service.catalogue import known
from service.catch_up import CatchingUp
from service.errors import Refused
from service.openapi import Endpoint
from service.ports import Accounts

MOST_DAYS = 36_500
QUERIES = {
    "by": {"type": "string", "enum": list(BY), "default": "step"},
    "since": {
        "type": "number",
        "minimum": 0,
        "maximum": MOST_DAYS,
        "description": "Only steps that ended in the last so many days.",
    },
}


class Spent(BaseModel):
    """What one asset, recording, room or month took: failed attempts included."""

    key: str
    steps: int
    attempts: int
    failures: int
    wall_seconds: float
    cpu_seconds: float
    gpu_seconds: float
    llm_calls: int
    prompt_tokens: int
    completion_tokens: int
    bytes_read: int
    bytes_written: int
    cost: float


class Costs(BaseModel):
    """Rows, most expensive first, months in their order; the total is rounded from the exact sum."""

    by: Literal["step", "recording", "room", "month"]
    currency: str
    rows: list[Spent]
    total: Spent


def endpoints(accounts: Accounts, catch_up: CatchingUp, check: Callable[[Request], None]) -> list[Endpoint]:
    """Tell what was spent; `check` lets a request through or raises Refused."""

    async def costs(request: Request) -> Response:
        check(request)
        given = known(request, QUERIES)
        by = given.get("by", "step")
        if by not in BY:
            raise Refused(422, f"by: one of {', '.join(BY)}")
        since = _days(given["since"]) if "since" in given else None
        await catch_up()
        used = await run_in_threadpool(accounts.ledger.used, cast(By, by), since=since)
        return JSONResponse(report(used, accounts.prices, cast(By, by)).document())

    return [
        Endpoint(
            "GET",
            "/v1/costs",
            costs,
            "Tell what was used, and what it cost",
            answers=Costs,
            refusals=(422,),
            needs_token=True,
            queries=QUERIES,
        )
    ]


def _days(text: str) -> float:
    """Read a number of days as the time since when, in epoch seconds; raises Refused."""
    try:
        days = float(text)
    except ValueError:
        days = math.nan
    if not 0 <= days <= MOST_DAYS or text != text.strip() or "_" in text:
        raise Refused(422, f"since: days, a number from 0 to {MOST_DAYS}")
    return time.time() - days * 86400
