"""Skipped ticks: what repeats the one before replaces it, in both databases; all others stay."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import InstigatorTick, InstigatorType, TickData, TickStatus
from dagster_shared.error import SerializableErrorInfo

from testing.deployment import new_instance
from testing.parts.postgres import Postgres

SENSOR, SCHEDULE = InstigatorType.SENSOR, InstigatorType.SCHEDULE

pytestmark = pytest.mark.slow


@pytest.fixture(params=["sqlite", "postgresql"])
def instance(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    if request.param == "sqlite":
        with new_instance(tmp_path) as made:
            yield made
    else:
        with Postgres() as server, server.dagster(tmp_path) as made:
            yield made


def tick(
    instance: dg.DagsterInstance,
    at: int,
    reason: str | None,
    status: TickStatus = TickStatus.SKIPPED,
    name: str = "discovery",
    kind: InstigatorType = SENSOR,
) -> None:
    """Evaluate a sensor as the daemon does: the tick is stored as started, and then with its end."""
    data = TickData(name, name, kind, TickStatus.STARTED, float(at), selector_id=name)
    begun = instance.create_tick(data)
    instance.update_tick(begun)
    error = SerializableErrorInfo("wrong\n", [], "ValueError") if status == TickStatus.FAILURE else None
    done = data._replace(status=status, skip_reason=reason, error=error)
    instance.update_tick(InstigatorTick(begun.tick_id, done))


def stored(instance: dg.DagsterInstance, name: str = "discovery") -> list[float]:
    """Return the times of a sensor's ticks, the oldest first."""
    return sorted(one.timestamp for one in instance.get_ticks(name, name))


def test_the_last_of_equal_ones_stays(instance: dg.DagsterInstance) -> None:
    for at in range(1, 4):
        tick(instance, at, "nothing new")
        tick(instance, at, "nothing new", name="other")
    tick(instance, 4, "the database doesn't answer")
    tick(instance, 5, "nothing new")
    tick(instance, 6, None, TickStatus.SUCCESS)
    tick(instance, 7, "nothing new")
    tick(instance, 8, None, TickStatus.FAILURE)
    tick(instance, 9, None, TickStatus.FAILURE)
    tick(instance, 10, "nothing new")
    tick(instance, 11, "nothing new")
    assert stored(instance) == [3, 4, 5, 6, 7, 8, 9, 11]
    assert stored(instance, "other") == [3]


def test_those_of_schedules_stay(instance: dg.DagsterInstance) -> None:
    for at in range(1, 4):
        tick(instance, at, "not tonight", name="nightly", kind=SCHEDULE)
    assert stored(instance, "nightly") == [1, 2, 3]
