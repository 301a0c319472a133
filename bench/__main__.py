"""Run benches, each as a process of its own, and write what they found as JSON, as a page and as charts."""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.machine import Machine
from bench.measure import ROOT
from bench.page import NAMES, Report, read_all, write
from bench.results import Result, Size

OUT = ROOT / ".reflector" / "bench"


def run(name: str, size: Size, out: Path) -> bool:
    """Run one bench and keep its figures; says whether that worked."""
    machine = Machine.here()
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder, "figures.json")
        command = [sys.executable, "-m", f"bench.{name}", "--size", size, "--json", figures]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            return False
        report = Report(size=size, machine=machine, result=Result.model_validate_json(figures.read_text()))
    report.write(out / f"{name}.json")
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; 1 when a bench failed, after all others."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)}; else all")
    parser.add_argument("--size", type=Size, choices=list(Size), default=Size.SHORT, help="how much to measure")
    parser.add_argument("--out", type=Path, default=OUT, help="where the JSON files go; else .reflector/bench")
    parser.add_argument("--docs", type=Path, help="where the page and its pictures go; else beside the JSON files")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no such bench: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    options.out.mkdir(parents=True, exist_ok=True)
    failed: list[str] = []
    for name in options.names or NAMES:
        print(f"\n{name} ({options.size})", flush=True)
        if not run(name, options.size, options.out):
            failed.append(name)
    written = write(read_all(options.out), options.docs or options.out)
    print(f"\nThe page is {written}, the figures are in {options.out}.")
    if failed:
        print(f"Failed: {', '.join(failed)}; see above.", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
