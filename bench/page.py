"""The page of what all benches found, from their JSON files: `python -m bench.page [--out FOLDER] [--docs FOLDER]`."""

import argparse
from pathlib import Path
from typing import Self

from pydantic import BaseModel

from bench.charts import draw
from bench.machine import Machine
from bench.measure import ROOT
from bench.results import Cell, Result, Size, markdown, rows_markdown

NAMES = ("audio", "overhead", "latency", "whole_run", "throughput", "receiver", "growth")
"""All benches that run one after the other, in the page's order."""
ON_REQUEST = "soak"
"""The one that takes an hour, and runs only when asked for."""
FIGURES = ROOT / "bench" / "figures"
"""Where the figures are that the page in docs/ shows."""
HEAD = """# How fast it is

Written by `make bench-docs` from the figures in `bench/figures/`. `make bench-full` measures them anew; `make bench`
takes a few minutes and leaves this page alone. Each figure hangs on its machine: what counts are the ratios, whose two
sides ran in turns on the same one.
"""


class Report(BaseModel):
    """What one bench found, how much it measured, and where."""

    size: Size
    machine: Machine
    result: Result

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a report; raises ValueError when the file isn't one."""
        return cls.model_validate_json(file.read_text())

    def write(self, file: Path) -> None:
        """Write it as JSON."""
        file.write_text(self.model_dump_json(indent=1) + "\n")


def read_all(folder: Path) -> list[Report]:
    """Read what is there, in the page's order."""
    files = [folder / f"{name}.json" for name in (*NAMES, ON_REQUEST)]
    return [Report.read(file) for file in files if file.exists()]


def page(reports: list[Report]) -> str:
    """Write all reports as one page in Markdown, whose pictures lie in images/."""
    sections = [HEAD, _targets(reports)]
    for report in reports:
        heading, _, rest = markdown(report.result).partition("\n\n")
        pictures = [f"![{chart.title}](images/bench-{chart.name}.svg)\n" for chart in report.result.charts]
        measured = f"Measured {report.machine} (size {report.size})."
        sections += [f"{heading}\n\n{measured}\n\n{rest}", *pictures]
    return "\n".join(sections)


def write(reports: list[Report], docs: Path) -> Path:
    """Write the page and its pictures to a folder; returns the page's file."""
    images = docs / "images"
    images.mkdir(parents=True, exist_ok=True)
    for report in reports:
        for chart in report.result.charts:
            draw(chart, images / f"bench-{chart.name}.svg")
    target = docs / "performance.md"
    target.write_text(page(reports))
    return target


def _targets(reports: list[Report]) -> str:
    """Sum up which targets are met."""
    rows: list[list[Cell]] = []
    for report in reports:
        targets = report.result.targets
        missed = [f"{target.what}: {target.reason}".strip(": ") for target in targets if not target.met]
        rows.append([report.result.title, len(targets), len(targets) - len(missed), "; ".join(missed)])
    return rows_markdown(["", "targets", "met", "missed"], rows) + "\n"


def main() -> None:
    """Write the page anew."""
    parser = argparse.ArgumentParser(prog="python -m bench.page", description=__doc__)
    parser.add_argument("--out", type=Path, default=FIGURES, help="where the benches' JSON files are")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where the page and its pictures are written")
    options = parser.parse_args()
    write(read_all(options.out), options.docs)


if __name__ == "__main__":
    main()
