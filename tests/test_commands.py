"""The commands of `reflector`: their short helps, and what each of them imports."""

import json
import subprocess
import sys
from typing import Any

import dagster as dg
import pytest

from reflector_assets.cli import COMMANDS, load
from reflector_assets.definitions import graph
from reflector_assets.staleness import CODE_VERSION
from testing.daemon import open_instance
from testing.deployment import ROOT, Deployment

# Packages that take long to load, and modules of ours that do.
HEAVY = {
    *("alembic", "av", "boto3", "dagster", "fastapi", "faster_whisper", "httpx", "numpy", "openai", "pandas", "psutil"),
    *("pyarrow", "pydantic", "pydantic_settings", "sklearn", "sqlalchemy", "uvicorn"),
    *("domain.results", "reflector_assets.definitions", "reflector_assets.wiring"),
}
HELPS: list[tuple[str, ...]] = [
    (),
    *((name,) for name in COMMANDS),
    ("rooms", "set"),
    ("daily", "webhook", "create"),
    ("consent", "deny"),
]
# What each command line imports of them.
IMPORTED: dict[tuple[str, ...], set[str]] = {
    **{(*words, "--help"): set() for words in HELPS},
    ("--no-such-option",): set(),
    ("show", "finished"): {"pydantic", "pydantic_settings", "domain.results"},
    ("list",): {"pydantic", "pydantic_settings"},
    ("list", "--json"): {"pydantic", "pydantic_settings"},
    ("run", "finished", "--select", "recording"): {
        *("alembic", "dagster", "httpx", "psutil", "pydantic", "pydantic_settings", "sqlalchemy"),
        *("domain.results", "reflector_assets.definitions", "reflector_assets.wiring"),
    },
}
# Commands that change nothing of ours.
READING = {
    *("show", "list", "watch", "serve", "trace", "costs", "audit", "webhook test", "shadow report"),
    *("shadow try", "transcriber serve", "history"),
    *("daily webhook status", "inbox list", "inbox show", "rooms list", "rooms show", "consent show", "consent list"),
    *("deliveries list", "tokens list", "share list"),
}
TRANSCRIPT: dict[str, object] = {
    "id": "finished",
    "room_name": "standup",
    "created_at": None,
    "duration": 2.0,
    "title": "Standup",
    "short_summary": "",
    "long_summary": "",
    "topics": [],
    "action_items": {"decisions": [], "next_steps": [], "method": "extractive"},
    "participants": [],
    "segments": [],
    "method": "extractive",
    "words": 0,
    "audio_key": "recordings/finished/audio.mp3",
}
CODE = """
import sys
from reflector_assets.cli import main
try:
    main()
finally:
    # A module that waits for its first use is of a class of its own.
    print(*(name for name, module in sys.modules.items() if type(module).__name__ != "_LazyModule"), file=sys.stderr)
"""


def made_by(deployment: Deployment, asset: str) -> None:
    """Report that the loaded code has made an asset of the recording `finished`."""
    version = next(node.code_version for node in graph if node.name == asset)
    with open_instance(deployment) as instance:
        instance.add_dynamic_partitions("recordings", ["finished"])
        instance.report_runless_asset_event(
            dg.AssetMaterialization(asset, partition="finished", tags={CODE_VERSION: version or ""})
        )


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_has_the_short_help_of_each(name: str) -> None:
    assert load(name).help.split("\n\n")[0] == COMMANDS[name]


@pytest.mark.parametrize("name", COMMANDS)
def test_no_paragraph_of_a_help_is_broken_where_its_source_is(name: str) -> None:
    for full, command in leaves(name, load(name)).items():
        assert all("\n" not in paragraph for paragraph in (command.help or "").split("\n\n")), full


def leaves(name: str, command: Any) -> dict[str, Any]:
    """Return all commands below a command by their full names."""
    below = getattr(command, "commands", None)
    if below is None:
        return {name: command}
    return {full: leaf for part, one in below.items() for full, leaf in leaves(f"{name} {part}", one).items()}


def test_every_command_that_changes_something_is_in_the_audit_log() -> None:
    """A new command is either here, as one that changes nothing, or decorated."""
    found = {full: leaf for name in COMMANDS for full, leaf in leaves(name, load(name)).items()}
    actions = {name: getattr(leaf.callback, "action", None) for name, leaf in found.items()}
    assert {name for name, action in actions.items() if action is None} == READING
    assert {name: action for name, action in actions.items() if action not in {None, name}} == {}


@pytest.mark.slow(20)
def test_a_command_is_recorded_with_its_user_and_outcome(deployment: Deployment) -> None:
    assert deployment.reflector("consent", "deny", "nowhere", "--user", "ann").returncode == 3
    assert deployment.reflector("tokens", "revoke", "unknown").returncode == 1
    assert deployment.reflector("refresh", "--dry-run").returncode == 0
    found = deployment.json("audit")
    assert [(one["action"], one["subject"], one["outcome"]) for one in found] == [
        ("consent deny", "nowhere", "done"),
        ("tokens revoke", "unknown", "failed"),
    ]
    assert found[0]["who"].startswith("user ")
    assert "ann" not in str(found)
    assert deployment.json("audit", "--recording", "nowhere") == found[:1]
    assert deployment.json("audit", "--since", "0") == []


@pytest.mark.slow
@pytest.mark.parametrize("arguments", IMPORTED, ids=" ".join)
def test_a_command_imports_only_what_it_needs(deployment: Deployment, arguments: tuple[str, ...]) -> None:
    transcript = deployment.folder("finished") / "transcript.json"
    transcript.parent.mkdir(parents=True)
    transcript.write_text(json.dumps(TRANSCRIPT))
    if arguments[0] == "run":
        made_by(deployment, "recording")
    done = subprocess.run(
        [sys.executable, "-c", CODE, *arguments],
        cwd=ROOT,
        env=deployment.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (2 if arguments == ("--no-such-option",) else 0), done.stderr
    imported = set(done.stderr.splitlines()[-1].split())
    assert imported & HEAVY == IMPORTED[arguments]


def test_help_works_with_wrong_settings(deployment: Deployment) -> None:
    deployment.env["REFLECTOR_PORT"] = "http"
    for name in ("run", "show", "watch", "serve"):
        done = deployment.reflector(name, "--help")
        assert done.returncode == 0, done.stderr
