"""Which of the old system's transcripts is of a recording of ours."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import NotFound, TransientError
from domain.old_transcripts import OldListed, choose, could_be_of
from tests.domain.finished import finished

# Of 90.5 s from 8:00.
OURS = finished()
ENDED = datetime(2026, 3, 23, 8, 1, 30, tzinfo=UTC)


def listed(name: str, seconds: float, *, status: str = "ended", after: float = 60) -> OldListed:
    created = ENDED + timedelta(seconds=after)
    return OldListed(id=name, status=status, duration=seconds * 1000, created_at=created, meeting_id="m")


def test_durations_are_milliseconds_there() -> None:
    assert could_be_of(OURS, listed("ours", 90.5))
    assert not could_be_of(OURS, listed("seconds", 0.0905))
    assert could_be_of(OURS, listed("unknown yet", 0, status="processing"))


def test_a_transcript_that_is_older_than_the_recording_is_not_its_own() -> None:
    assert not could_be_of(OURS, listed("older", 90.5, after=-3600))
    assert could_be_of(OURS, listed("another clock", 90.5, after=-60))
    assert could_be_of(finished(created_at=None), listed("older", 90.5, after=-3600)), "its time isn't known"


def test_the_nearest_duration_decides() -> None:
    assert choose(OURS, [listed("a", 91.5), listed("b", 90.5), listed("c", 89)]).id == "b"
    assert choose(OURS, [listed("b", 90.5), listed("c", 0, status="processing")]).id == "b"
    assert choose(OURS, [listed("c", 0, status="processing")]).id == "c"


@pytest.mark.parametrize(
    "several",
    [
        [listed("a", 90.5), listed("b", 90.5)],
        [listed("a", 91.5), listed("b", 0, status="processing")],
        [listed("a", 0, status="processing"), listed("b", 0, status="error")],
    ],
)
def test_what_cannot_be_distinguished_waits(several: list[OldListed]) -> None:
    with pytest.raises(TransientError, match="REFLECTOR_OLD_DATABASE_URL"):
        choose(OURS, several)


def test_without_one_there_is_none() -> None:
    with pytest.raises(NotFound):
        choose(OURS, [])


@given(st.lists(st.floats(80, 100), max_size=5), st.floats(-1e5, 1e5))
def test_what_is_chosen_could_be_of_the_recording_and_none_is_nearer(durations: list[float], after: float) -> None:
    candidates = [listed(str(n), seconds, after=after) for n, seconds in enumerate(durations)]
    possible = [one for one in candidates if could_be_of(OURS, one)]
    try:
        found = choose(OURS, possible)
    except (NotFound, TransientError):
        return
    assert found in possible
    assert all(found.seconds_from(OURS) <= other.seconds_from(OURS) for other in possible)
