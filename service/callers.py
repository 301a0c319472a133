"""The caller of a request, which `Access` identified."""

from starlette.requests import HTTPConnection

from domain.access import Principal, Scope

NOBODY = Principal()
TRIAL = Principal("trial", Scope.OPERATE)
SETTINGS = Principal("REFLECTOR_API_TOKEN", Scope.OPERATE)


def set_caller(connection: HTTPConnection, caller: Principal) -> None:
    """Remember the caller of a request."""
    connection.state.caller = caller


def caller_of(connection: HTTPConnection) -> Principal:
    """Return the caller of a request; NOBODY before it is identified."""
    return getattr(connection.state, "caller", NOBODY)


def is_trusted(connection: HTTPConnection) -> bool:
    """Return True for operators, who may see what concerns the deployment."""
    return caller_of(connection).may(Scope.OPERATE)
