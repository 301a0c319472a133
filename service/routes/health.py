"""Health: whether this process is alive, and whether the deployment is ready."""

from fastapi import Response
from pydantic import BaseModel
from starlette.requests import Request

from service.dependencies import NO_STORE, AccessDep, ReadinessDep
from service.routing import Router, problems

router = Router(prefix="/health", dependencies=[NO_STORE])


class Live(BaseModel):
    """The process is alive."""

    status: str


class DependencyState(BaseModel):
    """One dependency; only holders of the token see what the check found."""

    door: str
    state: str
    milliseconds: int
    said: str | None = None


class Ready(BaseModel):
    """Whether everything that is needed is available, and the state of each dependency."""

    detail: str | None = None
    ready: bool
    doors: list[DependencyState]


@router.get("")
async def live() -> Live:
    """Show that this process is alive."""
    return Live(status="ok")


@router.get("/ready", responses=problems(503), response_model_exclude_none=True)
async def ready(request: Request, response: Response, access: AccessDep, readiness: ReadinessDep) -> Ready:
    """Show whether Dagster's daemon, the databases, the store, the transcriber and the LLM are available."""
    trusted = access.may_act(request)
    is_ready, outcomes = await readiness()
    if not is_ready:
        response.status_code = 503
    return Ready(
        detail=None if is_ready else "not ready, see doors",
        ready=is_ready,
        doors=[
            DependencyState(door=o.door, state=o.state, milliseconds=o.milliseconds, said=o.said if trusted else None)
            for o in outcomes
        ],
    )
