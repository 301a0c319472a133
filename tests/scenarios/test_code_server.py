"""What users do where runs are forked: terminate a run, reload the code, restart the code server, press Ctrl-C."""

import os
import signal

import dagster as dg
import psutil
import pytest

from testing import PATIENCE_S
from testing.daemon import Daemon, until
from testing.parts.dagster_pages import DagsterPages
from testing.processes import Processes
from tests.scenarios.world import World

pytestmark = pytest.mark.slow(70)
# Of ticks that the end of the code server interrupts.
TICK_ERRORS = {"DagsterUserCodeUnreachableError"}
# Of a GPU call, in seconds: long enough to do something meanwhile, and never waited for to its end.
HANGS = 600.0


@pytest.fixture
def processes(world: World) -> Processes:
    return Processes(world.deployment, world.instance)


def transcribing(world: World, name: str) -> dg.RunRecord:
    """Wait until a recording's track is being transcribed; return its run."""
    until(lambda: any(name in call.name for call in list(world.gpu.requests)), what=f"a GPU call for {name}")
    [run] = world.runs(name)
    return run


def test_a_terminated_run_ends_with_its_steps_and_nothing_else(world: World, processes: Processes) -> None:
    world.gpu.latency = HANGS
    world.record("room-terminated")
    run = transcribing(world, "room-terminated")
    world.gpu.latency = 0.0
    world.record("room-beside")
    assert world.instance.run_launcher.terminate(run.dagster_run.run_id)
    assert world.ended("room-terminated").dagster_run.status == dg.DagsterRunStatus.CANCELED
    assert world.ended("room-beside").dagster_run.status == dg.DagsterRunStatus.SUCCESS
    until(lambda: not processes.runs() and not processes.steps(), what="the processes' end")
    assert len(processes.warm()) == 1


def test_an_idle_warm_process_ends_and_the_next_run_starts_it_again(world: World, processes: Processes) -> None:
    world.daemon.__exit__()
    world.deployment.env["REFLECTOR_WARM_IDLE"] = "0.5"
    world.daemon.__enter__()
    for name in ("room-first", "room-second"):
        until(lambda: not processes.warm(), what="the idle warm process's end")
        world.gpu.latency = 3.0
        world.record(name)
        run = transcribing(world, name)
        [warm] = processes.warm()
        assert warm in [process.parent() for process in processes.runs()]
        assert warm in [process.parent() for process in processes.steps()]
        assert world.ended(name).dagster_run.run_id == run.dagster_run.run_id
        assert world.statuses(name) == ["SUCCESS"]


def test_a_code_server_that_is_stopped_lets_its_runs_end(world: World, processes: Processes) -> None:
    world.gpu.latency = 3.0
    world.record("room-running")
    transcribing(world, "room-running")
    server = world.daemon.code
    assert server is not None
    os.kill(server.pid, signal.SIGTERM)
    server.wait()
    world.record("room-queued")
    world.daemon.__enter__()
    for name in ("room-running", "room-queued"):
        assert world.ended(name).dagster_run.status == dg.DagsterRunStatus.SUCCESS
        assert world.statuses(name) == ["SUCCESS"]
        assert world.gpu_calls(name) == {0: 1}
    until(lambda: len(processes.warm()) == 1, what="the old warm process's end")


def test_a_reload_of_the_code_lets_its_runs_end(world: World, processes: Processes) -> None:
    world.stop()
    world.daemon = Daemon(world.deployment, forked=True, reloadable=True).__enter__()
    world.gpu.latency = 3.0
    world.record("room-reloaded")
    transcribing(world, "room-reloaded")
    [before] = processes.warm()
    with DagsterPages(world.deployment, world.daemon.workspace, forked=True) as pages:
        pages.reload("reflector")
        world.record("room-after")
        for name in ("room-reloaded", "room-after"):
            assert world.ended(name).dagster_run.status == dg.DagsterRunStatus.SUCCESS
            assert world.statuses(name) == ["SUCCESS"]
            assert world.gpu_calls(name) == {0: 1}
        until(lambda: len(processes.warm()) == 1, what="the old warm process's end")
    assert processes.warm() != [before]


def test_after_ctrl_c_the_recording_is_finished_by_the_next_start(world: World, processes: Processes) -> None:
    world.gpu.latency = HANGS
    world.record("room-interrupted")
    transcribing(world, "room-interrupted")
    world.gpu.latency = 0.0
    # A terminal sends the signal to all processes of the session.
    everything = {*processes.all(), *world.daemon.family()}
    for process in everything:
        process.send_signal(signal.SIGINT)
    assert psutil.wait_procs(everything, timeout=PATIENCE_S)[1] == []
    assert processes.all() == []
    world.daemon.__enter__()
    last = world.ended("room-interrupted", runs=2)
    assert last.dagster_run.status == dg.DagsterRunStatus.SUCCESS
