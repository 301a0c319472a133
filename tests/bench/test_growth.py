"""The growth bench works at its least size, with figures of any value; an upgrade starts no run of what is finished."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench import upgrade
from bench.growth import SIZES
from bench.results import Result, Size
from testing import PATIENCE_S
from testing.deployment import ROOT
from tests.examples import examples


@pytest.mark.slow(20)
def test_two_sizes_are_measured(tmp_path: Path) -> None:
    figures = tmp_path / "growth.json"
    command = [sys.executable, "-m", "bench.growth", "--size", "least", "--json", str(figures)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    result = Result.model_validate_json(figures.read_text())
    sizes = SIZES[Size.LEAST]
    assert result.tables[0].columns == ["what", *map(str, sizes)]
    names = [row[0] for row in result.tables[0].rows]
    assert {"sensor keep_up_to_date, idle", "sensor discovery, idle", "`reflector list`"} <= set(names)
    assert all(isinstance(cell, float) for table in result.tables[:3] for row in table.rows for cell in row[1:])
    # The databases have grown.
    *_, disk = result.tables
    assert [row[0] for row in disk.rows] == list(sizes)
    assert all(float(more) > float(less) for less, more in zip(disk.rows[0][2:4], disk.rows[1][2:4], strict=True))
    assert "| what | 2 | 20 |" in done.stdout


@pytest.mark.slow(60)
def test_an_upgrade_starts_no_run_of_finished_recordings() -> None:
    if not examples(0, 1):
        pytest.skip("endurance: run by make test-long")
    result = upgrade.bench(Size.SHORT)
    assert [target.what for target in result.targets if not target.met] == []
