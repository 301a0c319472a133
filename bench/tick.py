"""What one evaluation of the sensor `keep_up_to_date` costs, by how many finished recordings there are.

Run `python -m bench.tick`. One recording is really made, in a folder of its own; its rows in Dagster's SQLite files are
then repeated under other ids, as thousands of real runs would take days. CPU is that of the whole process, in which
SQLite works too; all figures are medians.
"""

import argparse
import json
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import dagster as dg

from reflector_assets import doors, staleness
from reflector_assets.definitions import graph
from reflector_assets.settings import get_settings
from sensors import happened, stale
from tests.domain.audio_files import babble, opus_track
from tests.hosts.gpu_host import GPUHost

ROOT = Path(__file__).resolve().parent.parent
FIRST = "recording-00000"
POINTER = re.compile(r'(input_event_pointer/[a-z_]+": ")(\d+)(")')


def make_first(home: Path, environment: dict[str, str]) -> None:
    """Import and run one recording of two seconds, as a user does."""
    (home / "dagster").mkdir()
    config = (ROOT / "dagster.yaml").read_text().replace(".reflector/dagster", str(home / "dagster"))
    (home / "dagster" / "dagster.yaml").write_text(config)
    (home / "source").mkdir()
    for track in range(2):
        opus_track(home / "source" / f"person-{track}.webm", babble(2.0, seed=track))
    reflector = Path(sys.executable).parent / "reflector"
    for command in (["import", str(home / "source"), "--id", FIRST], ["run", FIRST]):
        subprocess.run([reflector, *command], cwd=ROOT, env=environment, check=True, capture_output=True)


class History:
    """Dagster's SQLite files, in which the first recording is repeated."""

    def __init__(self, home: Path) -> None:
        self.runs, self.events = (home / "dagster" / "history" / name for name in ("runs.db", "runs/index.db"))
        self.many = 1
        with closing(sqlite3.connect(self.events)) as events, closing(sqlite3.connect(self.runs)) as runs:
            self.first = {
                "event_logs": _rows(events, "event_logs"),
                "asset_event_tags": _rows(events, "asset_event_tags"),
                "asset_check_executions": _rows(events, "asset_check_executions"),
                "dynamic_partitions": _rows(events, "dynamic_partitions"),
                "runs": _rows(runs, "runs"),
                "run_tags": _rows(runs, "run_tags"),
            }
        (self.run,) = self.first["runs"]
        self.span = 1 + max(row["id"] for rows in self.first.values() for row in rows)

    def grow(self, many: int) -> None:
        """Add recordings until there are so many, all as finished as the first."""
        copies = [self._copy(number) for number in range(self.many, many)]
        for path, tables in (
            (self.events, ("event_logs", "asset_event_tags", "asset_check_executions", "dynamic_partitions")),
            (self.runs, ("runs", "run_tags")),
        ):
            with closing(sqlite3.connect(path)) as database, database:
                for table in tables:
                    names = list(self.first[table][0])
                    slots = ", ".join("?" * len(names))
                    insert = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({slots})"
                    for copy in copies:
                        database.executemany(insert, [copy(row) for row in self.first[table]])
        self.many = many

    def _copy(self, number: int) -> Callable[[dict[str, Any]], list[Any]]:
        shift = number * self.span
        names = {FIRST: f"recording-{number:05}", self.run["run_id"]: f"{number:08x}{self.run['run_id'][8:]}"}

        def value(column: str, content: Any, row: dict[str, Any]) -> Any:
            if column in {"id", "event_id"} or (column.endswith("_storage_id") and content is not None):
                return content + shift
            if not isinstance(content, str):
                return content
            if column == "value" and "input_event_pointer" in row["key"]:
                return str(int(content) + shift)
            for old, new in names.items():
                content = content.replace(old, new)
            return POINTER.sub(lambda found: f"{found[1]}{int(found[2]) + shift}{found[3]}", content)

        return lambda row: [value(column, content, row) for column, content in row.items()]


def _rows(database: sqlite3.Connection, table: str) -> list[dict[str, Any]]:
    database.row_factory = sqlite3.Row
    return [dict(row) for row in database.execute(f"SELECT * FROM {table}")]


def measure(repeat: int) -> dict[str, float]:
    """Evaluate the sensor in this process: with nothing to do, and with one new recording."""
    sensor = stale.build("process", graph, get_settings())
    with dg.DagsterInstance.get() as instance:
        many = sum(name.startswith("recording-") for name in instance.get_dynamic_partitions("recordings"))
        for number in {0, many // 2, many - 1}:
            states = staleness.states(instance, graph, f"recording-{number:05}")
            assert all(state.reason is None for state in states), [state.reason for state in states]
        # To the end of all logs, without looking at each recording on the way: that would take hours.
        cursor = happened.Cursor()
        while any(True for _ in happened.happened(instance, cursor, graph, get_settings())):
            pass
        place = cursor.model_dump_json()

        def tick() -> tuple[float, float, int]:
            nonlocal place
            wall, cpu = time.perf_counter(), time.process_time()
            with dg.build_sensor_context(
                instance=instance, cursor=place, resources={"inbox": doors.inbox()}
            ) as context:
                result: Any = sensor(context)
            took = time.process_time() - cpu, time.perf_counter() - wall, len(result.run_requests)
            place = result.cursor
            return took

        tick()
        idle = [tick() for _ in range(repeat)]
        assert all(requests == 0 for *_, requests in idle)
        new = []
        for number in range(repeat):
            instance.add_dynamic_partitions("recordings", [f"new-{many}-{number}"])
            new.append(tick())
        assert all(requests == 1 for *_, requests in new)
        return {
            "idle_cpu_ms": statistics.median(cpu for cpu, *_ in idle) * 1000,
            "idle_wall_ms": statistics.median(wall for _, wall, _ in idle) * 1000,
            "new_cpu_ms": statistics.median(cpu for cpu, *_ in new) * 1000,
            "new_wall_ms": statistics.median(wall for _, wall, _ in new) * 1000,
            "cursor_bytes": len(place),
        }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10_000], help="finished recordings")
    arguments.add_argument("--repeat", type=int, default=15, help="the median of so many ticks")
    arguments.add_argument("--json", type=Path, help="write the figures to this file, too")
    arguments.add_argument("--one", action="store_true", help="measure on the instance of DAGSTER_HOME")
    options = arguments.parse_args()
    if options.one:
        return print(json.dumps(measure(options.repeat)))
    found: dict[int, dict[str, float]] = {}
    with ExitStack() as stack:
        gpu = stack.enter_context(GPUHost())
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment = os.environ | {
            "DAGSTER_HOME": str(home / "dagster"),
            "REFLECTOR_DATA_DIR": str(home / "data"),
            "REFLECTOR_ENV_FILE": os.devnull,
            "TRANSCRIPT_BACKEND": "modal",
            "TRANSCRIPT_URL": gpu.url,
            "TRANSCRIPT_MODAL_API_KEY": gpu.key,
        }
        make_first(home, environment)
        history = History(home)
        for size in options.sizes:
            history.grow(size)
            # What was added while measuring doesn't count as finished, and stays out of the next size.
            command = [sys.executable, "-m", "bench.tick", "--one", "--repeat", str(options.repeat)]
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(done.stderr)
            found[size] = json.loads(done.stdout.splitlines()[-1])
    print("| finished recordings | idle CPU ms | idle wall ms | one new: CPU ms | one new: wall ms | cursor bytes |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for size, one in found.items():
        print(f"| {size:,} | " + " | ".join(f"{value:.1f}" for value in one.values()) + " |")
    least, most = min(found), max(found)
    ratios = {name: round(found[most][name] / found[least][name], 2) for name in found[most]}
    print(f"\nRatio {most:,} / {least:,}: " + ", ".join(f"{name} {ratio}" for name, ratio in ratios.items()))
    if options.json:
        options.json.write_text(json.dumps({"sizes": found, "ratios": ratios}, indent=1))
    return None


if __name__ == "__main__":
    main()
