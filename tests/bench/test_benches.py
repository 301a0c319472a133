"""Each bench works at its least size; only the shape of its figures is checked, never a time."""

import os
import re
from pathlib import Path

import pytest

from bench import gpu, idle, long_meeting, overhead, recognition, search, throughput, whole_run
from bench.__main__ import main
from bench.page import Report
from bench.results import Size
from testing.deployment import ROOT
from tests.bench.test_audio import check_shape

pytestmark = pytest.mark.slow(120)


def test_overhead() -> None:
    check_shape(overhead.bench(Size.LEAST))


def test_search() -> None:
    check_shape(search.bench(Size.LEAST))


def test_long_meeting() -> None:
    check_shape(long_meeting.bench(Size.LEAST))


def test_recognition() -> None:
    check_shape(recognition.bench(Size.LEAST))


def test_gpu() -> None:
    result = gpu.bench(Size.LEAST)
    check_shape(result)
    [[length, decoded, speech, *_]] = result.tables[1].rows
    # Half of the track has no packets.
    assert float(decoded) == pytest.approx(float(length) / 2, abs=0.2)
    assert 0 < float(speech) <= float(decoded)


def test_whole_run() -> None:
    result = whole_run.bench(Size.LEAST)
    check_shape(result)
    (*_, seconds, _, _, _, _, _), (_, _, *parts) = result.tables[0].rows[0], result.tables[1].rows[0]
    assert sum(float(part) for part in parts) == pytest.approx(float(seconds), abs=0.01)


def test_idle() -> None:
    result = idle.bench(Size.LEAST)
    check_shape(result)
    assert {"daemon", "code server", "service", idle.ALL} <= {row[1] for row in result.tables[0].rows}


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
