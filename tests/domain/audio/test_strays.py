"""A few packets with wrong times move nothing; gaps, resets and late starts stay as they are."""

from itertools import accumulate, pairwise
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.audio.opus import RATE
from domain.audio.padding import pad
from domain.audio.strays import FEW, STRAY, corrected
from testing import audio_files as make
from testing.audio_files import hears

LENGTH = 960


def times(stamps: list[int | None]) -> list[tuple[int, int | None]]:
    """Return (packet number, time) of what is left."""
    return [(number, at) for at, _, number in corrected((at, LENGTH, n) for n, at in enumerate(stamps))]


def unchanged(stamps: list[int]) -> bool:
    return times([*stamps]) == list(enumerate(stamps))


def track(start: int, gaps: list[tuple[int, int]]) -> list[int]:
    """Return the times of runs of packets, given as (number, samples of silence after them)."""
    steps = [LENGTH + (gap if number == count - 1 else 0) for count, gap in gaps for number in range(count)]
    return list(accumulate(steps[:-1], initial=start))


TRACKS = st.builds(
    track,
    st.integers(0, 500 * RATE),
    st.lists(st.tuples(st.integers(FEW + 3, 30), st.integers(0, 60 * RATE)), min_size=1, max_size=4),
)


@given(TRACKS)
def test_gaps_and_late_starts_stay(stamps: list[int]) -> None:
    assert unchanged(stamps)


@given(TRACKS, st.integers(1, 29), st.integers(RATE, 500 * RATE))
def test_a_reset_stays(stamps: list[int], at: int, back: int) -> None:
    # A gap close to it can look like a return.
    assume(FEW < at < len(stamps) - FEW and stamps[at + FEW] - stamps[at - FEW - 1] == (2 * FEW + 1) * LENGTH)
    assert unchanged([*stamps[:at], *(one - back for one in stamps[at:])])


@given(TRACKS, st.data())
def test_strays_move_nothing(stamps: list[int], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(stamps) - 1))
    count = data.draw(st.integers(1, FEW))
    # In one run of packets, with others before or behind them that agree.
    lengths = [later - earlier for earlier, later in pairwise(stamps[max(0, place - FEW - 1) : place + count + FEW])]
    assume(len(stamps) - place - count >= FEW and all(length == LENGTH for length in lengths))
    # Of the first packets, most have to agree.
    assume(place > FEW or (place == 0 and len(stamps) > 2 * FEW + 1))
    offset = data.draw(st.integers(STRAY + 2 * FEW * LENGTH, 100 * RATE))
    wrong = stamps[place] + (offset if not place or data.draw(st.booleans()) else -offset)
    moved = [*stamps[:place], *([wrong] * count), *stamps[place + count :]]
    assume(wrong < stamps[place] or min(stamps[place + count :]) < wrong - STRAY)
    assert times([*moved]) == list(enumerate(stamps))


def test_a_last_packet_far_ahead_joins_the_others() -> None:
    stamps = [n * LENGTH for n in range(40)]
    for count in range(1, FEW + 1):
        moved = [*stamps[:-count], *(one + 60 * RATE for one in stamps[-count:])]
        assert times([*moved]) == list(enumerate(stamps))
    assert unchanged([*stamps[:-1], stamps[-1] + 10 * RATE])
    # More of them are speech, and so is a long packet.
    assert unchanged([*stamps[: -FEW - 1], *(one + 60 * RATE for one in stamps[-FEW - 1 :])])
    assert [at for at, _, _ in corrected([(0, RATE // 5, 0), (60 * RATE, RATE // 5, 1)])] == [0, 60 * RATE]


def test_the_first_packets_a_little_ahead_join_the_others() -> None:
    for start in (0, 30 * RATE):
        stamps = [start + n * LENGTH for n in range(40)]
        moved = [*(one + STRAY + 200 for one in stamps[:FEW]), *stamps[FEW:]]
        assert times([*moved]) == list(enumerate(stamps))


@pytest.mark.parametrize("stray", [149, 150])
def test_a_packet_far_ahead_beside_a_reset_moves_nothing(stray: int) -> None:
    stamps = [30 * RATE + n * LENGTH for n in range(150)] + [n * LENGTH for n in range(150)]
    found = dict(times([*stamps[:stray], stamps[stray] + 60 * RATE, *stamps[stray + 1 :]]))
    assert found.pop(stray) == 30 * RATE + stray * LENGTH
    assert found == {n: at for n, at in enumerate(stamps) if n != stray}


def test_a_last_packet_that_goes_back_is_no_gap() -> None:
    stamps = [n * LENGTH for n in range(40)]
    assert unchanged([*stamps[:-1], 0])


def test_repeated_packets_are_left_out() -> None:
    stamps = [n * LENGTH for n in range(200)]
    again = [*stamps[:150], *stamps[20:23], *stamps[150:]]
    assert [at for _, at in times([*again])] == stamps


def test_packets_without_time_are_passed_on() -> None:
    assert times([0, None, None, 3 * LENGTH]) == [(0, 0), (1, None), (2, None), (3, 3 * LENGTH)]


@pytest.fixture(scope="module")
def beeps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Chirps at 1, 2, 4 and 5 s of 6 s, by codec."""
    folder, sound = tmp_path_factory.mktemp("beeps"), make.chirps(6, [1, 2, 4, 5])
    codecs = ("libopus", "libmp3lame")
    return {one: make.encoded_track(folder / one, sound, container="matroska", codec=one) for one in codecs}


@pytest.mark.parametrize("codec", ["libopus", "libmp3lame"])
@pytest.mark.parametrize("numbers", [[0], [0, 1, 2], [50], [50, 51, 52], [-3, -2, -1], [-1]])
@pytest.mark.parametrize("leap", [60.0, -2.0, 3600.0])
def test_a_few_packets_with_wrong_times_move_nothing(
    tmp_path: Path, beeps: dict[str, Path], codec: str, numbers: list[int], leap: float
) -> None:
    count = make.restamped(tmp_path / "in", beeps[codec], lambda _: 0.0)
    strays = {number % count for number in numbers}
    make.restamped(tmp_path / "in", beeps[codec], lambda number: leap if number in strays else 0.0)
    done = pad(tmp_path / "in", tmp_path / "out")
    assert done.duration == pytest.approx(6, abs=0.1)
    assert any("disagree" in note for note in done.notes) or (leap < 0 and numbers[0] != 50)
    hears(tmp_path / "out", [1, 2, 4, 5])


@pytest.mark.parametrize("stray", [148, 149, 150, 151])
@pytest.mark.parametrize("leap", [60.0, -2.0, -40.0])
def test_a_packet_with_a_wrong_time_beside_a_gap_moves_nothing(
    tmp_path: Path, beeps: dict[str, Path], stray: int, leap: float
) -> None:
    def moved(number: int) -> float:
        return 30 + (5 if number >= 150 else 0) + (leap if number == stray else 0)

    make.restamped(tmp_path / "in", beeps["libopus"], moved)
    assert pad(tmp_path / "in", tmp_path / "out").duration == pytest.approx(41, abs=0.1)
    hears(tmp_path / "out", [31, 32, 39, 40])
