"""The Dagster instance that every command of ours uses, wherever it is called from."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from dagster import DagsterInstance
from filelock import FileLock
from sqlalchemy.exc import SQLAlchemyError

from domain.errors import TransientError
from reflector_assets.settings.main import PROJECT_ROOT, get_settings


def enter_project() -> None:
    """Make this process see the project's Dagster instance, as plain `dagster` commands in its folder do.

    dagster.yaml names the embedded storage relative to the project's folder, so the process moves there;
    a DAGSTER_HOME that is set already stands.
    """
    os.environ["DAGSTER_HOME"] = os.environ.get("DAGSTER_HOME") or str(PROJECT_ROOT)
    os.chdir(PROJECT_ROOT)


def open_instance() -> DagsterInstance:
    """Open the instance; close it by using it as a context manager.

    One process at a time: two that make a new database's tables at once leave it unusable.
    """
    enter_project()
    get_settings().data_dir.mkdir(parents=True, exist_ok=True)
    with FileLock(get_settings().data_dir / ".opening"):
        return DagsterInstance.get()


def daemon_is_up(instance: DagsterInstance) -> bool:
    """Say whether Dagster's daemon evaluates sensors on this instance now: they beat every 30 s at least."""
    beat = instance.get_daemon_heartbeats().get("SENSOR")
    return beat is not None and time.time() - beat.timestamp < 90


@contextmanager
def asking() -> Iterator[None]:
    """Tell in our terms that Dagster's database doesn't answer, as a TransientError."""
    try:
        yield
    except SQLAlchemyError as error:
        # Its text can hold the database's address and the statement.
        raise TransientError(f"Dagster's database doesn't answer ({type(error).__name__})") from error
