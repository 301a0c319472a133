"""Health: whether this process is alive, and whether the deployment is ready."""

from contextlib import suppress

from fastapi import Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from domain.access import Scope
from domain.errors import ReflectorError
from service.dependencies import AccessDep, AuthorizedRouter, ConsentsDep, ReadinessDep
from service.routing import problems

# The name of the check that says whether the product's database answers.
DATABASE = "database"
router = AuthorizedRouter(prefix="/health")


class Live(BaseModel):
    """The process is alive."""

    status: str


class DependencyState(BaseModel):
    """One dependency; only operators see what the check found."""

    door: str
    state: str
    milliseconds: int
    said: str | None = None


class Ready(BaseModel):
    """Whether everything that is needed is available, and the state of each dependency.

    Operators also see how many denials of consent match no recording, while the database answers.
    """

    detail: str | None = None
    ready: bool
    doors: list[DependencyState]
    unmatched_denials: int | None = None


@router.get("")
async def live() -> Live:
    """Show that this process is alive."""
    return Live(status="ok")


@router.get("/ready", responses=problems(503), response_model_exclude_none=True)
async def ready(
    request: Request, response: Response, access: AccessDep, readiness: ReadinessDep, consents: ConsentsDep
) -> Ready:
    """Show whether Dagster's daemon, the databases, the store, the transcriber and the LLM are available."""
    trusted = access.may(request, Scope.OPERATE)
    is_ready, outcomes = await readiness()
    if not is_ready:
        response.status_code = 503
    unmatched: int | None = None
    if trusted and any(outcome.door == DATABASE and outcome.state == "ok" for outcome in outcomes):
        with suppress(ReflectorError):
            unmatched = len(await run_in_threadpool(consents.unmatched))
    return Ready(
        unmatched_denials=unmatched,
        detail=None if is_ready else "not ready, see doors",
        ready=is_ready,
        doors=[
            DependencyState(door=o.door, state=o.state, milliseconds=o.milliseconds, said=o.said if trusted else None)
            for o in outcomes
        ],
    )
