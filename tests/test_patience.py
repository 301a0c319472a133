"""A run that waits for a pool leaves the cores to others, and goes on when the pool has room."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import psutil
import pytest

from testing import PATIENCE_S
from testing.daemon import until
from testing.deployment import ROOT

pytestmark = pytest.mark.slow(15)
POOL = "narrow"
# Seconds for which another run holds the pool's only slot.
HELD_S = 6.0


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        instance.event_log_storage.set_concurrency_slots(POOL, 1)
        yield instance


@pytest.mark.parametrize("job", ["in_processes", "in_process"])
def test_a_run_that_waits_for_a_pool_takes_no_core(instance: dg.DagsterInstance, tmp_path: Path, job: str) -> None:
    claimed = instance.event_log_storage.claim_concurrency_slot(POOL, "another-run", "its-step")
    assert claimed.is_claimed
    program = f"import sys; from tests.waiting_jobs import main; sys.exit(main({str(tmp_path)!r}, {job!r}))"
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT) as child:
        try:
            until(lambda: _told(instance, "blocked by limit for pool"), what="a step that waits")
            process = psutil.Process(child.pid)
            before, begin = _cpu(process), time.monotonic()
            time.sleep(HELD_S)
            share = (_cpu(process) - before) / (time.monotonic() - begin)
            instance.event_log_storage.free_concurrency_slots_for_run("another-run")
            assert child.wait(PATIENCE_S) == 0
        finally:
            child.kill()
    assert share < 0.3, "without patience it is 1"


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _told(instance: dg.DagsterInstance, what: str) -> bool:
    return any(what in entry.user_message for run in instance.get_runs() for entry in instance.all_logs(run.run_id))
