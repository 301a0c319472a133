"""A failure costs what failed, again, and nothing else: of steps, and of recordings that can't even be examined."""

import itertools
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import InstigatorType, TickData, TickStatus

from domain.recording import value_key
from reflector_assets import tags
from reflector_assets.operations import refresh
from reflector_assets.records import plain
from reflector_assets.runtime.run_process import process_of
from reflector_assets.settings.main import Settings
from resources.database.database import Database
from resources.database.deletions import Deletions
from sensors.keep_up_to_date import SENSOR
from testing.daemon import until
from testing.deployment import ROOT
from tests.scenarios.world import OUTDATED_LIMIT, World, llm_calls, of

pytestmark = pytest.mark.slow(90)
# Of a track's transcription, in seconds: far more than one takes on a busy machine.
LIMIT = 20
LONG, BROKEN, HUNG = "room-long", "room-broken", "room-hung"
# Partition keys that somebody adds on Dagster's pages.
IMPOSSIBLE = ("x" * 260, "../../etc/passwd")
GOOD, UNREADABLE = "room-good", "room-unreadable"
LATE, ELSEWHERE, BY_HAND = "room-late", "room-elsewhere", "room-byhand"
GONE = "room-gone"
SILENT, SPOKEN = "room-silent", "room-spoken"
# Three subjects of 280 words.
CHUNKS, MIDDLE = 3, " w450 "


@pytest.fixture(scope="module")
def faulty(world: World) -> Iterator[World]:
    """The LLM fails at one topic three times, the GPU at one track for good and at another once by silence."""
    world.llm.fail(3, 503, when=lambda call: call.schema == "QuotedTopicAnswer" and MIDDLE in call.text)
    world.gpu.fail(1000, 422, when=of(BROKEN, 1))
    world.gpu.hang(1, when=of(HUNG, 1))
    world.record(LONG, words=840, subjects=CHUNKS)
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
    assert faulty.llm_calls(LONG) == calls | {"QuotedTopicAnswer": CHUNKS + 3}
    asked = [call for call in faulty.llm.requests if call.schema == "QuotedTopicAnswer" and LONG in call.text]
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


def test_a_deletion_ends_the_run_that_is_at_work_on_it(world: World) -> None:
    world.gpu.hang(1, when=of(GONE, 0))
    world.record(GONE)
    until(lambda: world.gpu_calls(GONE), what="a call")
    [run] = world.runs(GONE)
    deletions = Deletions(database=Database(url=f"sqlite:///{world.deployment.data / 'reflector.db'}"))
    deletions.request(GONE)
    until(lambda: (found := deletions.get(GONE)) and found.completed_at, what="the end of the deletion")
    process = process_of(run.dagster_run)
    assert process is not None
    assert process.is_gone()
    assert world.runs(GONE) == []
    assert not world.instance.has_dynamic_partition("recordings", GONE)
    left = (path for path in world.deployment.home.rglob("*") if path.is_file() and path.suffix != ".log")
    assert [path for path in left if GONE in str(path)] == []


def test_a_permanent_failure_says_why_and_costs_one_call_when_it_is_fixed(faulty: World) -> None:
    run = faulty.ended(BROKEN)
    assert faulty.gpu_calls(BROKEN) == {0: 1, 1: 1, 2: 1}
    reported = next(row for row in faulty.deployment.json("list") if row["id"] == BROKEN)
    assert reported["state"] == "error"
    assert reported["reason"].startswith(f"track_transcripts: recording {BROKEN}, track 1: ")
    assert "422" in reported["reason"]
    [failed] = [step for step in faulty.steps(run) if step.status == "failed"]
    assert reported["reason"] == f"track_transcripts: {failed.reason}"
    # On the run's page, the plain reason is a line of its own before Dagster's summary.
    *_, said, summary = [
        entry
        for entry in faulty.instance.all_logs(run.dagster_run.run_id)
        if entry.level == logging.ERROR and not (entry.dagster_event and entry.dagster_event.is_step_event)
    ]
    assert said.user_message == f"track_transcripts failed: {failed.reason}"
    assert summary.dagster_event_type == dg.DagsterEventType.RUN_FAILURE

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


def test_recordings_that_cant_be_examined_are_reported_and_stop_no_other(world: World) -> None:
    folder = world.deployment.folder(UNREADABLE)
    # Reading this link fails like a folder without permissions, also for root.
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.symlink_to("x" * 300)
    world.instance.add_dynamic_partitions("recordings", [*IMPOSSIBLE, UNREADABLE])
    world.record(GOOD)
    assert world.ended(GOOD).dagster_run.status.value == "SUCCESS"
    world.ticks(1)
    listed = {row["id"]: row for row in world.deployment.json("list")}
    assert {listed[name]["state"] for name in (*IMPOSSIBLE, UNREADABLE)} == {"error"}
    assert listed[GOOD]["state"] == "ended"
    assert f"recording {UNREADABLE}: " in listed[UNREADABLE]["reason"]
    assert "Check the permissions" in listed[UNREADABLE]["reason"]
    assert all("can't be a recording id" in listed[name]["reason"] for name in IMPOSSIBLE)
    assert world.overview(UNREADABLE).reason == listed[UNREADABLE]["reason"]
    logs = (path.read_text() for path in world.deployment.home.rglob("*.err") if "keep_up_to_date" in path.parts)
    logged = [line for log in logs for line in log.splitlines()]
    for name in IMPOSSIBLE:
        assert len([line for line in logged if name[:57] in line]) == 1, "refused once"
    assert any(UNREADABLE in line for line in logged)

    for name in IMPOSSIBLE:
        world.instance.delete_dynamic_partition("recordings", name)
    folder.unlink()
    world.record(UNREADABLE)
    until(lambda: world.runs(UNREADABLE), what="a second look")
    assert world.ended(UNREADABLE).dagster_run.status.value == "SUCCESS"
    assert world.overview(UNREADABLE).state == "ended"
    world.ticks(1)


def test_files_that_are_gone_are_made_again_of_cached_answers(world: World) -> None:
    files = [world.deployment.data / value_key(asset, GOOD) for asset in ("topics", "action_items")]
    contents = [file.read_bytes() for file in files]
    runs, calls = len(world.runs(GOOD)), (world.gpu_calls(GOOD), world.llm_calls(GOOD))
    for file in files:
        file.unlink()
    refresh.request(world.instance, GOOD)
    run = world.ended(GOOD, runs=runs + 1)
    assert world.made(run) == {"topics", "action_items"}
    assert [file.read_bytes() for file in files] == contents
    assert (world.gpu_calls(GOOD), world.llm_calls(GOOD)) == calls


def test_a_live_run_that_is_marked_as_failed_ends_before_its_next_step_and_is_resumed_once(world: World) -> None:
    world.llm.held[LATE] = threading.Event()
    world.record(LATE, tracks=2)
    until(lambda: world.llm_calls(LATE), what="the first question to the LLM")
    [first] = world.runs(LATE)
    failed = time.time()
    # As Dagster's monitoring reports a run that started too slowly.
    world.instance.report_run_failed(first.dagster_run, "Run timed out due to taking longer than 300 seconds to start.")
    until(lambda: len(world.runs(LATE)) == 2 and world.steps(world.runs(LATE)[1]), what="the retry")
    world.llm.held.pop(LATE).set()
    world.ended(LATE, runs=2)
    world.ticks(2)
    assert world.statuses(LATE) == ["FAILURE", "SUCCESS"]
    assert [step for step in world.steps(first) if step.status in {"started", "done"} and step.timestamp > failed] == []
    assert world.gpu_calls(LATE) == {0: 1, 1: 1}
    assert world.overview(LATE).state == "ended"


def test_a_command_in_another_container_and_a_redundant_run_leave_a_live_run_alone(world: World) -> None:
    world.llm.held[ELSEWHERE] = threading.Event()
    world.record(ELSEWHERE)
    until(lambda: world.llm_calls(ELSEWHERE), what="the first question to the LLM")
    # Somebody cancels another run of it.
    redundant = dg.DagsterRun(job_name="process", tags=world.runs(ELSEWHERE)[0].dagster_run.tags)
    world.instance.report_run_canceled(world.instance.add_run(redundant))
    assert world.overview(ELSEWHERE).state == "processing"
    # What `reflector run` does first with a recording that is at work.
    look = (
        "from reflector_assets.operations.runs import in_progress\n"
        "from reflector_assets.runtime.instance import open_instance\n"
        f"with open_instance() as instance: print(in_progress(instance, {ELSEWHERE!r}).run_id)"
    )
    command = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", look]
    environment = world.deployment.environment()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    world.llm.held.pop(ELSEWHERE).set()
    if done.stderr.startswith("unshare"):
        pytest.skip("this user may not make a namespace of process ids")
    assert done.stdout.strip() == world.runs(ELSEWHERE)[0].dagster_run.run_id, done.stderr
    world.ended(ELSEWHERE)
    world.ticks(1)
    assert world.statuses(ELSEWHERE) == ["SUCCESS", "CANCELED"]
    assert world.overview(ELSEWHERE).state == "ended"


def test_a_killed_run_of_dagsters_implicit_job_is_resumed_with_all_tracks(world: World) -> None:
    # Two more than the pool has slots: they have not begun when the run is killed.
    at_once = Settings.model_validate(world.deployment.env).pools()["gpu"]
    tracks = at_once + 2
    world.record(BY_HAND, tracks=tracks)
    world.ended(BY_HAND)
    # As Dagster's pages launch a run.
    world.gpu.hang(at_once, when=lambda call: f"/{BY_HAND}/" in call.name)
    given = json.dumps({tags.PARTITION: BY_HAND, tags.FORCE: "true"})
    launched = world.deployment.run_quickly(
        *("dagster", "job", "launch", "-w", str(world.daemon.workspace), "-j", "__ASSET_JOB", "--tags", given)
    )
    assert launched.returncode == 0, launched.stderr
    until(lambda: sum(world.gpu_calls(BY_HAND).values()) == tracks + at_once, what="calls")
    process = process_of(world.runs(BY_HAND)[1].dagster_run)
    assert process
    os.kill(process.pid, signal.SIGKILL)
    world.gpu.plans.clear()
    run = world.ended(BY_HAND, runs=3)
    assert world.statuses(BY_HAND) == ["SUCCESS", "FAILURE", "SUCCESS"]
    assert "track_transcripts" in world.made(run)
    assert "padded_tracks" not in world.made(run)
    world.ticks(1)
    assert len(world.runs(BY_HAND)) == 3


def test_a_failed_check_of_one_recording_stays_when_another_passes(world: World) -> None:
    world.record(SILENT, words=0)
    world.ended(SILENT)
    world.record(SPOKEN)
    world.ended(SPOKEN)
    key = dg.AssetCheckKey(dg.AssetKey("merged_words"), "speech_present")
    log: Any = world.instance.event_log_storage
    found = {one.partition: one for one in log.get_asset_check_execution_history(key, limit=50)}
    assert found[SILENT].status.value == "FAILED"
    assert found[SPOKEN].status.value == "SUCCEEDED"
    assert plain(found[SILENT].event.dagster_event.event_specific_data.metadata) == {
        "words": 0,
        "problems": "- no words at all",
    }
    assert plain(found[SPOKEN].event.dagster_event.event_specific_data.metadata) == {"words": 12}


def test_pools_get_the_limits_of_the_settings_though_nobody_sets_them(world: World) -> None:
    expected = Settings.model_validate(world.deployment.env).pools()

    def limits() -> dict[str, int]:
        return {one.name: one.limit for one in world.instance.event_log_storage.get_pool_limits()}

    assert expected["llm"] != OUTDATED_LIMIT
    until(lambda: limits() == expected, what="the limits of the pools")


def test_sensors_without_their_settings_never_tick(world: World) -> None:
    world.ticks(1)
    ticked = {state.name for state in world.instance.all_instigator_state()}
    assert {"discovery", "keep_up_to_date", "end_orphaned_runs", "deliver_webhooks", "follow_consents"} <= ticked
    assert ticked.isdisjoint({"poll_daily", "tell_failures", "tell_unmatched_denials", "fall_back", "retention"})


def test_of_skipped_ticks_the_last_of_equal_ones_stays_for_a_day(world: World) -> None:
    world.ticks(1)
    [sensor] = [state for state in world.instance.all_instigator_state() if state.name == SENSOR]
    began = time.time() - 2 * 86400
    origin, kind, status = sensor.instigator_origin_id, InstigatorType.SENSOR, TickStatus.SKIPPED
    old = TickData(origin, SENSOR, kind, status, began, skip_reason="nothing", selector_id=sensor.selector_id)
    world.instance.create_tick(old)
    world.ticks(2)

    def left_over() -> list[object]:
        """Ticks before the last day, and reasons that the next tick has, too."""
        ticks = sorted(world.looks(0.0), key=lambda one: one.timestamp)
        reasons = [one.skip_reason for one in ticks if one.is_completed]
        return [
            *(one.timestamp for one in ticks if one.timestamp <= began),
            *(one for one, after in itertools.pairwise(reasons) if one and one == after),
        ]

    until(lambda: not left_over(), what="the end of ticks that nobody needs")
