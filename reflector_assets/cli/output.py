"""What all commands print with: people read tables, programs one JSON document on stdout, errors go to stderr."""

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console

out, err = Console(), Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(json.dumps(document, indent=1, default=str) + "\n")


def complain(line: str) -> None:
    """Tell an error in one line on stderr."""
    sys.stderr.write(f"reflector: {' '.join(line.split())}\n")
