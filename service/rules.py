"""What each route needs of its callers: the table by which requests are authorized, recorded and documented.

A route without an entry stops the service from being built.
"""

from typing import Any, NamedTuple

from fastapi import FastAPI
from fastapi.params import Depends
from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts
from starlette.requests import HTTPConnection
from starlette.routing import Mount

from domain.access import Scope


class Rule(NamedTuple):
    """The scope that a route needs, None if everyone may use it, how the audit log names what it changes,
    and whether holders of a link to the recording may use it, too.
    """

    scope: Scope | None
    action: str | None = None
    shared: bool = False


OPEN, READ, WRITE, OPERATE = Rule(None), Rule(Scope.READ), Rule(Scope.WRITE), Rule(Scope.OPERATE)
# What the page of a recording loads.
SHARED = Rule(Scope.READ, shared=True)


def changes(action: str, scope: Scope | None) -> Rule:
    """Return the rule of a route that changes something."""
    return Rule(scope, action)


RULES: dict[str, Rule] = {
    # Shells without data.
    "GET /": OPEN,
    "GET /transcripts/{id}": OPEN,
    "GET /costs": OPEN,
    "GET /openapi.json": OPEN,
    # What it shows of failures depends on the caller.
    "GET /health": OPEN,
    "GET /health/ready": OPEN,
    # It checks signatures.
    "POST /v1/daily/webhook": OPEN,
    # They check the credentials themselves.
    "POST /v1/session": changes("sign in", None),
    "GET /v1/session": OPEN,
    "DELETE /v1/session": changes("sign out", None),
    # They identify people; the second appends to the audit log itself.
    "GET /v1/login": OPEN,
    "GET /v1/login/callback": OPEN,
    "GET /v1/transcripts": READ,
    "GET /v1/transcripts/{id}": SHARED,
    "GET /v1/transcripts/{id}/topics": SHARED,
    "GET /v1/transcripts/{id}/waveform": SHARED,
    "GET /v1/transcripts/{id}/words": SHARED,
    "GET /v1/transcripts/{id}/webvtt": SHARED,
    "GET /v1/transcripts/{id}/audio": SHARED,
    "GET /v1/transcripts/{id}/export/json": SHARED,
    "GET /v1/transcripts/{id}/export/txt": SHARED,
    "GET /v1/transcripts/{id}/export/md": SHARED,
    "GET /v1/transcripts/{id}/export/vtt": SHARED,
    "GET /v1/transcripts/{id}/export/srt": SHARED,
    "GET /v1/transcripts/{id}/events": SHARED,
    "WEBSOCKET /v1/transcripts/{id}/events": SHARED,
    "DELETE /v1/transcripts/{id}": changes("delete", Scope.WRITE),
    "POST /v1/transcripts/{id}/retry": changes("retry", Scope.WRITE),
    "POST /v1/transcripts/{id}/visit": Rule(Scope.READ, "share open", shared=True),
    "GET /v1/transcripts/{id}/shares": WRITE,
    "POST /v1/transcripts/{id}/shares": changes("share create", Scope.WRITE),
    "DELETE /v1/transcripts/{id}/shares/{share}": changes("share withdraw", Scope.WRITE),
    "PATCH /v1/transcripts/{id}": changes("correct", Scope.WRITE),
    "GET /v1/transcripts/{id}/corrections": READ,
    "POST /v1/transcripts/{id}/corrections": changes("correct", Scope.WRITE),
    "POST /v1/transcripts/{id}/corrections/remake": changes("remake", Scope.WRITE),
    "POST /v1/transcripts/{id}/corrections/{number}/undo": changes("undo", Scope.WRITE),
    "GET /v1/transcripts/{id}/vocabulary": WRITE,
    "POST /v1/transcripts/{id}/vocabulary": changes("learn", Scope.WRITE),
    "GET /v1/transcripts/{id}/participants": READ,
    "POST /v1/transcripts/{id}/participants": changes("correct", Scope.WRITE),
    "PATCH /v1/transcripts/{id}/participants/{participant_id}": changes("correct", Scope.WRITE),
    "DELETE /v1/transcripts/{id}/participants/{participant_id}": changes("correct", Scope.WRITE),
    "PATCH /v1/transcripts/{id}/speaker/assign": changes("correct", Scope.WRITE),
    "PATCH /v1/transcripts/{id}/speaker/merge": changes("correct", Scope.WRITE),
    "GET /v1/meetings/{id}/consent": WRITE,
    "POST /v1/meetings/{id}/consent": changes("consent", Scope.WRITE),
    # The old system's API.
    "POST /compat/v1/auth/login": OPEN,
    "GET /compat/v1/me": OPEN,
    "GET /compat/v1/config": OPEN,
    "GET /compat/v1/rooms": READ,
    "GET /compat/v1/rooms/name/{name}": READ,
    "GET /compat/v1/rooms/{room_id}": READ,
    "GET /compat/v1/rooms/{name}/meetings/active": READ,
    "GET /compat/v1/rooms/{name}/meetings/upcoming": READ,
    "GET /compat/v1/transcripts": READ,
    "GET /compat/v1/transcripts/search": READ,
    "GET /compat/v1/transcripts/{id}": READ,
    "GET /compat/v1/transcripts/{id}/topics": READ,
    "GET /compat/v1/transcripts/{id}/topics/with-words": READ,
    "GET /compat/v1/transcripts/{id}/topics/{topic_id}/words-per-speaker": READ,
    "GET /compat/v1/transcripts/{id}/participants": READ,
    "GET /compat/v1/transcripts/{id}/participants/{participant_id}": READ,
    "GET /compat/v1/transcripts/{id}/audio/waveform": READ,
    "GET /compat/v1/transcripts/{id}/audio/mp3": READ,
    "PATCH /compat/v1/transcripts/{id}": changes("correct", Scope.WRITE),
    "POST /compat/v1/transcripts/{id}/participants": changes("correct", Scope.WRITE),
    "PATCH /compat/v1/transcripts/{id}/participants/{participant_id}": changes("correct", Scope.WRITE),
    "DELETE /compat/v1/transcripts/{id}/participants/{participant_id}": changes("correct", Scope.WRITE),
    "PATCH /compat/v1/transcripts/{id}/speaker/assign": changes("correct", Scope.WRITE),
    "PATCH /compat/v1/transcripts/{id}/speaker/merge": changes("correct", Scope.WRITE),
    "POST /compat/v1/transcripts/{id}/process": changes("retry", Scope.WRITE),
    "DELETE /compat/v1/transcripts/{id}": changes("delete", Scope.WRITE),
    "POST /compat/v1/transcripts/{id}/restore": changes("restore", Scope.WRITE),
    "DELETE /compat/v1/transcripts/{id}/destroy": changes("delete", Scope.WRITE),
    "WEBSOCKET /compat/v1/transcripts/{id}/events": READ,
    "WEBSOCKET /compat/v1/events": READ,
    "GET /v1/rooms": OPERATE,
    "GET /v1/rooms/{name}": OPERATE,
    "PUT /v1/rooms/{name}": changes("rooms set", Scope.OPERATE),
    "PATCH /v1/rooms/{name}": changes("rooms set", Scope.OPERATE),
    "DELETE /v1/rooms/{name}": changes("rooms delete", Scope.OPERATE),
    "GET /v1/costs": OPERATE,
    "GET /metrics": OPERATE,
    "GET /v1/audit": OPERATE,
}
SCHEME = "token"
ABOUT_TOKENS = (
    "REFLECTOR_API_TOKEN, which has all scopes, a token of `reflector tokens create`, or a JWT if AUTH_JWT_PUBLIC_KEY "
    "is set. Of the scopes `read`, `write` and `operate`, each includes those before it."
)


def rule_of(connection: HTTPConnection) -> Rule:
    """Return the rule of the route that a connection was routed to."""
    kind = "WEBSOCKET" if connection.scope["type"] == "websocket" else connection.scope["method"]
    return RULES[_key(kind, connection.scope["route"].path_format)]


def routes_of(app: FastAPI) -> set[str]:
    """Return the routes of the application as in `RULES`, without static files; HEAD is as GET."""
    found: set[str] = set()
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, Mount):
            continue
        found |= {_key(kind, route.path_format or "") for kind in route.methods or {"WEBSOCKET"}}
    return found


def check_rules(app: FastAPI, authorized: Depends) -> None:
    """Raise LookupError if a route has no rule or, other than a page, isn't `authorized`."""
    missing = routes_of(app) - set(RULES)
    if missing:
        raise LookupError(f"service/rules.py has no rule for {', '.join(sorted(missing))}")
    for route in app.routes:
        if isinstance(route, APIRoute | APIWebSocketRoute) and authorized not in route.dependencies:
            raise LookupError(f"nobody authorizes requests of {route.path}: its router is no AuthorizedRouter")


def add_rules(document: dict[str, Any]) -> dict[str, Any]:
    """Add what routes need to an OpenAPI document, in place."""
    schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes[SCHEME] = {"type": "http", "scheme": "bearer", "description": ABOUT_TOKENS}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            scope = RULES[_key(method.upper(), path)].scope
            if scope is not None:
                operation["security"] = [{SCHEME: [scope]}]
    return document


def _key(kind: str, path: str) -> str:
    return f"{'GET' if kind == 'HEAD' else kind} {path}"
