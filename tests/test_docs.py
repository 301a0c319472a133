"""What the pages say exists: settings, commands, links."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from reflector_assets.cli import app
from reflector_assets.settings.main import Settings
from testing.deployment import ROOT

PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
SETTINGS = {str(field.alias) for field in Settings.model_fields.values()}
# Read by others: Dagster, boto3, and the old system's prefixes of several settings.
OTHERS = {"DAGSTER_HOME", "DAGSTER_POSTGRES_URL", "REFLECTOR_ENV_FILE"}
OURS = ("REFLECTOR_", "DAILY", "TRANSCRIPT_", "LLM_", "ZULIP_", "DATABASE_", "UI_", "PUBLIC_DATA_", "DAGSTER_")
NAME = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b(?!_|\*)")
COMMAND = re.compile(r"^\$ (reflector [^#|&>\\\n]*)", re.M)


@pytest.fixture(params=PAGES, ids=lambda page: page.name)
def page(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_every_setting_that_is_named_exists(page: Path) -> None:
    named = {name for name in NAME.findall(page.read_text()) if name.startswith(OURS)}
    assert named - SETTINGS - OTHERS == set()


def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_command_exists(page: Path) -> None:
    wrong: list[str] = []
    for line in COMMAND.findall(page.read_text()):
        _, *words = shlex.split(line)
        command: Any = typer.main.get_command(app)
        while hasattr(command, "commands") and words and not words[0].startswith("-"):
            found = command.commands.get(words.pop(0))
            if found is None:
                wrong.append(line)
                break
            command = found
        options = {name for option in command.params for name in (*option.opts, *option.secondary_opts)} | {"--help"}
        wrong += [line for word in words if word.startswith("--") and word.split("=")[0] not in options]
    assert wrong == []


def test_nothing_is_left_to_fill_in(page: Path) -> None:
    assert re.findall(r"@[A-Z]+@|\bTODO\b|\bFIXME\b|\bTBD\b", page.read_text()) == []
