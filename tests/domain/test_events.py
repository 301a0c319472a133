"""The documentation of events matches the code."""

import json
from pathlib import Path
from typing import Any

import jsonschema

from reflector_assets import policies
from reflector_assets.definitions import assets
from reflector_assets.eventlog import docs

ROOT = Path(__file__).resolve().parents[2]
# Spec: the assets, last column.
CAUSED = {
    "recording": ["STATUS"],
    "corrections": ["CORRECTION"],
    "padded_tracks": ["DURATION"],
    "mixed_audio": ["DURATION"],
    "waveform": ["WAVEFORM"],
    "merged_words": ["TRANSCRIPT"],
    "topics": ["TOPIC"],
    "title": ["FINAL_TITLE"],
    "summary": ["FINAL_LONG_SUMMARY", "FINAL_SHORT_SUMMARY"],
    "action_items": ["ACTION_ITEMS"],
    "transcript": ["STATUS"],
}


def matches(event: dict[str, Any]) -> None:
    """Raise jsonschema.ValidationError for an event that docs/asyncapi.json doesn't describe."""
    document: dict[str, Any] = json.loads((ROOT / "docs" / "asyncapi.json").read_text())
    message = document["components"]["messages"][event["event"]]
    schema: dict[str, Any] = {**message["payload"], "components": document["components"]}
    jsonschema.validate(event, schema, jsonschema.Draft202012Validator)


def test_the_documents_are_up_to_date(tmp_path: Path) -> None:
    docs.write(tmp_path)
    for name in ("events.md", "asyncapi.json"):
        assert (ROOT / "docs" / name).read_text() == (tmp_path / name).read_text(), "run `make docs`"


def test_each_asset_declares_its_events_in_its_metadata() -> None:
    declared = {
        spec.key.to_user_string(): str(events.value if hasattr(events, "value") else events).split(", ")
        for definition in assets
        for spec in definition.specs
        if (events := spec.metadata.get("events"))
    }
    assert declared == CAUSED
    assert policies.assets()[0] == "recording"
    assert policies.assets()[-1] == "webhook_delivery"
