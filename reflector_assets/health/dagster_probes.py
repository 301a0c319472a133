"""The checks of Dagster's instance: its storage, daemon, pools and partitions."""

import os
import re
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg2
import yaml
from dagster import DagsterInstance
from dagster_postgres import PostgresEventLogStorage

from domain.errors import PermanentError, TransientError
from domain.recording import ID_PATTERN
from reflector_assets.eventlog.overview import DagsterLog
from reflector_assets.health.runner import GRACE_S, ProbeSkipped
from reflector_assets.operations import belonging
from reflector_assets.partitions import RECORDINGS
from reflector_assets.runtime.dagster_internals.storage import SqliteRunStorage
from reflector_assets.runtime.instance import daemon_is_up, open_instance
from reflector_assets.runtime.pools import differences
from reflector_assets.settings.main import Settings
from resources.store.base import Store


def storage(shared: "Future[DagsterInstance]", settings: Settings, seconds: float) -> str:
    """Return the kind of Dagster's storage; raise if it can't be read or isn't shared as the executor needs it."""
    try:
        _reach_postgres(seconds)
        instance = open_instance()
        runs, assets = instance.get_runs_count(), len(instance.get_asset_keys(limit=100))
    except BaseException as error:
        shared.set_exception(error)
        raise
    shared.set_result(instance)
    is_sqlite = isinstance(instance.run_storage, SqliteRunStorage)
    if settings.executor in {"celery", "k8s"} and is_sqlite:
        raise PermanentError(
            f"Dagster's storage is SQLite, which {settings.executor} workers on other machines can't reach",
            hint="Set DAGSTER_HOME to a folder with deploy/dagster.yaml.",
        )
    storage = "SQLite" if is_sqlite else "PostgreSQL"
    if type(instance.event_log_storage) is PostgresEventLogStorage:
        storage += " with a new connection per query (deploy/dagster.yaml keeps them)"
    return f"{storage}: {runs} runs, {assets} assets"


def _reach_postgres(seconds: float) -> None:
    """Connect to the PostgreSQL that dagster.yaml names by a variable; Dagster retries longer, with poorer errors."""
    config: Any = yaml.safe_load(Path(os.environ["DAGSTER_HOME"], "dagster.yaml").read_text())
    try:
        storage = config["storage"]
        name: str = (storage.get("postgres") or storage["custom"]["config"])["postgres_url"]["env"]
    except (KeyError, TypeError):
        return
    if not os.environ.get(name):
        raise PermanentError(f"{name} isn't set, and dagster.yaml names it", hint="Set it to a postgresql:// URL.")
    try:
        # The driver's own URLs don't have the driver's name that SQLAlchemy puts into them.
        psycopg2.connect(re.sub(r"\+\w+(?=://)", "", os.environ[name]), connect_timeout=max(2, int(seconds))).close()
    except psycopg2.OperationalError as error:
        first, *_ = str(error).strip().splitlines() or ["no reason given"]
        raise TransientError(f"PostgreSQL refuses the connection: {first}", hint=f"Check {name}.") from None


def _opened(shared: "Future[DagsterInstance]", seconds: float) -> DagsterInstance:
    try:
        # Leaves time to report before this probe's own limit.
        return shared.result(timeout=(seconds - GRACE_S) * 0.9)
    except Exception:
        raise ProbeSkipped("unknown", "this is in Dagster's storage, which can't be read") from None


def daemon(shared: "Future[DagsterInstance]", seconds: float) -> str:
    """Return "running"; raise ProbeSkipped if the daemon isn't, or nobody knows."""
    with _opened(shared, seconds) as instance:
        if daemon_is_up(instance):
            return "running"
    raise ProbeSkipped(
        "not running", "recordings aren't processed automatically; start it with `dagster dev` or `dagster-daemon run`"
    )


def belongs(shared: "Future[DagsterInstance]", store: Store, seconds: float) -> None:
    """Raise PermanentError if the results were made with another instance; not if the instance can't be opened."""
    with suppress(ProbeSkipped):
        _opened(shared, seconds)
        with open_instance() as instance:
            if reason := belonging.mismatch(instance, store):
                raise PermanentError(reason, hint=belonging.HINT)


def pools(shared: "Future[DagsterInstance]", settings: Settings, seconds: float) -> str:
    """Return the limits of the pools; raise PermanentError if Dagster's differ from the settings."""
    _opened(shared, seconds)
    with open_instance() as instance:
        different = differences(instance, settings.pools())
    if different:
        raise PermanentError("; ".join(different), hint="`reflector pools` sets the limits of the settings.")
    return ", ".join(f"{pool}: {limit} at once" for pool, limit in settings.pools().items())


def recordings(shared: "Future[DagsterInstance]", seconds: float) -> str:
    """Return the number of recordings; raise a ReflectorError that names those that can't be processed."""
    _opened(shared, seconds)
    with open_instance() as instance:
        ids, problems = instance.get_dynamic_partitions(RECORDINGS), DagsterLog(instance).problems()
    impossible = [one for one in ids if not ID_PATTERN.fullmatch(one)]
    if impossible:
        raise PermanentError(
            f"{len(impossible)} partitions can't be recordings, such as {impossible[0][:60]!r}: they get no run",
            hint="Delete them on Dagster's page of the asset `recording`.",
        )
    if problems:
        raise TransientError(f"{len(problems)} of {len(ids)} can't be examined; {next(iter(problems.values()))}")
    return f"{len(ids)}"
