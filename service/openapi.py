"""Endpoints as data: the routes and the OpenAPI document both come from them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from service.errors import Problem

REF = "#/components/schemas/{model}"


class Endpoint(NamedTuple):
    """One method of one path: what it takes, what it answers, and which refusals are to be expected."""

    method: str
    path: str
    serve: Callable[[Request], Awaitable[Response]] | ASGIApp
    summary: str
    takes: type[BaseModel] | None = None
    answers: type[BaseModel] | None = None
    status: int = 200
    refusals: tuple[int, ...] = ()
    needs_token: bool = False
    headers: Mapping[str, str] = {}
    parameters: Mapping[str, dict[str, Any]] = {}
    # Of the query: each name's schema, which may hold a description and a default.
    queries: Mapping[str, dict[str, Any]] = {}
    # Answered instead of JSON.
    media: str | None = None


def routes(endpoints: Sequence[Endpoint]) -> list[Route]:
    """Starlette's routes, and the document at /openapi.json."""
    described = document(endpoints)

    async def openapi(_: Request) -> JSONResponse:
        return JSONResponse(described)

    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in endpoints:
        by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    served = [
        Route(path, endpoint.serve, methods=[method])
        for path, methods in by_path.items()
        for method, endpoint in methods.items()
    ]
    return [*served, Route("/openapi.json", openapi, methods=["GET"])]


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    models = {model for e in endpoints for model in (e.takes, e.answers) if model} | {Problem}
    _, schemas = models_json_schema(
        [(model, "validation") for model in sorted(models, key=lambda m: m.__name__)], ref_template=REF
    )
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Reflector", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    ok: dict[str, Any] = {"description": "Done"}
    if endpoint.answers:
        ok["content"] = _json(endpoint.answers)
    elif endpoint.media:
        ok["content"] = {endpoint.media: {"schema": {"type": "string"}}}
    refusals = {*endpoint.refusals, *((401, 403) if endpoint.needs_token else ())}
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "responses": {
            str(endpoint.status): ok,
            **{str(s): {"description": "Refused", "content": _json(Problem)} for s in sorted(refusals)},
        },
    }
    names = [part[1:-1] for part in endpoint.path.split("/") if part.startswith("{")]
    parameters = (
        [
            {"name": n, "in": "path", "required": True, "schema": endpoint.parameters.get(n, {"type": "string"})}
            for n in names
        ]
        + [
            {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
            for name, text in endpoint.headers.items()
        ]
        + [
            {"name": name, "in": "query", "required": False, "schema": schema}
            for name, schema in endpoint.queries.items()
        ]
    )
    if parameters:
        operation["parameters"] = parameters
    if endpoint.takes:
        operation["requestBody"] = {"required": True, "content": _json(endpoint.takes)}
    if endpoint.needs_token:
        operation["security"] = [{"token": []}]
    return operation


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": REF.format(model=model.__name__)}}}
