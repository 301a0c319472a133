"""What `definitions` imports before all else, so that a run begins sooner.

The server that a run's steps are forked from starts beside the run's own imports: Dagster starts it when the first
step is due, which then waits for all of its imports. And no garbage is looked for while everything is imported: there
is none, and to look takes a fifth of the time.
"""

import gc
import multiprocessing
import sys
from multiprocessing import forkserver

from reflector_assets.runtime.executor import WARM_MODULE
from reflector_assets.settings.main import get_settings


def is_run_of_code_server() -> bool:
    """Say whether this process was started by a Dagster code server to execute one run."""
    return multiprocessing.parent_process() is not None and sys.argv[1:3] == ["api", "grpc"]


def settle() -> None:
    """Look for garbage again, but leave out what was imported so far: it stays, and is most of what there is.

    In a forked process it is besides what is shared with all others until somebody looks at it.
    """
    gc.freeze()
    gc.enable()


gc.disable()
if is_run_of_code_server() and get_settings().executor == "processes":
    forkserver.set_forkserver_preload([WARM_MODULE])
    forkserver.ensure_running()
