"""The result of a bench: tables, charts, and targets that were met or missed; as JSON and as Markdown."""

import argparse
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

Cell = str | int | float
Kind = Literal["line", "bar", "stack"]


class Size(StrEnum):
    """How much is measured: `least` only proves that the bench works, `short` takes a minute or two, `full` more."""

    LEAST = "least"
    SHORT = "short"
    FULL = "full"


class Table(BaseModel):
    """Rows of figures; the columns' names contain the units."""

    title: str
    columns: list[str]
    rows: list[list[Cell]]
    note: str = ""


class Target(BaseModel):
    """A figure and its limit; `reason` explains a miss, where the cause was measured."""

    what: str
    found: float
    limit: float
    at_most: bool = True
    reason: str = ""

    @property
    def met(self) -> bool:
        return self.found <= self.limit if self.at_most else self.found >= self.limit


class Chart(BaseModel):
    """Lines over `x`, or grouped or stacked bars; one list of values for each name."""

    name: str
    title: str
    x_label: str
    y_label: str
    x: list[Cell]
    values: dict[str, list[float]]
    kind: Kind = "line"
    log: bool = False


class Result(BaseModel):
    """All figures of one bench; `how` describes the measurement."""

    name: str
    title: str
    how: str
    tables: list[Table]
    targets: list[Target] = []
    charts: list[Chart] = []


def markdown(result: Result) -> str:
    """Return a result as a section of the page."""
    parts = [f"## {result.title}", result.how]
    for table in result.tables:
        parts += [f"**{table.title}**", rows_markdown(table.columns, table.rows)]
        if table.note:
            parts.append(table.note)
    if result.targets:
        rows: list[list[Cell]] = [
            [
                target.what,
                f"{'at most' if target.at_most else 'at least'} {_text(target.limit)}",
                target.found,
                "met" if target.met else f"**missed** {target.reason}".strip(),
            ]
            for target in result.targets
        ]
        parts.append(rows_markdown(["target", "", "found", ""], rows))
    return "\n\n".join(parts) + "\n"


def cli(name: str, description: str | None, bench: Callable[[Size], Result]) -> None:
    """Run one bench from the command line: print it as Markdown, write it as JSON on request."""
    parser = argparse.ArgumentParser(
        prog=f"python -m bench.{name}", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=Size, choices=list(Size), default=Size.SHORT, help="how much to measure")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    result = bench(options.size)
    print(markdown(result))
    if options.json:
        options.json.write_text(result.model_dump_json(indent=1) + "\n")


def rows_markdown(columns: list[str], rows: list[list[Cell]]) -> str:
    """Return rows as a Markdown table with right-aligned columns of numbers."""
    numbers = [all(isinstance(row[at], int | float) for row in rows) for at in range(len(columns))]
    lines = [columns, ["---:" if number else "---" for number in numbers]]
    lines += [[_text(cell) for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _text(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int) or cell == int(cell):
        return f"{int(cell):,}"
    return f"{cell:.3f}" if abs(cell) < 1 else f"{cell:.2f}" if abs(cell) < 100 else f"{cell:,.0f}"
