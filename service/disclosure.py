"""What callers other than operators see of failures: a general reason; no hosts, paths, settings or answers."""

from starlette.requests import HTTPConnection

from domain.errors import AudioDeleted, InvalidInput, NotFound, RecordingDeleted, ReflectorError, TransientError
from domain.events import Event
from service.callers import is_trusted

FAILED = "it failed; the operator of this service can see why"
# Reasons without anything of the deployment.
HARMLESS = frozenset({"canceled", "the run was canceled"})


def general_reason(reason: str | None) -> str | None:
    """Return what anyone may know of a failure's reason."""
    if reason is None or reason in HARMLESS:
        return reason
    deleted = AudioDeleted("consent").what
    return deleted if deleted in reason else FAILED


def general_event(event: Event) -> Event:
    """Return an event with a general reason, if it has one."""
    reason = event.data.get("reason")
    return event.model_copy(update={"data": {**event.data, "reason": general_reason(reason)}}) if reason else event


def error_text(connection: HTTPConnection, error: ReflectorError) -> str:
    """Return the text of an error for a client: all of it for operators."""
    # The webhook has no application in its scope; its senders have signed.
    if connection.scope.get("app") is None or is_trusted(connection):
        return str(error)
    if isinstance(error, AudioDeleted | RecordingDeleted | InvalidInput):
        return error.what
    if isinstance(error, NotFound):
        return "there is no such recording, or not this part of it yet"
    return "this can't be answered at the moment; try again later" if isinstance(error, TransientError) else FAILED
