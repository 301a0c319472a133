"""Each bench works at its least size; only the shape of its figures is checked, never a time."""

import os
import re
import shutil
from pathlib import Path

import pytest

from bench import audio, overhead, throughput, whole_run
from bench.__main__ import main
from bench.audio_meeting import Meeting
from bench.audio_sides import OURS, Sides
from bench.page import NAMES, Report
from bench.results import Result, Size
from testing.deployment import ROOT

pytestmark = pytest.mark.slow(120)


def check_shape(result: Result) -> None:
    """Every row has a cell for each column, and every chart a value for each x."""
    assert result.title
    assert result.tables
    for table in result.tables:
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.columns)}
    for chart in result.charts:
        assert chart.values
        assert {len(values) for values in chart.values.values()} == {len(chart.x)}
    assert Result.model_validate_json(result.model_dump_json()) == result


def test_audio_without_ffmpeg(tmp_path: Path) -> None:
    sides = Sides(Meeting(2, 0.5), tmp_path / "recording")
    for work in OURS:
        assert sides.start_up(work).cpu > 0
        assert sides.ours(work).cpu > 0
    assert sides.mp3.stat().st_size > 0


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg isn't on the PATH")
def test_audio() -> None:
    result = audio.bench(Size.LEAST)
    check_shape(result)
    # Times are comparable only if both sides produce the same sound.
    (_, _, theirs, their_lateness, their_length), (_, _, ours, our_lateness, our_length) = result.tables[1].rows
    assert ours == pytest.approx(theirs, abs=1)
    assert our_lateness == pytest.approx(their_lateness, abs=1)
    assert our_length == pytest.approx(their_length, abs=0.1)


def test_overhead() -> None:
    check_shape(overhead.bench(Size.LEAST))


def test_whole_run() -> None:
    result = whole_run.bench(Size.LEAST)
    check_shape(result)
    (_, _, _, seconds, *_), (_, *parts) = result.tables[0].rows[0], result.tables[1].rows[0]
    assert sum(float(part) for part in parts) == pytest.approx(float(seconds), abs=0.01)


def test_throughput() -> None:
    result = throughput.bench(Size.LEAST)
    check_shape(result)
    assert [target.found for target in result.targets[:2]] == [0, 0]


def test_receiver_from_the_command_line(tmp_path: Path) -> None:
    assert main(["receiver", "--size", "least", "--out", str(tmp_path)]) == 0
    text = (tmp_path / "receiver.json").read_text()
    report = Report.model_validate_json(text)
    check_shape(report.result)
    assert (report.size, report.machine.cores) == (Size.LEAST, len(os.sched_getaffinity(0)))
    assert str(ROOT) not in text
    assert os.uname().nodename not in text
    page = (tmp_path / "performance.md").read_text()
    assert "## The receiver" in page
    assert report.machine.cpu in page
    for image in re.findall(r"\]\((images/[^)]+)\)", page):
        assert (tmp_path / image).read_bytes().startswith(b"<?xml")


def test_all_names_are_modules() -> None:
    assert [name for name in NAMES if not (ROOT / "bench" / f"{name}.py").exists()] == []
