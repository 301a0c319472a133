"""Recordings: the length as Daily describes it."""

import pytest

from domain.daily import DailyRecording
from domain.recording import Recording


@pytest.mark.parametrize(
    ("described", "known"), [(0, None), (0.0, None), (-1, None), (None, None), (0.5, 0.5), (245, 245)]
)
def test_a_length_of_zero_is_unknown(described: float | None, known: float | None) -> None:
    assert Recording(id="a", room_name="r", duration=described).duration == known
    daily: dict[str, object] = {"id": "a", "room_name": "r", "duration": described, "status": "finished"}
    assert DailyRecording.read(daily).to_recording().duration == known
