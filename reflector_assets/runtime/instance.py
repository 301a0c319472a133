"""The Dagster instance that all commands use, from any working directory."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from dagster import DagsterInstance
from filelock import FileLock
from sqlalchemy.exc import SQLAlchemyError

from domain.errors import TransientError
from reflector_assets.settings.main import PROJECT_ROOT, dagster_home, get_settings


def enter_project() -> None:
    """Point this process to the project's Dagster instance, as `dagster` commands in the project's folder do.

    dagster.yaml names the embedded storage relative to the project's folder, so this changes the working directory; an
    existing DAGSTER_HOME takes precedence.
    """
    os.environ["DAGSTER_HOME"] = str(dagster_home())
    os.chdir(PROJECT_ROOT)


def open_instance() -> DagsterInstance:
    """Open the instance; use it as a context manager to close it.

    A lock keeps other processes out: two that create the tables of a new database at once leave it unusable.
    """
    enter_project()
    get_settings().data_dir.mkdir(parents=True, exist_ok=True)
    with FileLock(get_settings().data_dir / ".opening"):
        return DagsterInstance.get()


def daemon_is_up(instance: DagsterInstance) -> bool:
    """Return True if Dagster's daemon evaluates sensors on this instance; it sends a heartbeat at least every 30 s."""
    heartbeat = instance.get_daemon_heartbeats().get("SENSOR")
    return heartbeat is not None and time.time() - heartbeat.timestamp < 90


@contextmanager
def database_errors() -> Iterator[None]:
    """Raise errors of Dagster's database in the block as TransientError."""
    try:
        yield
    except SQLAlchemyError as error:
        # The original text can contain the database's address and the statement.
        raise TransientError(f"Dagster's database doesn't answer ({type(error).__name__})") from error
