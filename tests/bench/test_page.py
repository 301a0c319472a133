"""Figures become JSON, Markdown and charts; the page in docs/ matches the committed figures."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from bench import __main__ as command
from bench.machine import Machine
from bench.page import FIGURES, NAMES, Report, page, read_all, write
from bench.results import Chart, Kind, Result, Size, Table, Target, markdown
from testing.deployment import ROOT

MACHINE = Machine(
    cpu="Some CPU",
    cores=2,
    memory=7.8,
    kernel="Linux 6.1",
    python="3.12.1",
    dagster="1.13.27",
    pyav="18.0.0",
    ffmpeg="5.1",
    date="2026-01-02",
    commit="0123456789",
)


def result(name: str = "receiver", *, kind: Kind = "line") -> Result:
    return Result(
        name=name,
        title=f"What {name} does",
        how="By hand.",
        tables=[Table(title="Things", columns=["", "s"], rows=[["a", 0.12345], ["b", 12345]], note="So it is.")],
        targets=[
            Target(what="fast", found=2.0, limit=3),
            Target(what="much", found=1.5, limit=2, at_most=False, reason="The disk waits."),
        ],
        charts=[
            Chart(
                name=f"{name}-things",
                title="Things",
                x_label="x",
                y_label="s",
                x=[1, 10],
                values={"a": [1.0, 2.0], "b": [3.0, 4.0]},
                kind=kind,
                log=kind == "line",
            )
        ],
    )


def report(name: str = "receiver", size: Size = Size.FULL) -> Report:
    return Report(size=size, machine=MACHINE, result=result(name))


def test_a_result_as_markdown() -> None:
    assert markdown(result()).splitlines() == [
        *("## What receiver does", "", "By hand.", "", "**Things**", ""),
        *("|  | s |", "| --- | ---: |", "| a | 0.123 |", "| b | 12,345 |", "", "So it is.", ""),
        *("| target |  | found |  |", "| --- | --- | ---: | --- |"),
        "| fast | at most 3 | 2 | met |",
        "| much | at least 2 | 1.50 | **missed** The disk waits. |",
    ]


@pytest.mark.slow
def test_a_bench_prints_markdown_and_writes_json(tmp_path: Path) -> None:
    code = """
from bench.results import cli
from tests.bench.test_page import result
cli("some", "Some bench.", lambda size: result(size.value))
"""
    arguments = ["--size", "full", "--json", str(tmp_path / "some.json")]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == markdown(result("full")).strip()
    assert Result.model_validate_json((tmp_path / "some.json").read_text()) == result("full")


def test_the_page_has_every_report_in_order_with_its_machine() -> None:
    text = page([report("audio"), report("receiver", Size.SHORT)])
    assert text.index("## What audio does") < text.index("## What receiver does")
    assert text.count("2 x Some CPU, 7.8 GiB, Linux 6.1, Python 3.12.1, Dagster 1.13.27, PyAV 18.0.0, ffmpeg 5.1") == 2
    assert "(size short)" in text
    assert "| What audio does | 2 | 1 | much: The disk waits. |" in text
    assert "![Things](images/bench-audio-things.svg)" in text


def test_figures_are_read_in_the_pages_order_and_other_files_ignored(tmp_path: Path) -> None:
    for name in ("receiver", "audio"):
        report(name).write(tmp_path / f"{name}.json")
    (tmp_path / "other.json").write_text("{}")
    assert read_all(tmp_path) == [report("audio"), report("receiver")]
    (tmp_path / "audio.json").write_text("{}")
    with pytest.raises(ValidationError, match=r"machine"):
        read_all(tmp_path)


@pytest.mark.parametrize("kind", ["line", "bar", "stack"])
def test_the_same_figures_give_the_same_files(tmp_path: Path, kind: Kind) -> None:
    made = Report(size=Size.FULL, machine=MACHINE, result=result(kind=kind))
    first, second = (write([made], tmp_path / name).parent for name in ("first", "second"))
    files = sorted(path.relative_to(first) for path in first.rglob("*.*"))
    assert [str(file) for file in files] == ["images/bench-receiver-things.svg", "performance.md"]
    assert [(first / file).read_bytes() for file in files] == [(second / file).read_bytes() for file in files]


def test_docs_contain_the_page_of_the_committed_figures() -> None:
    """If this fails: `make bench-docs`. Charts only have to exist: their bytes depend on matplotlib's version."""
    reports = read_all(FIGURES)
    assert (ROOT / "docs" / "performance.md").read_text() == page(reports)
    charts = [chart for made in reports for chart in made.result.charts]
    assert [c.name for c in charts if not (ROOT / "docs" / "images" / f"bench-{c.name}.svg").exists()] == []
    assert {made.size for made in reports} == {Size.FULL}


def test_a_failed_bench_is_reported_at_the_end(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails for the reason that is likely on a user's machine: ffmpeg is missing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command.main(["audio", "--size", "least", "--out", str(tmp_path)]) == 1
    error = capfd.readouterr().err
    assert "ffmpeg isn't on the PATH" in error
    assert "Failed: audio" in error
    assert not (tmp_path / "audio.json").exists()


def test_an_unknown_bench_is_rejected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["nonesuch", "--out", str(tmp_path / "out")])
    assert f"choose from {', '.join(NAMES)}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_all_names_are_modules() -> None:
    assert [name for name in NAMES if not (ROOT / "bench" / f"{name}.py").exists()] == []
