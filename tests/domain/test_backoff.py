"""Delays between attempts."""

from hypothesis import given
from hypothesis import strategies as st

from domain.backoff import delay


def test_delays_double_up_to_the_longest() -> None:
    assert [delay(failures, 30, 600) for failures in range(1, 8)] == [30, 60, 120, 240, 480, 600, 600]
    assert delay(3, 2) == 8


@given(st.integers(0, 10_000), st.floats(0.1, 3600), st.floats(0.1, 86400))
def test_a_delay_never_passes_the_longest_however_many_attempts_failed(failures: int, first: float, longest: float):
    assert 0 < delay(failures, first, longest) <= longest
    assert delay(failures, first, longest) <= delay(failures + 1, first, longest)
