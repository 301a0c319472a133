"""The audio bench works at its least size."""

import shutil
from pathlib import Path

import pytest

from bench import audio
from bench.audio_meeting import Meeting
from bench.audio_sides import OURS, Sides
from bench.results import Result, Size


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


@pytest.mark.slow
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
