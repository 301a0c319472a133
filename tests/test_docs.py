"""Settings, commands, paths and links that the documentation names exist."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from reflector_assets.cli import COMMANDS, app, load
from reflector_assets.settings.main import Settings
from testing.deployment import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "samples" / "meeting" / "README.md"])
SETTINGS = {str(field.alias) for field in Settings.model_fields.values()}
# Environment variables that Dagster and the settings loader read.
EXTERNAL = {"DAGSTER_HOME", "DAGSTER_POSTGRES_URL", "DAGSTER_EVENT_BATCH_SIZE", "REFLECTOR_ENV_FILE"}
PREFIXES = ("REFLECTOR_", "DAILY", "TRANSCRIPT_", "LLM_", "ZULIP_", "DATABASE_", "UI_", "PUBLIC_DATA_", "DAGSTER_")
NAME = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b(?!_|\*)")
COMMAND = re.compile(r"^\$ (reflector [^#|&>\\\n]*)", re.M)
FOLDERS = "bench|deploy|docs|domain|reflector_assets|resources|samples|sensors|service|testing|tests"
FILE = re.compile(rf"`((?:{FOLDERS})/[\w./-]*)`")


@pytest.fixture(params=PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def page(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_every_setting_exists(page: Path) -> None:
    named = {name for name in NAME.findall(page.read_text()) if name.startswith(PREFIXES)}
    assert named - SETTINGS - EXTERNAL == set()


def test_every_link_target_exists(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_path_exists(page: Path) -> None:
    assert [path for path in FILE.findall(page.read_text()) if not (ROOT / path).exists()] == []


def test_every_row_of_the_guide_names_what_its_files_contain() -> None:
    guide = (ROOT / "docs" / "architecture.md").read_text().split("## To change X, edit Y\n")[1].split("\n## ")[0]
    rows = [row for row in guide.splitlines() if row.startswith("| ")][2:]
    assert len(rows) > 10
    missing: list[str] = []
    for row in rows:
        text = "".join((ROOT / path).read_text() for path in FILE.findall(row) if (ROOT / path).is_file())
        names = [name for name in re.findall(r"`(\w+)`", row) if name not in SETTINGS]
        missing += [f"{name}: {row}" for name in names if text and not re.search(rf"\b{name}\b", text)]
    assert missing == []


def test_every_command_exists(page: Path) -> None:
    unknown: list[str] = []
    for line in COMMAND.findall(page.read_text()):
        _, *words = shlex.split(line)
        command: Any = typer.main.get_command(app)
        command.commands = {name: load(name) for name in COMMANDS}
        while hasattr(command, "commands") and words and not words[0].startswith("-"):
            subcommand = command.commands.get(words.pop(0))
            if subcommand is None:
                unknown.append(line)
                break
            command = subcommand
        options = {name for option in command.params for name in (*option.opts, *option.secondary_opts)} | {"--help"}
        unknown += [line for word in words if word.startswith("--") and word.split("=")[0] not in options]
    assert unknown == []


def test_no_placeholder_is_left(page: Path) -> None:
    assert re.findall(r"@[A-Z]+@|\bTODO\b|\bFIXME\b|\bTBD\b", page.read_text()) == []
