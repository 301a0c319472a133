"""Steps on Celery workers: tracks side by side on several, and whatever is killed, the recording ends finished."""

import os
import re
import signal
import time
from collections.abc import Iterator

import dagster as dg
import pytest

from reflector_assets.eventlog.steps import StepEvent, step_events
from testing.daemon import until
from tests.distributed.cluster import Cluster, of

pytestmark = pytest.mark.slow
# Seconds: of a call, of a track's attempt, and without a sign of a worker.
LATENCY, LIMIT, SILENCE = 3.0, 10, 12
TRACKS = 3


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    settings = {
        "REFLECTOR_WORKER_TIMEOUT": str(SILENCE),
        "REFLECTOR_STEP_TIMEOUTS": f'{{"transcribe_track": {LIMIT}}}',
    }
    with Cluster(tmp_path_factory.mktemp("cluster"), **settings) as found:
        for name in ("gpu1", "gpu2"):
            found.start(name, "gpu")
        found.start("others", "cpu,llm,light", at_once=2)
        until(lambda: all(worker.ready() for worker in found.workers.values()), 240, "the workers")
        found.gpu.latency = LATENCY
        yield found


def steps(cluster: Cluster, run: dg.DagsterRun) -> list[StepEvent]:
    return list(step_events(cluster.instance.get_records_for_run(run.run_id).records))


def workers(cluster: Cluster, run: dg.DagsterRun) -> list[tuple[str, str]]:
    """Which step each worker took, as (step, worker), in their order."""
    found: list[tuple[str, str]] = []
    for entry in cluster.events(run):
        event = entry.dagster_event
        if event and event.is_engine_event and (reported := event.engine_event_data.metadata.get("Celery worker")):
            found.append((event.step_key or "", str(reported.value).split("@")[0]))
    return found


def test_tracks_are_transcribed_side_by_side_on_several_workers(cluster: Cluster) -> None:
    # The call of one track hangs: interrupted at its limit, it is tried again.
    hung = "track_transcripts.transcribe_track[1]"
    cluster.gpu.hang(1, when=lambda call: call.name.endswith("/side-by-side/tracks/1.webm"))
    cluster.record("side-by-side", TRACKS)
    until(lambda: any(hung in dict(workers(cluster, run)) for run in cluster.runs("side-by-side")), 120, "the call")
    # Its worker is asked to stop meanwhile: it ends the step first, and the other one goes on.
    [run] = cluster.runs("side-by-side")
    stopped = dict(workers(cluster, run))[hung]
    os.kill(cluster.workers[stopped].process.pid, signal.SIGTERM)
    # And its message arrives at another one, as after a broker that lost sight of the worker.
    cluster.send_again(run, hung, "light")

    [run] = cluster.ended("side-by-side")
    assert run.status == dg.DagsterRunStatus.SUCCESS
    [late] = [event for event in steps(cluster, run) if event.status == "retrying"]
    assert (late.track, late.reason) == (1, f"recording side-by-side, track 1: timeout after {LIMIT} s")
    reported = [entry.message for entry in cluster.events(run)]
    assert f"A worker received attempt 1 at {hung} a second time and ignored it." in reported
    took = [(step, worker) for step, worker in workers(cluster, run) if "transcribe_track[" in step]
    assert {worker for _, worker in took} == {"gpu1", "gpu2"}
    assert [worker for step, worker in took if step == hung] == [stopped, *{"gpu1", "gpu2"} - {stopped}]
    assert len(took) == TRACKS + 1
    assert cluster.gpu.most_at_once == 2
    assert {worker for step, worker in workers(cluster, run) if "transcribe_track[" not in step} == {"others"}
    assert cluster.store.exists("recordings/side-by-side/transcript.json")
    assert cluster.workers[stopped].process.wait(90) == 0
    until(cluster.start(stopped, "gpu").ready, 120, "the worker")


def test_what_steps_hand_on_lies_in_the_store_alone(cluster: Cluster) -> None:
    [run] = cluster.ended("side-by-side")
    handed_on = list(cluster.store.list_keys(f"recordings/side-by-side/steps/{run.run_id}"))
    assert len([key for key in handed_on if "transcribe_track" in key]) == TRACKS
    # Dagster's own place for such values, and the disks of the machines.
    assert not (cluster.deployment.home / "dagster" / "storage").exists()
    assert list(cluster.deployment.home.rglob("*.webm")) == []
    assert list(cluster.deployment.home.rglob("recordings")) == []


def test_a_step_that_ignores_interruption_is_ended_with_its_process_alone(cluster: Cluster) -> None:
    done = cluster.deployment.run("python", "-m", "tests.distributed.spinning")
    assert done.returncode == 0, done.stderr
    reason = "StepCrash: timeout: the step could not be interrupted, so its process was ended"
    assert done.stdout.split("\n") == [reason, "SUCCESS", ""]
    assert all(worker.process.poll() is None for worker in cluster.workers.values())


def test_whatever_is_killed_the_recordings_end_finished(cluster: Cluster) -> None:
    names = ["killed-one", "killed-two"]
    for name in names:
        cluster.record(name, TRACKS)

    def retried(reason: str) -> list[StepEvent]:
        found = [event for name in names for run in cluster.runs(name) for event in steps(cluster, run)]
        return [event for event in found if event.status == "retrying" and reason in (event.reason or "")]

    def busy() -> bool:
        return sum(call.status == 0 and any(of(name)(call) for name in names) for call in cluster.gpu.requests) == 2

    until(busy, 120, "two calls")
    # The process of one step.
    cluster.workers["gpu1"].children()[0].kill()
    until(lambda: retried("process was killed"), 60, "the step of a killed process")

    until(busy, 120, "two calls")
    # A whole worker, which somebody starts again.
    cluster.workers["gpu2"].kill()
    begin = time.monotonic()
    cluster.start("gpu2", "gpu")
    until(lambda: retried("worker that executed this step is gone"), SILENCE + 60, "the step of a killed worker")
    print(f"noticed {time.monotonic() - begin:.1f} s after the kill")

    # The broker, with all that waited in it.
    until(lambda: any(cluster.in_call(name)() for name in names), 120, "a call")
    cluster.redis.kill()
    cluster.redis.forget()
    cluster.redis.start()

    ended = [cluster.ended(name, 180) for name in names]
    assert [[run.status for run in runs] for runs in ended] == [[dg.DagsterRunStatus.SUCCESS]] * 2
    calls = {path: count for path, count in cluster.gpu.calls.items() if re.search("/killed-", path)}
    assert len(calls) == TRACKS * len(names)
    # One call was lost to each of the two kills, and none to the broker.
    assert sum(calls.values()) == TRACKS * len(names) + 2
    assert all(cluster.store.exists(f"recordings/{name}/transcript.json") for name in names)
