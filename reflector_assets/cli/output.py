"""What all commands print with: people read tables, programs one JSON document on stdout, errors go to stderr."""

import json
import sys
from collections.abc import Iterable
from textwrap import indent
from typing import Annotated, Any

import typer
from rich.console import Console

out, err = Console(), Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(json.dumps(document, indent=1, default=str) + "\n")


def print_json_array(rows: Iterable[Any]) -> None:
    """Print one JSON array on stdout, each of its values when it comes: it may be longer than memory is large."""
    begin = "["
    for row in rows:
        sys.stdout.write(begin + "\n" + indent(json.dumps(row, indent=1, default=str), " "))
        begin = ","
    sys.stdout.write("[]\n" if begin == "[" else "\n]\n")


def complain(line: str) -> None:
    """Tell an error in one line on stderr."""
    sys.stderr.write(f"reflector: {' '.join(line.split())}\n")
