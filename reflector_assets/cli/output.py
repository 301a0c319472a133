"""Output and options that commands share: tables or one JSON document on stdout, errors and notes on stderr."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from textwrap import indent
from typing import Annotated, Any, NamedTuple

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

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


# Cells of a column are aligned up to this width: that of an id of Daily's, and somewhat more.
LONGEST_ALIGNED = 40


class Row(NamedTuple):
    """The cells of a line, and a note of any length below it."""

    cells: Sequence[str]
    note: str | None = None


def print_rows(names: Sequence[str], rows: Sequence[Row], flexible: int, *, console: Console = out) -> None:
    """Print a line for each row; on a terminal, the last `flexible` cells are cropped to its width.

    One long cell before them makes its own line longer, not those of all rows.
    """
    columns = zip(names, *(row.cells for row in rows), strict=True)
    widths = [max(map(cell_len, column)) for column in columns]
    if console.is_terminal:
        widths[:-flexible] = [min(width, LONGEST_ALIGNED) for width in widths[:-flexible]]
        for left in range(flexible, 0, -1):
            used = sum(widths[:-left]) + 2 * (len(names) - 1)
            widths[-left] = min(widths[-left], max(1, (console.width - used) // left))
    for cells, note in [Row(names), *rows]:
        fixed = [f"{' '.join(cell.split()):{width}}" for cell, width in zip(cells[:-flexible], widths, strict=False)]
        line = Text("  ").join([*map(Text, fixed), *map(_cell, cells[-flexible:], widths[-flexible:])])
        line.rstrip()
        style = "bold" if cells is names else None
        console.print(line, style=style, no_wrap=True, overflow="ignore", crop=False, highlight=False)
        if note:
            below = Padding(Text(note), (0, 0, 0, 2)) if console.is_terminal else Text(f"  {note}")
            console.print(below, soft_wrap=not console.is_terminal, highlight=False)


def _cell(content: str, width: int) -> Text:
    cell = Text(" ".join(content.split()))
    cell.truncate(width, overflow="ellipsis", pad=True)
    return cell


def timestamp(seconds: float | None) -> str | None:
    """Format epoch seconds as `2026-03-02 09:30:00+00:00`."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(" ", "seconds")
