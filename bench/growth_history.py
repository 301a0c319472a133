"""A deployment with any number of finished recordings: one is really processed, its rows and files are copied.

Thousands of real runs would take days. `python -m bench.growth_history FOLDER COUNT [ID]` adds copies of a recording up
to a number, in its own process, so that the one that measures memory stays small.
"""

import argparse
import json
import os
import random
import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

from domain.text.search import words_of
from reflector_assets.partitions import RECORDINGS

FIRST = "recording-00000"
POINTER = re.compile(r'(input_event_pointer/[a-z_]+": ")(\d+)(?=")')
# Runs whose event logs, a file each on SQLite, are copied too, for the ledger's first catch-up.
WITH_LOGS = 100
AT_ONCE = 500
# Words of a recording's text that differ, and their repeats: about twenty minutes of speech.
DIFFERENT, TIMES = 400, 8
# The first recording's rows in each table that grows with recordings, by database; `:runs` is a JSON list.
OF_RUNS = "run_id IN (SELECT value FROM json_each(:runs))"
INDEX = {
    "event_logs": OF_RUNS,
    "asset_event_tags": f"event_id IN (SELECT id FROM event_logs WHERE {OF_RUNS})",
    "asset_check_executions": OF_RUNS,
    "dynamic_partitions": "partition = :first",
}
RUNS = {"runs": OF_RUNS, "run_tags": OF_RUNS}
OURS = {"ended_runs": OF_RUNS, "ledger": OF_RUNS}


class History:
    """The SQLite files of Dagster and the product and the store's folder, in which the first recording is copied."""

    def __init__(self, home: Path, first_id: str = FIRST) -> None:
        self.home, self.first_id = home, first_id
        history = home / "dagster" / "history"
        self.index, self.ours = history / "runs" / "index.db", home / "data" / "reflector.db"
        self.files = ((self.index, INDEX), (history / "runs.db", RUNS), (self.ours, OURS))
        of_first = "SELECT run_id FROM run_tags WHERE key = 'dagster/partition' AND value = :first"
        self.run_ids = [row["run_id"] for row in _rows(history / "runs.db", of_first, {"first": first_id})]
        values = {"runs": json.dumps(self.run_ids), "first": first_id}
        self.first = {
            table: _rows(path, f"SELECT * FROM {table} WHERE {where}", values)
            for path, tables in self.files
            for table, where in tables.items()
        }
        rows = [row for rows in self.first.values() for row in rows]
        self.span = 1 + max(row[key] for row in rows for key in ("id", "seq") if key in row)
        self.count = _one(self.index, "SELECT count(*) FROM dynamic_partitions WHERE partition LIKE 'recording-%'")
        # Rows that were added during measurements have numbers below this one.
        queries = [(path, f"SELECT max({_key(path, table)}) FROM {table}") for path, ts in self.files for table in ts]
        self.free = 1 + max(_one(path, query) for path, query in queries) // self.span

    def grow(self, count: int) -> None:
        """Add finished recordings up to a number."""
        numbers = range(self.count, count)
        for path, tables in self.files:
            copies = {table: [self._copy(row) for row in self.first[table]] for table in tables}
            with closing(_open(path)) as database:
                for some in _batches(numbers):
                    for table, rows in copies.items():
                        _insert(database, table, list(self.first[table][0]), (row(n) for n in some for row in rows))
                    database.commit()
                if path == self.ours:
                    self._grow_ours(database, numbers)
        for number in numbers:
            self._link(number)

    def _copy(self, row: dict[str, Any]) -> Callable[[int], list[Any]]:
        """Return a function that rewrites a row of the first recording for another one."""
        makers = [self._value(column, content, row) for column, content in row.items()]
        return lambda number: [make(number) for make in makers]

    def _value(self, column: str, content: Any, row: dict[str, Any]) -> Callable[[int], Any]:
        numbered = column in {"id", "event_id", "seq"} or column.endswith("_storage_id")
        if numbered and content is not None:
            return lambda number: content + self._shift(number)
        if not isinstance(content, str):
            return lambda _: content
        if column == "value" and "input_event_pointer" in row["key"]:
            return lambda number: str(int(content) + self._shift(number))
        pattern = re.compile(f"({re.escape(self.first_id)})|({'|'.join(self.run_ids)})|{POINTER.pattern}")
        parts: list[str | Callable[[int], str]] = []
        last = 0
        for found in pattern.finditer(content):
            parts.append(content[last : found.start()] + (found[3] or ""))
            if found[1]:
                parts.append(recording_id)
            elif found[2]:
                parts.append(partial(_copy_of, found[2]))
            else:
                parts.append(lambda number, old=int(found[4]): str(old + self._shift(number)))
            last = found.end()
        if not parts:
            return lambda _: content
        parts.append(content[last:])
        return lambda number: "".join([part if isinstance(part, str) else part(number) for part in parts])

    def _shift(self, number: int) -> int:
        return (self.free + number - self.count) * self.span

    def _grow_ours(self, database: sqlite3.Connection, numbers: range) -> None:
        """Add a catalogue of different texts, and a row per recording in inbox, deliveries and consents."""
        chance = random.Random(1)
        vocabulary = ["".join(chance.choices("aeioustrnlmdp", k=chance.randint(2, 9))) for _ in range(20_000)]
        weights = list(accumulate(1 / rank for rank in range(1, len(vocabulary) + 1)))
        now = time.time()
        seq = 1 + _one(self.ours, "SELECT max(seq) FROM catalogue") - numbers.start
        for some in _batches(numbers):
            texts = {n: " ".join(chance.choices(vocabulary, cum_weights=weights, k=DIFFERENT)) for n in some}
            rooms = {n: f"room-{n % 50}-20260301090000" for n in some}
            catalogue = ("seq", "recording_id", "room", "title", "started_at", "duration", "text", "version")
            values = (
                (seq + n, recording_id(n), rooms[n], f"Meeting {n}", now, 2.0, f"{text} " * TIMES, f"{n:016x}")
                for n, text in texts.items()
            )
            _insert(database, "catalogue", catalogue, values)
            words = ((seq + n, " ".join(words_of(f"Meeting {n}", rooms[n], text))) for n, text in texts.items())
            _insert(database, "catalogue_words", ("rowid", "words"), words)
            arrivals = ("key", "source", "recording_id", "body", "received_at", "state", "settled_at")
            _insert(
                database,
                "inbox",
                arrivals,
                ((f"recording:{one}", "poll", one, b"{}", now, "accepted", now) for one in map(recording_id, some)),
            )
            delivery = ("key", "kind", "recording_id", "state", "attempts", "created_at", "settled_at")
            sent = ((f"completed:{one}", "webhook", one, "sent", 1, now, now) for one in map(recording_id, some))
            _insert(database, "deliveries", delivery, sent)
            given = ((recording_id(n), "somebody", True, now) for n in some)
            _insert(database, "consents", ("meeting_id", "user_id", "given", "said_at"), given)
            database.commit()
        read = _one(self.index, "SELECT max(id) FROM event_logs")
        database.execute("UPDATE projections SET storage_id = ? WHERE name <> 'partitions'", (read,))
        database.commit()

    def _link(self, number: int) -> None:
        """Hard-link the first recording's files under the new recording's names."""
        first, folder = (self.home / "data" / "recordings" / one for one in (self.first_id, recording_id(number)))
        for path, _, files in os.walk(first):
            to = str(path).replace(str(first), str(folder), 1)
            for run_id in self.run_ids:
                to = to.replace(run_id, _copy_of(run_id, number))
            Path(to).mkdir(exist_ok=True)
            for file in files:
                os.link(f"{path}/{file}", f"{to}/{file}")
        if number < WITH_LOGS:
            for run_id in self.run_ids:
                self._copy_log(run_id, number)

    def _copy_log(self, first: str, number: int) -> None:
        logs, run_id = self.index.parent, _copy_of(first, number)
        with (
            closing(sqlite3.connect(logs / f"{first}.db")) as log,
            closing(sqlite3.connect(logs / f"{run_id}.db")) as copy,
        ):
            log.backup(copy)
            for old, new in ((self.first_id, recording_id(number)), (first, run_id)):
                copy.execute(
                    "UPDATE event_logs SET event = replace(event, :old, :new), run_id = replace(run_id, :old, :new), "
                    "partition = replace(partition, :old, :new)",
                    {"old": old, "new": new},
                )
            copy.commit()


def recording_id(number: int) -> str:
    """Return the id of a recording, numbered from 0."""
    return f"recording-{number:05}"


def _copy_of(run_id: str, number: int) -> str:
    return f"{number:08x}{run_id[8:]}"


def retire(home: Path, kept: int) -> None:
    """Delete the partitions and runs of all but the newest recordings; writes no archives."""
    history = home / "dagster" / "history"
    with closing(sqlite3.connect(history / "runs" / "index.db")) as database, database:
        newest = "SELECT id FROM dynamic_partitions WHERE partition LIKE 'recording-%' ORDER BY id DESC LIMIT ?"
        delete = f"DELETE FROM dynamic_partitions WHERE partitions_def_name = ? AND id NOT IN ({newest})"
        database.execute(delete, (RECORDINGS, kept))
    with closing(sqlite3.connect(history / "runs.db")) as database, database:
        database.execute("ATTACH ? AS events", (str(history / "runs" / "index.db"),))
        retired = (
            "SELECT run_id FROM run_tags WHERE key = 'dagster/partition' "
            "AND value NOT IN (SELECT partition FROM events.dynamic_partitions)"
        )
        database.execute(f"DELETE FROM runs WHERE run_id IN ({retired})")
        database.execute("DELETE FROM run_tags WHERE run_id NOT IN (SELECT run_id FROM runs)")


def size_of(folder: Path) -> int:
    """Return the bytes of all files in a folder, counting every hard link."""
    return sum((Path(path) / file).stat().st_size for path, _, files in os.walk(folder) for file in files)


def _one(path: Path, query: str) -> Any:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchone()[0]


def _key(path: Path, table: str) -> str:
    """Return the column that numbers a table's rows."""
    with closing(sqlite3.connect(path)) as database:
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    return next((name for name in ("id", "seq") if name in columns), "rowid")


def _rows(path: Path, query: str, values: dict[str, str]) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(query, values)]


def _open(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path)
    # Not durable: after a crash of the machine, everything is made again.
    database.execute("PRAGMA synchronous=OFF")
    database.execute("PRAGMA cache_size=-200000")
    return database


def _insert(database: sqlite3.Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    slots = ", ".join("?" * len(columns))
    names = ", ".join(f'"{column}"' for column in columns)
    database.executemany(f"INSERT INTO {table} ({names}) VALUES ({slots})", rows)


def _batches(numbers: range) -> Iterator[range]:
    return (numbers[start : start + AT_ONCE] for start in range(0, len(numbers), AT_ONCE))


def main() -> None:
    """Grow the deployment named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path, help="the deployment's folder")
    parser.add_argument("count", type=int, help="the number of recordings to reach")
    parser.add_argument("first", nargs="?", default=FIRST, help="the recording to copy")
    options = parser.parse_args()
    History(options.home, options.first).grow(options.count)


if __name__ == "__main__":
    main()
