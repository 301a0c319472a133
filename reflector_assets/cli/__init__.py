"""`reflector`: everything that can be done from a terminal.

Every reporting command takes --json and then prints one JSON document on stdout; everything else goes to stderr.
Exit codes: 0 success, 1 the recording or its run failed, 2 wrong usage.
"""

import gc
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_group

from domain.errors import ReflectorError
from reflector_assets.cli.output import complain

# The short help of each command, in the order of `reflector --help`. The module of a command has its name, with an
# underscore where Python needs one, and is imported when the command is invoked: Dagster takes a second to load.
COMMANDS = {
    "import": "Import a folder of tracks as a recording.",
    "run": "Bring a recording up to date: run its stale assets, leave fresh ones alone.",
    "show": "Show a finished transcript: title, summary, action items, and its first lines.",
    "list": "List the recordings, newest first, with the state of each.",
    "refresh": "Bring all recordings up to date: show what is stale, why, and what it took last time; then run it.",
    "pools": "Set Dagster's concurrency limits per kind of step, over all runs, from the settings.",
    "watch": "Show a recording's progress live until no run is at work on it or about to start.",
    "serve": "Receive Daily's webhooks and serve the HTTP API until stopped (SIGTERM or Ctrl-C).",
    "transcriber": "Serve the embedded Whisper to other machines.",
    "doctor": "Check every configured service: databases, stores, Daily, transcriber, LLM, broker.",
    "edit": "Correct a transcript: names, words, speakers, title, summary, topics, next steps; undo a correction.",
    "history": "Show a recording's corrections: who changed what and when, and what stands.",
    "trace": "Show a recording's whole history: arrivals, runs and their reasons, steps, consent, deliveries.",
    "costs": "Show usage and its cost at the prices in the settings, failed attempts included.",
    "retention": "Show audio and recordings that are past their retention period; with --apply, delete or retire them.",
    "delete": "Delete a recording wholly: audio, text, names, and what Dagster, the database and Zulip have of it.",
    "daily": "Manage our webhook at Daily.co.",
    "inbox": "Show what arrived from Daily and how it was handled; replay items.",
    "rooms": "Manage the settings of rooms, keyed by the room's base name.",
    "consent": "Record and show consent to keeping a meeting's audio.",
    "deliveries": "Show and retry outgoing deliveries, such as webhooks.",
    "webhook": "Test the webhooks of rooms.",
    "audit": "Show who changed what: by the API, the pages and the commands, newest last.",
    "share": "Make, list and withdraw links that let everyone who has them read one transcript.",
    "tokens": "Make, list and revoke tokens of the HTTP API.",
    "import-old": "Take over the old system's rooms and, with --transcripts, transcripts; a dry run without --apply.",
    "shadow": "Compare this system with the old one (REFLECTOR_MODE=shadow).",
}
MODULES = {"import": "import_", "import-old": "import_old", "list": "list_", "refresh": "run"}


def load(name: str) -> Any:
    """Import a command's module and return its command, or its group of commands."""
    group = get_group(import_module(f"{__name__}.{MODULES.get(name, name)}").app)
    command = group.commands.get(name, group)
    _fill_paragraphs(command)
    return command


def _fill_paragraphs(command: Any) -> None:
    """Join the lines of each paragraph of the help: Typer keeps those of the source at any width."""
    if command.help:
        command.help = re.sub(r"(?<!\n)\n(?!\n)", " ", command.help)
    for below in getattr(command, "commands", {}).values():
        _fill_paragraphs(below)


class LazyGroup(TyperGroup):
    """A group whose commands are placeholders with a name and a short help until they are invoked."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Load the command that the arguments name."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and load(args[0]), rest


app = typer.Typer(cls=LazyGroup, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def _group() -> None:
    """Daily.co multitrack recordings to finished, speaker-attributed transcripts."""


for _name, _help in COMMANDS.items():
    app.command(_name, help=_help)(lambda: None)


def _find(arguments: Sequence[str]) -> tuple[Any, str, list[str]]:
    """Return the command that the arguments name, its full name, and the rest of the arguments.

    Typer does the same, but loads Pydantic to check that the groups on the way got no options: they have none.
    """
    name, rest = "reflector", list(arguments)
    command: Any = get_group(app)
    while rest and rest[0] in getattr(command, "commands", ()):
        word = rest.pop(0)
        command = load(word) if name == "reflector" else command.commands[word]
        name = f"{name} {word}"
    return command, name, rest


def main() -> NoReturn:
    """Run the command line; print our own errors as one line on stderr and exit with code 1."""
    # Recordings and settings are nobody else's on this machine.
    os.umask(0o077)
    try:
        command, name, rest = _find(sys.argv[1:])
        command(rest, prog_name=name)
    except ReflectorError as error:
        # WrongSettings lists all problems, each of which gets a line.
        for line in getattr(error, "problems", [str(error)]):
            complain(line)
        sys.exit(1)
    finally:
        # Python's last garbage collection would visit all that was loaded, a tenth of the time.
        gc.freeze()
    sys.exit(0)
