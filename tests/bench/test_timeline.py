"""Each moment of a recording belongs to exactly one part of its timeline."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.whole_run_timeline import shares

times = st.floats(0, 100)
spans = st.lists(st.tuples(times, times).map(lambda both: (min(both), max(both))), max_size=6)


@given(first=spans, second=spans)
def test_parts_add_up_to_the_whole(first: list[tuple[float, float]], second: list[tuple[float, float]]) -> None:
    found = shares({"first": first, "second": second, "rest": [(10.0, 90.0)]}, 10.0, 90.0)
    assert sum(found.values()) == pytest.approx(80.0)
    assert found["first"] <= sum(end - begin for begin, end in first) + 1e-6


def test_a_moment_belongs_to_the_first_part_that_covers_it() -> None:
    found = shares({"waiting": [(2, 5), (4, 6)], "working": [(1, 3), (5, 8)], "rest": [(0, 10)]}, 0, 10)
    assert found == {"waiting": 4, "working": 3, "rest": 3}
