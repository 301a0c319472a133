"""A change of code runs the assets whose code it is, and what their new content reaches, as far as the reach says."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from tests.scenarios.world import World, llm_calls

# What runs and what not is the same, and a run takes less time.
EXECUTOR = "in_process"
pytestmark = pytest.mark.slow(60)
OTHER, SAME, REFUSED, REVERTED = "room-other", "room-same", "room-refused", "room-reverted"
TITLE = "TitleAnswer"
# What a transcript with other content brings along, in a run of its own.
OUT = {"zulip_message", "webhook_delivery"}


@pytest.fixture(scope="module")
def first(world: World) -> Iterator[World]:
    """Three finished recordings, and one for whose title the LLM refuses to answer."""
    world.llm.fail(1000, 403, when=lambda call: call.schema == TITLE and REFUSED in call.text)
    for name in (OTHER, SAME, REFUSED, REVERTED):
        world.record(name)
    for name in (OTHER, SAME, REFUSED, REVERTED):
        world.ended(name)
    assert world.llm_calls(OTHER) == world.llm_calls(SAME) == world.llm_calls(REFUSED) == llm_calls()
    yield world
    world.forget(OTHER, SAME, REFUSED, REVERTED)


def test_a_permanent_failure_is_one_run_however_often_the_sensor_looks(first: World) -> None:
    first.ticks(2)
    looks = first.deployment.run_quickly("-m", "tests.scenarios.looks", "20")
    assert looks.stdout.split() == ["0"] * 20, looks.stderr
    assert first.statuses(REFUSED) == ["FAILURE"]
    assert first.llm_calls(REFUSED) == llm_calls()
    reported = first.overview(REFUSED)
    assert reported.state == "error"
    assert reported.reason
    assert reported.reason.startswith(f"title: recording {REFUSED}: ")
    assert "403" in reported.reason


@pytest.fixture(scope="module")
def second(first: World) -> World:
    """The prompt for titles changed: the LLM answers anew for one recording, as before for another, not for a third."""
    first.llm.editions[OTHER, TITLE] = 2
    first.llm.fail(1000, 403, when=lambda call: call.schema == TITLE and REVERTED in call.text)
    first.title_prompt("second")
    first.restart()
    first.ended(OTHER, runs=4)
    first.ended(SAME, runs=2)
    first.ended(REFUSED, runs=2)
    first.ended(REVERTED, runs=2)
    first.ticks(1)
    return first


def made_later(world: World, name: str) -> list[set[str]]:
    """What the runs of a recording made, but for the first."""
    return [world.made(run) for run in world.runs(name)[1:]]


def test_a_changed_prompt_costs_one_call_and_new_text_reaches_the_transcript(second: World) -> None:
    assert made_later(second, OTHER) == [{"title"}, {"transcript"}, OUT]
    assert second.llm_calls(OTHER) == llm_calls() | {TITLE: 2}
    assert second.gpu_calls(OTHER) == {0: 1}
    assert second.overview(OTHER).title == f"{OTHER} title 2"


def test_an_equal_answer_ends_the_matter(second: World) -> None:
    assert made_later(second, SAME) == [{"title"}]
    assert second.llm_calls(SAME) == llm_calls() | {TITLE: 2}
    assert second.gpu_calls(SAME) == {0: 1}


def test_what_failed_is_tried_again_once_with_its_new_code(second: World) -> None:
    assert second.statuses(REFUSED) == ["FAILURE", "FAILURE"]
    assert second.llm_calls(REFUSED) == llm_calls() | {TITLE: 2}


def shown_as_failed(world: World) -> set[str]:
    """The recordings whose title Dagster shows as failed: the last attempt has no materialization."""
    log: Any = world.instance.event_log_storage
    attempts = log.get_latest_asset_partition_materialization_attempts_without_materializations(dg.AssetKey("title"))
    runs = {name: world.instance.get_run_by_id(run_id) for name, (run_id, _) in attempts.items()}
    return {name for name, run in runs.items() if run and run.status == dg.DagsterRunStatus.FAILURE}


def test_going_back_costs_nothing_and_what_failed_heals(second: World) -> None:
    second.forget(SAME)
    assert second.statuses(REVERTED) == ["SUCCESS", "FAILURE"]
    assert REVERTED in shown_as_failed(second)
    second.llm.plans.clear()
    second.title_prompt("first")
    second.restart()
    # What was made with the first prompt is up to date: a run of cached answers tells Dagster.
    second.ended(REVERTED, runs=3)
    second.ended(OTHER, runs=7)
    second.ended(REFUSED, runs=3)
    second.ticks(1)
    assert made_later(second, OTHER)[3:] == [{"title"}, {"transcript"}, OUT]
    assert made_later(second, REVERTED)[1:] == [{"title"}]
    assert REVERTED not in shown_as_failed(second)
    assert second.llm_calls(REVERTED) == llm_calls() | {TITLE: 2}
    assert second.overview(REVERTED).state == "ended"
    assert second.llm_calls(OTHER) == llm_calls() | {TITLE: 2}
    assert second.overview(OTHER).title == f"{OTHER} title 1"
    # This one never had an answer.
    assert second.statuses(REFUSED) == ["FAILURE", "FAILURE", "SUCCESS"]
    assert second.llm_calls(REFUSED) == llm_calls() | {TITLE: 3}
    assert made_later(second, REFUSED)[1] == {"title", "transcript"} | OUT | {"consent_cleanup"}


def test_out_of_reach_nothing_runs_until_somebody_asks(second: World) -> None:
    second.forget(SAME, REFUSED, REVERTED)
    before = len(second.runs(OTHER))
    second.llm.editions[OTHER, TITLE] = 3
    second.title_prompt("third")
    second.restart(REFLECTOR_REACH="none")
    second.ticks(2)
    reported = second.deployment.json("refresh", "--dry-run")
    [row] = reported["recordings"]
    assert (row["id"], row["stale"]) == (OTHER, {"title": "code changed"})
    assert not reported["queued"]
    second.ticks(1)
    assert len(second.runs(OTHER)) == before

    assert second.deployment.json("refresh")["queued"]
    last = second.ended(OTHER, runs=before + 3)
    assert second.made(last) == OUT
    second.ticks(1)
    assert len(second.runs(OTHER)) == before + 3
    assert second.llm_calls(OTHER) == llm_calls() | {TITLE: 3}
