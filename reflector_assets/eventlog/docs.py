"""docs/events.md and docs/asyncapi.json, made from what the assets declare and from the payloads' models."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from domain.events import CAUSES, PIPELINE_PROGRESS, STATUS, Event, PipelineProgress, Status
from reflector_assets.policies import assets

PATH = "/v1/transcripts/{id}/events"
REF = "#/components/schemas/{model}"
# What runs themselves tell.
RUNS: Mapping[str, tuple[type[BaseModel], str]] = {
    PIPELINE_PROGRESS: (PipelineProgress, "every asset: planned, begun, tried again, made, failed; each track, too"),
    STATUS: (Status, "a run that fails for good (`error`), and one that begins after that or ends well"),
}
HEAD = """# Events

What listeners of a recording get, in this envelope:

```json
{"id": "12.345.0", "at": 1774252800.5, "event": "FINAL_TITLE", "data": {"title": "Weekly planning"}}
```

`at` is when it happened, in epoch seconds. `id` is opaque; who gives the last one that was read goes on behind it.
Assets broadcast nothing: events are read off Dagster's event log and the store, so that who comes late gets all of
them, once and in order. Of content that was made again since, only the newest is told.

| Where | What |
| --- | --- |
| `GET @PATH` | all so far, `{"data": [...]}`; `?after=ID` for those behind one |
| the same with `Accept: text/event-stream` | Server-Sent Events, live, behind `Last-Event-ID` or `?after=ID` |
| the same as WebSocket | one JSON text for each event, live; `?after=ID` |
| `reflector watch ID --json` | all until nothing is at work |

Readers need the token, as `Authorization: Bearer`, or the session's cookie, or for a WebSocket the subprotocols
`bearer, TOKEN`; with `PUBLIC_MODE` nobody does. A WebSocket is closed with 4401 without it, 4404 for no such
recording, 4422 for what is no id, 1013 when Dagster's database or the store is away. `asyncapi.json` beside this page
has the schemas. A field that is optional is left out, or null, where it doesn't apply.
"""


def causes() -> dict[str, list[str]]:
    """Names of the assets that cause an event, by the event, in the order of the assets."""
    found: dict[str, list[str]] = {}
    for asset in assets():
        for cause in CAUSES.get(asset, ()):
            found.setdefault(cause.event, []).append(asset)
    return found


def payloads() -> dict[str, type[BaseModel]]:
    """The payload's model of each event, in the order in which they come."""
    told = {cause.event: cause.payload for asset in assets() for cause in CAUSES.get(asset, ())}
    return {**{name: model for name, (model, _) in RUNS.items()}, **told}


def markdown() -> str:
    """The page."""
    by_event = causes()
    parts = [HEAD.replace("@PATH", PATH).rstrip()]
    parts.append("## By asset\n\n| Asset | Events |\n| --- | --- |")
    for asset in assets():
        names = ", ".join(f"`{cause.event}`" for cause in CAUSES.get(asset, ())) or "only `PIPELINE_PROGRESS`"
        parts[-1] += f"\n| `{asset}` | {names} |"
    for name, model in payloads().items():
        caused = ", ".join(f"`{asset}`" for asset in by_event.get(name, []))
        told = "; ".join(part for part in (caused, RUNS[name][1] if name in RUNS else "") if part)
        schema = model.model_json_schema()
        rows = [
            f"| `{field}` | {_type(described)} | {'' if field in schema.get('required', []) else 'optional'} "
            f"| {described.get('description', '')} |"
            for field, described in schema["properties"].items()
        ]
        parts.append(
            f"## {name}\n\n{schema['description']}\n\nFrom: {told}.\n\n"
            "| Field | Type | | |\n| --- | --- | --- | --- |\n" + "\n".join(rows)
        )
    return "\n\n".join(parts) + "\n"


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3.0 document."""
    models = payloads()
    _, schemas = models_json_schema(
        [(model, "serialization") for model in [*dict.fromkeys(models.values()), Event]], ref_template=REF
    )
    messages = {
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


def _type(described: dict[str, Any]) -> str:
    """A field's type in a few words."""
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
    """Write both files."""
    (folder / "events.md").write_text(markdown())
    (folder / "asyncapi.json").write_text(json.dumps(asyncapi(), indent=1) + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
