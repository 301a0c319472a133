"""Costs: what the steps used, and the price; the page /costs displays them."""

import time
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from domain.costs import By, report
from service.dependencies import SINGLE_PARAMETERS, AccountsCatchUpDep, AccountsDep, AuthorizedRouter
from service.parameters import Days
from service.routing import problems

router = AuthorizedRouter(responses=problems(401, 403))


class CostsQuery(BaseModel, extra="forbid"):
    """The parameters of the query."""

    by: By = "step"
    since: Days = Field(None, description="Only steps that ended within this number of days.")


class Usage(BaseModel):
    """What one asset, recording, room or month used, including failed attempts."""

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
    """Rows, most expensive first, months in order; the total is rounded from the exact sum."""

    by: By
    currency: str
    rows: list[Usage]
    total: Usage


@router.get("/v1/costs", dependencies=[SINGLE_PARAMETERS], responses=problems(422))
async def show_costs(
    query: Annotated[CostsQuery, Query()], accounts: AccountsDep, catch_up: AccountsCatchUpDep
) -> Costs:
    """Show what was used, and the price."""
    since = None if query.since is None else time.time() - query.since * 86400
    await catch_up()
    used = await run_in_threadpool(accounts.ledger.used, query.by, since=since)
    return Costs.model_validate(report(used, accounts.prices, query.by).document())
