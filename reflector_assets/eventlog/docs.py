"""Generates docs/events.md and docs/asyncapi.json from the assets' declarations and the payloads' models."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from domain.events import CAUSES, CORRECTION, PIPELINE_PROGRESS, STATUS, Event, PipelineProgress, Status
from reflector_assets.policies import assets

PATH = "/v1/transcripts/{id}/events"
REF = "#/components/schemas/{model}"
# The events that runs cause.
RUNS: Mapping[str, tuple[type[BaseModel], str]] = {
    PIPELINE_PROGRESS: (PipelineProgress, "every asset, and every track: planned, started, retried, finished, failed"),
    STATUS: (Status, "a run that fails permanently (`error`), and a later one that starts or succeeds"),
}
EDITS = "an edit, followed at once by the events of what it changes, before a run takes it"
HEAD = """# Events

Clients that follow a recording receive its events in this envelope:

```json
{"id": "12.345.0", "at": 1774252800.5, "event": "FINAL_TITLE", "data": {"title": "Weekly planning"}}
```

`at` is the time of the event in epoch seconds. `id` is opaque; pass the id of the last event you read to continue after
it. Events aren't broadcast but read from Dagster's event log, the store and the history of corrections, so clients that
connect late receive all of them, once and in order. Of content that was computed again since, only the newest version
is sent.

| Where | What |
| --- | --- |
| `GET @PATH` | all events so far, `{"data": [...]}`; with `?after=ID` those after an event |
| the same with `Accept: text/event-stream` | Server-Sent Events, live, after `Last-Event-ID` or `?after=ID` |
| the same as WebSocket | one JSON text per event, live; `?after=ID` |
| `reflector watch ID --json` | all events until no run is in progress |

Clients authenticate with a token as `Authorization: Bearer`, with the session's cookie, or on a WebSocket with the
subprotocols `bearer, TOKEN`; with `PUBLIC_MODE` no authentication is needed. A WebSocket is closed with 4401 without
authentication, 4404 for an unknown recording, 4410 for one that was deleted, 4422 for an invalid event id, and 1013
when Dagster's database or the store is unavailable, or when there are too many listeners; Server-Sent Events are then
answered with 401, 404, 410, 422, 503 and, if this client has too many, 429. `asyncapi.json` beside this page has the
schemas. Optional fields are omitted or null where they don't apply.

## Differences from Reflector 0.45

The events have the names of the old system, and its fields except for these. They stay different: all times of this API
are in seconds, and a listener needs ids to continue.

| Event | Old system | Here |
| --- | --- | --- |
| all | `{"event", "data"}` | also `id` and `at` |
| all | replayed on connecting, except `STATUS` and `TRANSCRIPT` | all are replayed |
| `DURATION` | milliseconds | seconds, with `source` |
| `TOPIC` | also `transcript` and `segments` | the words are in `GET /v1/transcripts/{id}/words` |
| `STATUS` | also `idle`, `uploaded`, `recording` | also `step` and `reason` |
| `ACTION_ITEMS` | `decisions`, `next_steps` | also `method` and `error` |
| `PIPELINE_PROGRESS` | none | progress of a run |

There is no socket for all recordings, `/v1/events`; `GET /v1/transcripts` is the list.
"""


def causes() -> dict[str, list[str]]:
    """Return the names of the assets that cause each event, in the order of the assets."""
    by_event: dict[str, list[str]] = {}
    for asset in assets():
        for cause in CAUSES.get(asset, ()):
            by_event.setdefault(cause.event, []).append(asset)
    return by_event


def payloads() -> dict[str, type[BaseModel]]:
    """Return the payload's model of each event, in the order of the events."""
    of_assets = {cause.event: cause.payload for asset in assets() for cause in CAUSES.get(asset, ())}
    return {**{name: model for name, (model, _) in RUNS.items()}, **of_assets}


def markdown() -> str:
    """Return the page."""
    by_event = causes()
    parts = [HEAD.replace("@PATH", PATH).rstrip()]
    parts.append("## By asset\n\n| Asset | Events |\n| --- | --- |")
    for asset in assets():
        names = ", ".join(f"`{cause.event}`" for cause in CAUSES.get(asset, ())) or "only `PIPELINE_PROGRESS`"
        parts[-1] += f"\n| `{asset}` | {names} |"
    for name, model in payloads().items():
        caused = ", ".join(f"`{asset}`" for asset in by_event.get(name, []))
        sources = "; ".join(part for part in (caused, _other(name)) if part)
        schema = model.model_json_schema()
        rows = [
            f"| `{field}` | {_type(described)} | {'' if field in schema.get('required', []) else 'optional'} "
            f"| {described.get('description', '')} |"
            for field, described in schema["properties"].items()
        ]
        parts.append(
            f"## {name}\n\n{schema['description']}\n\nFrom: {sources}.\n\n"
            "| Field | Type | | |\n| --- | --- | --- | --- |\n" + "\n".join(rows)
        )
    return "\n\n".join(parts) + "\n"


def asyncapi() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document."""
    models = payloads()
    distinct: list[type[BaseModel]] = [*dict.fromkeys(models.values()), Event]
    _, schemas = models_json_schema([(model, "serialization") for model in distinct], ref_template=REF)
    messages: dict[str, Any] = {
        name: {
            "name": name,
            "payload": {
                "allOf": [{"$ref": REF.format(model="Event")}],
                "properties": {"event": {"const": name}, "data": {"$ref": REF.format(model=model.__name__)}},
            },
        }
        for name, model in models.items()
    }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Reflector's events", "version": "1"},
        "channels": {
            "recording": {
                "address": PATH,
                "parameters": {"id": {"description": "The recording's id"}},
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
            }
        },
        "operations": {"tell": {"action": "send", "channel": {"$ref": "#/channels/recording"}}},
        "components": {"messages": messages, "schemas": schemas["$defs"]},
    }


def _other(name: str) -> str:
    return RUNS[name][1] if name in RUNS else EDITS if name == CORRECTION.event else ""


def _type(described: dict[str, Any]) -> str:
    """Return a short description of a field's type."""
    if "anyOf" in described:
        return " or ".join(_type(one) for one in described["anyOf"])
    if "enum" in described:
        return ", ".join(f"`{value}`" for value in described["enum"])
    if "$ref" in described:
        return described["$ref"].rsplit("/", 1)[-1]
    if described.get("type") == "array":
        return f"list of {_type(described['items'])}"
    return str(described.get("type", "any"))


def write(folder: Path) -> None:
    """Write both files to a folder."""
    (folder / "events.md").write_text(markdown())
    (folder / "asyncapi.json").write_text(json.dumps(asyncapi(), indent=1) + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
