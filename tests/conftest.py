"""An instance, a data folder and a command line of its own for each test that asks for them."""

import atexit
import gc
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import certifi
import psutil
import pytest
from hypothesis import HealthCheck, settings

from testing import programs

if TYPE_CHECKING:
    from testing.deployment import Deployment

# Without cached bytecode, each of the hundreds of processes would compile everything again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# A shell starts background jobs with SIGINT ignored; Dagster's processes would then ignore SIGTERM, too.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Where there is enough memory, in it: there a commit takes a hundredth of the time.
MEMORY, ENOUGH = Path("/dev/shm"), 8 * 2**30
if MEMORY.is_dir() and min(shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available) > ENOUGH:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
# Imports allocate a million objects and free few: with Python's threshold, collecting takes a tenth of the time.
gc.set_threshold(20_000, 20, 20)

# How long an example takes depends on what else the machine does. `make test-long` uses the profile "long".
MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("suite", MACHINE, max_examples=25)
settings.register_profile("long", MACHINE)
settings.load_profile("suite")


# Each HTTP client reads all certificate authorities, which takes longer than most requests. No test relies on one.
with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False) as authority:
    authority.write(certifi.contents().partition("-----END CERTIFICATE-----\n")[0] + "-----END CERTIFICATE-----\n")
atexit.register(os.unlink, authority.name)
os.environ["SSL_CERT_FILE"] = authority.name
certifi.where = lambda: authority.name
# The workers, which are started with this environment, share a server.
if programs.SHARED not in os.environ:
    programs.share()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two workers more than there are cores, since many tests wait for others; none for a single file."""
    files = {argument.split("::")[0] for argument in config.args}
    if all(file.endswith(".py") for file in files) and len(files) == 1:
        return 0
    return min(len(os.sched_getaffinity(0)) + 2, 6)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses PostgreSQL as slow, and begin with the files that take longest.

    In the end no worker is left alone with one of these.
    """
    seconds: dict[Path, float] = {}
    for item in items:
        # Of a parameter that chooses the database only the name of the test tells.
        if "postgresql" in item.name or (isinstance(item, pytest.Function) and "postgres" in item.fixturenames):
            item.add_marker("slow")
        mark = item.get_closest_marker("slow")
        seconds[item.path] = max(seconds.get(item.path, 0), mark.args[0] if mark and mark.args else bool(mark))
    items.sort(key=lambda item: -seconds[item.path])


def pytest_collection_finish() -> None:
    """Exclude what was imported from garbage collection."""
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Collect garbage once, where pytest then does five times: it takes a second with what was imported."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def deployment(tmp_path: Path) -> "Deployment":
    # The process that distributes the tests doesn't need it.
    from testing.deployment import deploy

    # To start processes for steps takes longer than the steps; where these are the subject, tests ask for them.
    return deploy(tmp_path, REFLECTOR_EXECUTOR="in_process")
