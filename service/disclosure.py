"""What callers other than operators see of failures: a general reason; no hosts, paths, settings or answers."""

from collections.abc import Sequence

from starlette.requests import HTTPConnection

from domain.errors import AudioDeleted, InvalidInput, NotFound, RecordingDeleted, ReflectorError, TransientError
from domain.events import Event
from domain.results import ActionItems, Topic
from domain.transcripts import MISSING
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
    data = event.data
    if reason := data.get("reason"):
        return event.model_copy(update={"data": {**data, "reason": general_reason(reason)}})
    if (items := data.get("action_items")) and items.get("error"):
        return event.model_copy(update={"data": {**data, "action_items": {**items, "error": FAILED}}})
    return event


def general_topics(topics: Sequence[Topic]) -> tuple[Topic, ...]:
    """Return topics with general reasons why they have no summary."""
    return tuple(topic.model_copy(update={"error": FAILED}) if topic.error else topic for topic in topics)


def general_parts(
    errors: Sequence[str], topics: Sequence[Topic] | None, items: ActionItems | None
) -> dict[str, object]:
    """Return the fields of a transcript that say why parts of it are missing, with general reasons."""
    return {
        "errors": tuple(f"{error.partition(MISSING)[0]}{MISSING}" for error in errors),
        "topics": topics and general_topics(topics),
        "action_items": items.model_copy(update={"error": FAILED}) if items and items.error else items,
    }


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
