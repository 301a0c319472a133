"""A recording is processed once; what is fresh stays, whoever restarts, forgets or starts runs by hand."""

import threading
from collections.abc import Iterator

import pytest

from testing.daemon import until
from tests.scenarios.world import World, llm_calls

# What runs and what not is the same, and a run takes less time.
EXECUTOR = "in_process"
pytestmark = [pytest.mark.timeout(900), pytest.mark.slow(60)]
MATERIALIZE = ("dagster", "asset", "materialize", "-m", "reflector_assets.definitions")
PLAIN, SLOW = "room-plain", "room-slow"
# Assets of a recording.
ALL = 15


@pytest.fixture(scope="module")
def plain(world: World) -> Iterator[World]:
    """A recording of three tracks that the daemon has finished; imported through the command line."""
    world.deployment.json("import", str(world.folder(PLAIN, tracks=3)), "--id", PLAIN)
    world.ended(PLAIN)
    yield world
    world.forget(PLAIN)


def calls(world: World) -> tuple[dict[int, int], dict[str, int]]:
    return world.gpu_calls(PLAIN), world.llm_calls(PLAIN)


ONCE = ({0: 1, 1: 1, 2: 1}, llm_calls())


def test_a_new_recording_costs_each_call_once(plain: World) -> None:
    assert calls(plain) == ONCE
    assert plain.statuses(PLAIN) == ["SUCCESS"]
    assert plain.overview(PLAIN).state == "ended"


def test_nothing_runs_while_nothing_changes(plain: World) -> None:
    plain.ticks(2)
    plain.restart()
    plain.ticks(1)
    plain.lose_cursor()
    plain.ticks(2)
    assert plain.statuses(PLAIN) == ["SUCCESS"]
    assert calls(plain) == ONCE


def test_padding_again_with_equal_output_runs_nothing_else(plain: World) -> None:
    before = len(plain.runs(PLAIN))
    done = plain.deployment.json("run", PLAIN, "--select", "padded_tracks", "--force")
    assert done["materialized"] == ["padded_tracks"]
    plain.ticks(1)
    assert len(plain.runs(PLAIN)) == before + 1
    assert calls(plain) == ONCE


def test_what_lies_behind_can_still_be_made_after_padding_again(plain: World) -> None:
    assert plain.deployment.json("run", PLAIN, "--select", "merged_words", "--force")["failed"] == []


def test_making_everything_by_hand_pays_for_nothing(plain: World) -> None:
    before = len(plain.runs(PLAIN))
    done = plain.deployment.run_quickly(*MATERIALIZE, "--select", "*", "--partition", PLAIN)
    assert done.returncode == 0, done.stderr
    plain.ticks(1)
    assert len(plain.made(plain.ended(PLAIN))) == ALL
    assert len(plain.runs(PLAIN)) == before + 1
    assert calls(plain) == ONCE


def test_force_makes_every_call_anew(plain: World) -> None:
    before = len(plain.runs(PLAIN))
    done = plain.deployment.json("run", PLAIN, "--force")
    assert len(done["materialized"]) == ALL
    assert calls(plain) == ({0: 2, 1: 2, 2: 2}, {kind: 2 * count for kind, count in llm_calls().items()})
    plain.ticks(1)
    assert len(plain.runs(PLAIN)) == before + 1


def test_a_recording_at_work_gets_no_second_run_and_one_by_hand_waits(world: World) -> None:
    world.llm.held[SLOW] = threading.Event()
    world.record(SLOW, tracks=2)
    until(lambda: world.llm_calls(SLOW), what="the first question to the LLM")
    # The recording is stale, which is why this asks for it: but it is at work.
    refreshed = world.deployment.json("refresh")
    assert [row["id"] for row in refreshed["recordings"]] == [SLOW]
    assert refreshed["queued"]
    launched = world.deployment.run_quickly(
        *("dagster", "job", "backfill", "-w", "workspace.yaml", "-j", "process", "--partitions", SLOW, "--noprompt")
    )
    assert launched.returncode == 0, launched.stderr
    until(lambda: world.statuses(SLOW)[1:] == ["QUEUED"], what="the run by hand is queued")
    assert world.statuses(SLOW) == ["STARTED", "QUEUED"]
    world.llm.held.pop(SLOW).set()
    world.ended(SLOW, runs=2)
    world.ticks(2)
    assert world.statuses(SLOW) == ["SUCCESS", "SUCCESS"]
    assert world.overlaps() == []
    assert (world.gpu_calls(SLOW), world.llm_calls(SLOW)) == ({0: 1, 1: 1}, llm_calls())
    world.forget(SLOW)
