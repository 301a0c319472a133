"""Clips share windows of Whisper's input, and words get their place in the recording back."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.transcription.clip import CLIP_S, RATE, Clip
from resources.transcription.window import Window, windows

lengths = st.floats(0.01, CLIP_S).map(lambda seconds: round(seconds * RATE))
pauses = st.floats(0, 600).map(lambda seconds: round(seconds * RATE))


def track(parts: Sequence[tuple[int, int]]) -> list[Clip]:
    """Clips by pauses before them and lengths, in samples."""
    clips: list[Clip] = []
    for pause, length in parts:
        begin = (clips[-1].end if clips else 0) + pause
        # Without memory: only the length counts.
        clips.append(Clip(begin, np.broadcast_to(np.float32(0.1), length), length))
    return clips


tracks = st.lists(st.tuples(pauses, lengths), min_size=1, max_size=20).map(track)


@given(tracks)
def test_every_clip_is_in_one_window_in_order_and_windows_are_full(clips: list[Clip]) -> None:
    made = list(windows(clips))
    assert [clip.start for window in made for clip in window.clips] == [clip.start for clip in clips]
    lengths = [sum(len(clip.samples) for clip in window.clips) for window in made]
    assert all(0 < length <= CLIP_S * RATE for length in lengths)
    for (before, after), length in zip(pairwise(made), lengths[:-1], strict=True):
        assert length + len(after.clips[0].samples) > CLIP_S * RATE, before


@given(tracks, st.lists(st.floats(-1, CLIP_S + 1), min_size=2, max_size=20))
def test_words_are_placed_within_clips_and_in_order(clips: list[Clip], times: list[float]) -> None:
    window = next(windows(clips))
    placed = [window.place(start, end) for start, end in pairwise(sorted(times))]
    for start, end in placed:
        assert any(clip.start / RATE <= start <= end <= clip.end / RATE for clip in window.clips)
    for before, after in pairwise(placed):
        assert before[0] <= after[0]
        assert before[1] <= after[1]


def test_a_word_is_in_the_clip_with_its_middle_and_keeps_its_place_there() -> None:
    window = Window(track([(3 * RATE, 2 * RATE), (50 * RATE, 4 * RATE)]))
    assert len(window.samples()) == 6 * RATE
    assert window.place(0.5, 1.0) == pytest.approx((3.5, 4.0))
    assert window.place(2.5, 3.0) == pytest.approx((55.5, 56.0))
    # Stretched over the pause.
    assert window.place(1.5, 2.25) == pytest.approx((4.5, 5.0))
    assert window.place(1.75, 2.5) == pytest.approx((55.0, 55.5))
