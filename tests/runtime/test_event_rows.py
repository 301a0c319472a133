"""Rows of Dagster's table of events say the same as its own objects."""

# pyright: basic

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from reflector_assets.log_entries import innermost
from reflector_assets.records import plain
from reflector_assets.runtime.dagster_internals import event_rows
from testing.parts.postgres import Postgres

BRIEF = ["STEP_START", "STEP_RESTARTED", "STEP_SUCCESS", "ASSET_MATERIALIZATION_PLANNED", "ASSET_MATERIALIZATION"]
WHOLE = ["STEP_OUTPUT", "HANDLED_OUTPUT", "STEP_UP_FOR_RETRY", "STEP_FAILURE"]
LINE = "100 %_used "


@dg.asset
def made(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
    """Succeed at the second attempt."""
    if context.retry_number == 0:
        context.log.info(f'{LINE}{{"cpu_seconds": 0.5}}')
        raise dg.RetryRequested(max_retries=1, seconds_to_wait=0)
    return dg.MaterializeResult(metadata={"cpu_seconds": 1.5, "llm_calls": 2, "kind": "text", "flag": True})


@dg.asset
def refused() -> None:
    """Fail as our steps do."""
    raise dg.Failure("a plain reason", metadata={"kind": "Refused"}, allow_retries=False)


@dg.asset
def wrong() -> None:
    """Fail by an error that has a cause."""
    try:
        _ = {}["clé"]
    except KeyError as error:
        raise ValueError("wrong") from error


@dg.asset
def valued() -> int:
    """Have a value, which an IO manager stores."""
    return 1


@pytest.fixture(params=["sqlite", "postgresql", "embedded"])
def instance(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with ExitStack() as stack:
        if request.param == "postgresql":
            yield stack.enter_context(stack.enter_context(Postgres()).dagster(tmp_path))
        elif request.param == "sqlite":
            yield stack.enter_context(dg.DagsterInstance.local_temp(str(tmp_path)))
        else:
            storage = (
                "{custom: {module: reflector_assets.runtime.embedded_storage, class: EmbeddedStorage, config: %s}}"
            )
            (tmp_path / "dagster.yaml").write_text(f"storage: {storage % f'{{base_dir: {tmp_path}}}'}")
            yield stack.enter_context(dg.DagsterInstance.from_config(str(tmp_path)))


def expected(record: dg.EventLogRecord) -> tuple[Any, ...]:
    """What Dagster's own object says of an event that is asked for."""
    entry = record.event_log_entry
    event = entry.dagster_event
    kind = event.event_type_value if event else None
    whole = kind is None or kind in WHOLE
    data = event.event_specific_data if event and whole else None
    failure = getattr(data, "user_failure_data", None)
    # A row's metadata holds numbers and texts.
    return (
        kind,
        pytest.approx(entry.timestamp, abs=1e-5),
        entry.step_key,
        event.asset_key.to_string() if event and event.asset_key else None,
        entry.user_message if whole else "",
        {name: value for name, value in plain(getattr(data, "metadata", None)).items() if name != "path"},
        plain(failure.metadata) if failure else {},
        getattr(innermost(getattr(data, "error", None)), "cls_name", None),
    )


@pytest.mark.slow(5)
def test_rows_and_objects_agree(instance: dg.DagsterInstance) -> None:
    result = dg.materialize([made, refused, wrong, valued], instance=instance, raise_on_error=False)
    rows = list(event_rows.of_run(instance, result.run_id, BRIEF, WHOLE, LINE))
    records = [
        record
        for record in instance.get_records_for_run(result.run_id).records
        if (
            event.event_type_value in {*BRIEF, *WHOLE}
            if (event := record.event_log_entry.dagster_event)
            else LINE in record.event_log_entry.user_message
        )
    ]
    found = []
    for row in rows:
        seen: tuple[Any, ...] = ({}, {}, None)
        if row.kind in WHOLE:
            seen = ({k: v for k, v in row.metadata.items() if k != "path"}, row.failure, row.error_class)
        found.append((row.kind, row.at, row.step_key, row.asset_key, row.message, *seen))
    assert found == [expected(record) for record in records]
    kinds = [row.kind for row in rows]
    assert {None, *BRIEF, *WHOLE} == set(kinds)
    assert {row.error_class for row in rows if row.kind == "STEP_FAILURE"} >= {"KeyError"}
