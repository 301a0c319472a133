"""A tick's wait ends before Dagster's next loop, however long a tick takes beside it."""

import pytest

from sensors.waiting import LEAST_S, LOOP_S, TickWait


def begun(wait: TickWait, overhead: float, loops: int) -> list[bool]:
    """Begin the ticks of a number of loops; return for each loop whether it began one."""
    ended, began = 0.0, list[bool]()
    for number in range(loops):
        now = number * LOOP_S
        began.append(ended <= now)
        if began[-1]:
            ended = now + wait.begin(now) + overhead
    return began


def test_a_short_tick_waits_as_long_as_it_may() -> None:
    wait = TickWait(4.5)
    assert all(begun(wait, 0.4, 100))
    assert wait.begin(100 * LOOP_S) == 4.5


@pytest.mark.parametrize("overhead", [0.8, 1.5, 2.5])
def test_a_long_tick_waits_less_and_few_loops_are_left_out(overhead: float) -> None:
    assert begun(TickWait(4.5), overhead, 250)[50:].count(False) < 15


def test_a_wait_recovers() -> None:
    wait = TickWait(4.5)
    begun(wait, 2.5, 50)
    assert wait.begin(1e3) < 3
    begun(wait, 0.1, 200)
    assert wait.begin(2e3) == 4.5


@pytest.mark.parametrize("longest", [0.0, 1.0, 9.5, 29.5])
def test_any_longest_wait_is_used_if_ticks_are_short_enough(longest: float) -> None:
    wait = TickWait(longest)
    begun(wait, 0.2, 100)
    assert wait.begin(1e6) == longest


def test_a_pause_of_the_daemon_shortens_nothing() -> None:
    wait = TickWait(4.5)
    for at in (0.0, 60.0, 400.0):
        assert wait.begin(at) == 4.5


def test_a_wait_keeps_its_least() -> None:
    wait = TickWait(4.5)
    begun(wait, 4.9, 100)
    assert wait.begin(1e6) >= LEAST_S
