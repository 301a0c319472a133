"""The commands of `reflector`: their short helps, and what each of them imports."""

import json
import subprocess
import sys

import pytest

from reflector_assets.cli import COMMANDS, load
from testing.deployment import ROOT, Deployment

HEAVY = {"dagster", "pandas", "pyarrow", "numpy", "sqlalchemy", "httpx", "openai", "pydantic_settings", "uvicorn"}
# What each command line must not import.
NOT_IMPORTED: dict[tuple[str, ...], set[str]] = {
    ("--help",): {*HEAVY, "pydantic", "service", "resources", "reflector_assets.settings"},
    ("--no-such-option",): HEAVY,
    ("show", "--help"): {"dagster", "sqlalchemy", "httpx", "openai", "uvicorn", "service", "resources"},
    ("show", "finished"): {"dagster", "sqlalchemy", "httpx", "openai", "uvicorn", "service", "resources"},
    ("list", "--help"): {"service", "uvicorn", "reflector_assets.definitions", "reflector_assets.cli.run"},
    ("rooms", "set", "--help"): {"service", "uvicorn", "reflector_assets.definitions", "reflector_assets.cli.run"},
    ("run", "--help"): {"service", "uvicorn", "reflector_assets.definitions", "sensors"},
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
    print(*sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_has_the_short_help_of_each(name: str) -> None:
    assert load(name).help.split("\n\n")[0] == COMMANDS[name]


@pytest.mark.slow
@pytest.mark.parametrize("arguments", NOT_IMPORTED, ids=" ".join)
def test_a_command_imports_only_what_it_needs(deployment: Deployment, arguments: tuple[str, ...]) -> None:
    transcript = deployment.folder("finished") / "transcript.json"
    transcript.parent.mkdir(parents=True)
    transcript.write_text(json.dumps(TRANSCRIPT))
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
    assert imported & NOT_IMPORTED[arguments] == set()


def test_help_works_with_wrong_settings(deployment: Deployment) -> None:
    deployment.env["REFLECTOR_PORT"] = "http"
    for name in ("run", "show", "watch", "serve"):
        done = deployment.reflector(name, "--help")
        assert done.returncode == 0, done.stderr
