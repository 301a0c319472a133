"""Run benches, each in its own process, and write their figures as JSON, a Markdown page and charts."""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.machine import Machine
from bench.measure import ROOT
from bench.page import NAMES, ON_REQUEST, Report, read_all, write
from bench.results import Result, Size

OUT = ROOT / ".reflector" / "bench"


def run(name: str, size: Size, out: Path) -> bool:
    """Run one bench and write its report. Return True if it succeeded."""
    machine = Machine.current()
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder, "figures.json")
        command: list[str] = [sys.executable, "-m", f"bench.{name}", "--size", size, "--json", str(figures)]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            return False
        report = Report(size=size, machine=machine, result=Result.model_validate_json(figures.read_text()))
    report.write(out / f"{name}.json")
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the requested benches. Return 1 if one failed; the others still run."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)}; default: all; or {ON_REQUEST}")
    parser.add_argument("--size", type=Size, choices=list(Size), default=Size.SHORT, help="how much to measure")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the JSON files; default: .reflector/bench")
    parser.add_argument("--docs", type=Path, help="folder of the page and its charts; default: that of the JSON files")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - {*NAMES, ON_REQUEST}:
        parser.error(f"unknown bench: {', '.join(sorted(unknown))}; choose from {', '.join(NAMES)}")
    options.out.mkdir(parents=True, exist_ok=True)
    failed: list[str] = []
    for name in options.names or NAMES:
        print(f"\n{name} ({options.size})", flush=True)
        if not run(name, options.size, options.out):
            failed.append(name)
    page = write(read_all(options.out), options.docs or options.out)
    print(f"\nWrote the page to {page} and the figures to {options.out}.")
    if failed:
        print(f"Failed: {', '.join(failed)}; see the output above.", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
