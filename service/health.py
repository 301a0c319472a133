"""Whether this process lives, and whether the deployment is ready for work."""

from collections.abc import Callable, Sequence

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.health import Outcome
from service.errors import Refused
from service.openapi import Endpoint

NO_CACHE = {"Cache-Control": "no-store"}


class Live(BaseModel):
    """The process answers."""

    status: str


class DoorState(BaseModel):
    """One door; what it said is shown to holders of the token only."""

    door: str
    state: str
    milliseconds: int
    said: str | None = None


class Ready(BaseModel):
    """Whether all that is needed answers, and each door."""

    ready: bool
    doors: list[DoorState]


def endpoints(
    look: Callable[[], tuple[bool, Sequence[Outcome]]], check: Callable[[Request], None], *, at_once: int = 4
) -> list[Endpoint]:
    """`look` says whether the deployment is ready and how each door fares; `check` raises Refused without a token.

    `at_once` requests wait for it, the others are answered 503: a probe that comes every second must not pile up.
    """
    waiting = 0

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "ok"}, headers=NO_CACHE)

    async def ready(request: Request) -> Response:
        nonlocal waiting
        try:
            check(request)
            trusted = True
        except Refused:
            trusted = False
        if waiting >= at_once:
            raise Refused(503, "the doors are being tried for others just now", {"Retry-After": "1"})
        waiting += 1
        try:
            is_ready, doors = await run_in_threadpool(look)
        finally:
            waiting -= 1
        shown = [{"door": d.door, "state": d.state, "milliseconds": d.milliseconds} for d in doors]
        if trusted:
            shown = [{**one, "said": d.said} for one, d in zip(shown, doors, strict=True)]
        answer: dict[str, object] = {"ready": is_ready, "doors": shown}
        if is_ready:
            return JSONResponse(answer, headers=NO_CACHE)
        return JSONResponse({"detail": "not ready, see doors", **answer}, 503, NO_CACHE)

    return [
        Endpoint("GET", "/health", live, "Say that this process lives", answers=Live),
        Endpoint(
            "GET",
            "/health/ready",
            ready,
            "Say whether Dagster's daemon, the databases, the store, the transcriber and the LLM answer",
            answers=Ready,
            refusals=(503,),
        ),
    ]
