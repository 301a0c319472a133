"""Output and options that commands share: tables or one JSON document on stdout, errors and notes on stderr."""

import json
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from textwrap import indent
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

out, err = Console(), Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
RecordingId = Annotated[str, typer.Argument(metavar="ID", help="The recording's id; `reflector list` shows the ids.")]


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(json.dumps(document, indent=1, default=str) + "\n")


def print_json_array(rows: Iterable[Any]) -> None:
    """Print one JSON array on stdout value by value: the whole may not fit into memory."""
    begin = "["
    for row in rows:
        sys.stdout.write(begin + "\n" + indent(json.dumps(row, indent=1, default=str), " "))
        begin = ","
    sys.stdout.write("[]\n" if begin == "[" else "\n]\n")


def complain(line: str) -> None:
    """Print an error as one line on stderr."""
    sys.stderr.write(f"reflector: {' '.join(line.split())}\n")


def note(line: str) -> None:
    """Print a note as one line on stderr."""
    err.print(f"[yellow]note[/] {escape(line)}", highlight=False, soft_wrap=True)


def print_fields(fields: Mapping[str, object]) -> None:
    """Print one `name: value` line per field, as it is."""
    for name, value in fields.items():
        out.print(f"{name}: {'' if value is None else value}", highlight=False, markup=False, soft_wrap=True)


def timestamp(seconds: float | None) -> str | None:
    """Format epoch seconds as `2026-03-02 09:30:00+00:00`."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(" ", "seconds")
