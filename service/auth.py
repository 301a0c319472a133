"""Who may use the API: holders of the bearer token."""

import hmac

from starlette.requests import Request

from service.answers import Refused


def check_token(request: Request, token: str | None, *, trial: bool) -> None:
    """Let a request through, or raise Refused (401); in a trial nobody needs the token."""
    if trial:
        return
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if token is None:
        raise Refused(401, "the API is closed: REFLECTOR_API_TOKEN isn't set", {"WWW-Authenticate": "Bearer"})
    if kind.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
        raise Refused(401, "a bearer token is needed", {"WWW-Authenticate": "Bearer"})
