"""A run's events as rows of Dagster's table: its own objects take several times as long to make.

tests/runtime/test_event_rows.py fails when a release changes the table or the JSON in it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any, NamedTuple, cast

import dagster as dg
import sqlalchemy as sa

COLUMNS = (
    sa.column("id", sa.BigInteger),
    sa.column("run_id", sa.String),
    sa.column("dagster_event_type", sa.String),
    sa.column("timestamp", sa.DateTime),
    sa.column("step_key", sa.String),
    sa.column("asset_key", sa.String),
    sa.column("event", sa.Text),
)
EVENTS = sa.table("event_logs", *COLUMNS)
# Made once: runs ask after each step.
ANY = (
    sa.select(EVENTS.c.id)
    .where(
        EVENTS.c.run_id == sa.bindparam("of_run"),
        EVENTS.c.dagster_event_type.in_(sa.bindparam("kinds", expanding=True)),
    )
    .limit(1)
)


class EventRow(NamedTuple):
    """An event: Dagster's name of its type (None for a log line), time in epoch seconds, step, and key of the asset.

    `content` is Dagster's JSON of the entry, empty if it wasn't asked for.
    """

    kind: str | None
    at: float
    step_key: str | None
    asset_key: str | None
    content: Mapping[str, Any]

    @property
    def message(self) -> str:
        """The text of a log line."""
        return self.content.get("user_message", "")

    @property
    def metadata(self) -> dict[str, Any]:
        """The event's metadata: numbers and texts."""
        return _metadata(self._data)

    @property
    def failure(self) -> dict[str, Any]:
        """The metadata of the `dg.Failure` that a failed attempt raised, if it raised one."""
        return _metadata(self._data.get("user_failure_data") or {})

    @property
    def error_class(self) -> str | None:
        """The class of the innermost error of a failed attempt."""
        error: Mapping[str, Any] = self._data.get("error") or {}
        while error.get("cause"):
            error = error["cause"]
        return error.get("cls_name")

    @property
    def _data(self) -> Mapping[str, Any]:
        return self.content["dagster_event"]["event_specific_data"] or {}


def has_any(instance: dg.DagsterInstance, run_id: str, kinds: Sequence[str]) -> bool:
    """Return True if a run's log has an event of one of these types."""
    storage: Any = instance.event_log_storage
    with storage.run_connection(run_id) as connection:
        found = cast("sa.Connection", connection).scalar(ANY, {"of_run": run_id, "kinds": list(kinds)})
    return found is not None


def of_run(
    instance: dg.DagsterInstance, run_id: str, brief: Sequence[str], whole: Sequence[str], line: str
) -> Iterator[EventRow]:
    """Yield a run's events of some types in order, `brief` without content, and its log lines that contain `line`."""
    kind, event = EVENTS.c.dagster_event_type, EVENTS.c.event
    is_line = sa.and_(kind.is_(None), EVENTS.c.step_key.is_not(None), event.contains(line, autoescape=True))
    content = sa.case((kind.in_(brief), None), else_=event)
    query = (
        sa.select(kind, EVENTS.c.timestamp, EVENTS.c.step_key, EVENTS.c.asset_key, content)
        .where(EVENTS.c.run_id == run_id, sa.or_(kind.in_([*brief, *whole]), is_line))
        .order_by(EVENTS.c.id)
    )
    storage: Any = instance.event_log_storage
    with storage.run_connection(run_id) as connection:
        rows = cast("sa.Connection", connection).execute(query).all()
    for name, at, step_key, asset_key, text in rows:
        yield EventRow(name, at.replace(tzinfo=UTC).timestamp(), step_key, asset_key, json.loads(text) if text else {})


def _metadata(data: Mapping[str, Any]) -> dict[str, Any]:
    entries = {entry["label"]: entry["entry_data"] for entry in data.get("metadata_entries") or ()}
    return {name: value.get("value", value.get("text")) for name, value in entries.items()}
