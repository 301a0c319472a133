"""Measurements in one process: sensor ticks, the retention scan, the first catch-up with Dagster's log.

`python -m bench.growth_ticks REPEAT` uses the instance of DAGSTER_HOME and prints JSON: for each, median CPU and wall
milliseconds, and peak memory in MiB. CPU is that of the whole process, SQLite included.
"""

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg

from bench.growth_history import FIRST, WITH_LOGS, recording_id
from reflector_assets import staleness, wiring
from reflector_assets.definitions import defs, graph
from reflector_assets.eventlog import projections
from reflector_assets.operations.queries import AllRecordings, DagsterRecordings, catalogue_and_ledger
from reflector_assets.operations.retention import Retention
from reflector_assets.partitions import RECORDINGS
from reflector_assets.settings.main import get_settings
from resources.database.catalogue import Catalogue
from resources.database.database import Database
from resources.database.ledger import Ledger
from sensors import changes, keep_up_to_date

Figures = dict[str, float]


def measured(work: Callable[[], object], repeat: int) -> Figures:
    """Return the medians of several calls, and the process's peak memory so far."""
    wall, cpu = list[float](), list[float]()
    for _ in range(repeat):
        began, used = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu": statistics.median(cpu) * 1000, "wall": statistics.median(wall) * 1000, "peak": peak}


class Ticks:
    """Evaluates a sensor as the daemon does; stores its cursor, and why the last tick requested nothing."""

    def __init__(self, instance: dg.DagsterInstance, sensor: Any, cursor: str | None = None) -> None:
        self.instance, self.sensor, self.cursor = instance, sensor, cursor
        self.skipped = ""

    def __call__(self) -> list[dg.RunRequest]:
        resources = {name: one for name, one in (defs.resources or {}).items() if name in self.needed}
        with dg.build_sensor_context(instance=self.instance, cursor=self.cursor, resources=resources) as context:
            result = self.sensor(context)
            self.cursor = getattr(result, "cursor", None) or context.cursor
            reason = getattr(result, "skip_reason", None)
            self.skipped = reason.skip_message if isinstance(reason, dg.SkipReason) else reason or ""
            return list(getattr(result, "run_requests", None) or [])

    @property
    def needed(self) -> set[str]:
        return set(self.sensor.required_resource_keys)


def main() -> None:
    repeat = int(sys.argv[1])
    found: dict[str, Figures] = {}
    with dg.DagsterInstance.get() as instance, catalogue_and_ledger() as (catalogue, ledger):
        finished = [one for one in instance.get_dynamic_partitions(RECORDINGS) if one.startswith("recording-")]
        count = len(finished)
        for one in {finished[0], finished[count // 2], finished[-1]}:
            states = staleness.states(instance, graph, one)
            assert all(state.reason is None for state in states), [state.reason for state in states]
        recordings = DagsterRecordings(lambda: instance, wiring.store(), wiring.correction_history())
        everything = AllRecordings(recordings.connect, wiring.store(), catalogue, ledger)
        # The copied history is not in the product's own tables yet.
        while not everything.catch_up():
            pass
        for sensor in defs.sensors or ():
            if sensor.name != keep_up_to_date.SENSOR:
                tick = Ticks(instance, sensor)
                # The first ticks read the past.
                for _ in range(3):
                    tick()
                found[f"sensor {sensor.name}, idle"] = measured(tick, repeat)
        found |= _keep_up_to_date(instance, count, repeat)
        found["`/metrics`, recordings by state"] = measured(everything.queues, min(repeat, 5))
        with wiring.opened(wiring.inbox()) as inbox, wiring.opened(wiring.source()) as source:
            store, bucket = wiring.store(), wiring.daily_bucket()
            retention = Retention(instance, store, bucket, source, inbox, ledger, get_settings())
            found["retention, nightly scan"] = measured(lambda: list(retention.due()), 1)
        # Only the first runs have logs; where they are retired, there is nothing to read.
        if finished[0] == FIRST:
            found |= _first_catch_up(instance, min(count, WITH_LOGS))
    print(json.dumps(found))


def _keep_up_to_date(instance: dg.DagsterInstance, count: int, repeat: int) -> dict[str, Figures]:
    tick = Ticks(
        instance,
        keep_up_to_date.build("process", graph, get_settings()),
        at_the_end(instance, graph.digest()).model_dump_json(),
    )
    assert not tick()
    idle = measured(lambda: _requests(tick, 0), repeat)

    def new() -> None:
        instance.add_dynamic_partitions(RECORDINGS, [f"new-{count}-{time.monotonic_ns()}"])
        _requests(tick, 1)

    return {"sensor keep_up_to_date, idle": idle, "sensor keep_up_to_date, one new": measured(new, repeat)}


def _requests(tick: Ticks, expected: int) -> None:
    assert len(found := tick()) == expected, found


def at_the_end(instance: dg.DagsterInstance, code: str) -> changes.Cursor:
    """Return a cursor of some code behind all events: reading each recording on the way would take hours."""
    page = instance.get_paginated_dynamic_partitions(RECORDINGS, limit=1, ascending=False)
    last = instance.fetch_materializations(dg.AssetKey("recording"), limit=1).records[0].storage_id
    ends: dict[str, changes.LogPosition] = {}
    for ending in changes.ENDINGS:
        ended = instance.fetch_run_status_changes(ending, limit=1).records  # pyright: ignore[reportArgumentType]
        ends.update((ending.value, changes.LogPosition(at=one.storage_id)) for one in ended)
    return changes.Cursor(
        partitions=changes.PartitionPosition(at=page.cursor, last=page.results[0]),
        sources=changes.LogPosition(at=last),
        requests=changes.LogPosition(at=last),
        ends=ends,
        code=code,
    )


def _first_catch_up(instance: dg.DagsterInstance, count: int) -> dict[str, Figures]:
    """Measure a catch-up from empty tables, as after an upgrade; figures are per 1,000 recordings."""
    with TemporaryDirectory(dir=get_settings().data_dir) as folder:
        database = Database(url=f"sqlite:///{Path(folder) / 'reflector.db'}")
        catalogue, ledger = Catalogue(database=database), Ledger(database=database)
        _ = database.engine
        store = wiring.store()
        transcripts = measured(lambda: projections.follow_recordings(instance, store, catalogue, limit=1000), 1)
        runs = measured(lambda: projections.follow_runs(instance, ledger, limit=count), 1)
        read = catalogue.count() - len(catalogue.without_transcript())
        assert ledger.used("recording", recording_id=recording_id(count - 1))
    for figures, of in ((transcripts, read), (runs, count)):
        figures |= {name: figures[name] * 1000 / of for name in ("cpu", "wall")}
    return {"catalogue's first catch-up, per 1,000": transcripts, "ledger's first catch-up, per 1,000": runs}


if __name__ == "__main__":
    main()
