"""The router of all routes, what they add to the OpenAPI document, and the options of applications."""

import hashlib
from collections.abc import Callable
from typing import Any, cast

from fastapi import APIRouter
from pydantic import BaseModel

from service.bodies import JSON
from service.errors import Problem

# Options of every application. Pages of documentation would load scripts from other hosts; spans and logs would hold
# requests, and go wherever environment variables say.
APPLICATION: dict[str, Any] = {
    "version": "1",
    "docs_url": None,
    "redoc_url": None,
    "telemetry": {"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
}


class Router(APIRouter):
    """Serves HEAD wherever it serves GET, as Starlette does and FastAPI doesn't."""

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Add a route, and a second one for HEAD that isn't in the OpenAPI document."""
        super().add_api_route(path, endpoint, **options)
        if options.get("methods") == ["GET"]:
            options |= {"methods": ["HEAD"], "include_in_schema": False}
            super().add_api_route(path, endpoint, **options)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Document error answers."""
    return {status: {"model": Problem, "description": "Refused"} for status in statuses}


def media(kind: str) -> dict[int | str, dict[str, Any]]:
    """Document an answer of a media type other than JSON."""
    return {200: {"content": {kind: {"schema": {"type": "string"}}}}}


def request_body(model: type[BaseModel]) -> dict[str, Any]:
    """Document a body that FastAPI doesn't read itself."""
    schema = model.model_json_schema()
    inlined = _inlined(schema, schema.pop("$defs", {}))
    return {"requestBody": {"required": True, "content": {JSON: {"schema": inlined}}}}


def etag(*contents: bytes) -> str:
    """Return an entity tag for what is made of these contents alone."""
    digest = hashlib.sha256()
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    return f'"{digest.hexdigest()[:32]}"'


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """Replace references to a schema's own definitions, which have no place in an OpenAPI document."""
    if isinstance(schema, list):
        return [_inlined(part, definitions) for part in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    parts = {name: part for name, part in cast("dict[str, Any]", schema).items() if name != "discriminator"}
    if reference := parts.pop("$ref", None):
        return _inlined({**definitions[str(reference).rsplit("/", 1)[-1]], **parts}, definitions)
    return {name: _inlined(part, definitions) for name, part in parts.items()}


def without_validation_errors(document: dict[str, Any]) -> dict[str, Any]:
    """Remove FastAPI's own 422 answers from an OpenAPI document, in place; ours have the body `Problem`."""
    schemas = document.get("components", {}).get("schemas", {})
    for path in document["paths"].values():
        for operation in path.values():
            body = operation["responses"].get("422", {}).get("content", {}).get(JSON, {}).get("schema", {})
            if body.get("$ref", "").endswith("/HTTPValidationError"):
                del operation["responses"]["422"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    return document
