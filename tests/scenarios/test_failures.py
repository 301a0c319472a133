"""A failure costs what failed, again, and nothing else; three recordings with a fault each, at work at once."""

from collections.abc import Iterator

import pytest

from tests.scenarios.world import World, llm_calls, of

pytestmark = [pytest.mark.timeout(900), pytest.mark.slow(70)]
# Of a track's transcription, in seconds: far more than one takes on a busy machine.
LIMIT = 20
LONG, BROKEN, HUNG = "room-long", "room-broken", "room-hung"
# 300, 300 and 240 words.
CHUNKS, MIDDLE = 3, " w450 "


@pytest.fixture(scope="module")
def faulty(world: World) -> Iterator[World]:
    """The LLM fails at one topic three times, the GPU at one track for good and at another once by silence."""
    world.llm.fail(3, 503, when=lambda call: call.schema == "TopicAnswer" and MIDDLE in call.text)
    world.gpu.fail(1000, 422, when=of(BROKEN, 1))
    world.gpu.hang(1, when=of(HUNG, 1))
    world.record(LONG, words=840)
    world.record(BROKEN, tracks=3)
    world.record(HUNG, tracks=3)
    yield world
    world.gpu.plans.clear()
    world.llm.plans.clear()
    world.forget(LONG, BROKEN, HUNG)


def test_a_topic_that_fails_and_heals_is_asked_again_alone(faulty: World) -> None:
    run = faulty.ended(LONG)
    assert run.dagster_run.status.value == "SUCCESS"
    calls = llm_calls(CHUNKS)
    assert faulty.llm_calls(LONG) == calls | {"TopicAnswer": CHUNKS + 3}
    asked = [call for call in faulty.llm.requests if call.schema == "TopicAnswer" and LONG in call.text]
    assert sorted(call.status for call in asked if MIDDLE in call.text) == [200, 503, 503, 503]
    retries = [step.step_key for step in faulty.steps(run) if step.status == "retrying"]
    assert retries == ["topics"] * 3
    assert faulty.gpu_calls(LONG) == {0: 1}


def test_a_hung_call_is_ended_at_its_time_limit_and_tried_again_alone(faulty: World) -> None:
    run = faulty.ended(HUNG)
    assert run.dagster_run.status.value == "SUCCESS"
    assert faulty.gpu_calls(HUNG) == {0: 1, 1: 2, 2: 1}
    [ended] = [step for step in faulty.steps(run) if step.status == "retrying"]
    assert (ended.op, ended.track) == ("transcribe_track", 1)
    assert ended.reason == f"recording {HUNG}, track 1: timeout after {LIMIT} s"
    assert faulty.llm_calls(HUNG) == llm_calls()


def test_a_permanent_failure_says_why_and_costs_one_call_when_it_is_healed(faulty: World) -> None:
    run = faulty.ended(BROKEN)
    assert faulty.gpu_calls(BROKEN) == {0: 1, 1: 1, 2: 1}
    told = next(row for row in faulty.deployment.json("list") if row["id"] == BROKEN)
    assert told["state"] == "error"
    assert told["reason"].startswith(f"track_transcripts: recording {BROKEN}, track 1: ")
    assert "422" in told["reason"]
    [failed] = [step for step in faulty.steps(run) if step.status == "failed"]
    assert told["reason"] == f"track_transcripts: {failed.reason}"

    faulty.gpu.plans.clear()
    done = faulty.deployment.run_quickly("-m", "tests.scenarios.reexecute", run.dagster_run.run_id, BROKEN)
    assert done.returncode == 0, done.stderr
    assert faulty.gpu_calls(BROKEN) == {0: 1, 1: 2, 2: 1}
    again = faulty.ended(BROKEN, runs=2)
    assert again.dagster_run.parent_run_id == run.dagster_run.run_id
    assert faulty.made(run).isdisjoint(faulty.made(again))
    assert len(faulty.made(run) | faulty.made(again)) == 15
    faulty.ticks(1)
    assert faulty.statuses(BROKEN) == ["FAILURE", "SUCCESS"]
    assert faulty.llm_calls(BROKEN) == llm_calls()
