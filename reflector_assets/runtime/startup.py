"""Imported by `definitions` before everything else, to shorten the start of runs.

A code server starts the warm process that its runs are forked from. With Dagster's own multiprocess executor, a run
starts the server that its steps are forked from, in parallel with the run's own imports: Dagster starts that server
only when the first step is due, which then waits for the server's imports. Garbage collection is off during imports:
there is no garbage, and collecting takes a fifth of the time.
"""

import gc
import multiprocessing
import sys
from multiprocessing import forkserver

from reflector_assets.runtime import warm_process
from reflector_assets.runtime.process import set_name
from reflector_assets.settings.main import get_settings

# The executors whose runs are forked; with `multiprocess` all is Dagster's own, and with `k8s` runs have pods.
FORKED = {"processes", "in_process", "celery"}


def is_code_server() -> bool:
    """Return True if this process is a Dagster code server."""
    return multiprocessing.parent_process() is None and sys.argv[1:3] == ["api", "grpc"]


def is_run_of_code_server() -> bool:
    """Return True if a Dagster code server started this process to execute one run."""
    return multiprocessing.parent_process() is not None and sys.argv[1:3] == ["api", "grpc"]


def resume_gc() -> None:
    """Turn garbage collection on again, except for the existing objects, which are permanent.

    Collecting them would also copy the memory pages that forked processes share.
    """
    gc.freeze()
    gc.enable()


gc.disable()
if is_code_server() and get_settings().executor in FORKED and warm_process.is_supported():
    warm_process.fork_runs(get_settings().warm_idle)
if is_run_of_code_server() and warm_process.is_supported():
    set_name("reflector-run")
if is_run_of_code_server() and get_settings().executor == "multiprocess":
    forkserver.set_forkserver_preload([warm_process.MODULE])
    forkserver.ensure_running()
