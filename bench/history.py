"""A deployment with any number of finished recordings: one is really made, its rows and files are then repeated.

Thousands of real runs would take days. `python -m bench.history FOLDER NUMBER` adds recordings until there are so many;
it is a process of its own, so that who measures memory stays small.
"""

import argparse
import os
import random
import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import accumulate
from pathlib import Path
from typing import Any

from domain.text.search import words_of

FIRST = "recording-00000"
POINTER = re.compile(r'(input_event_pointer/[a-z_]+": ")(\d+)(?=")')
# Runs whose own event logs, a file each on SQLite, are repeated too: the ledger's first catch-up reads them.
WITH_LOGS = 100
AT_ONCE = 500
# Of each recording's text, about twenty minutes of speech; a part of it are the words that it is found by.
DIFFERENT, TIMES = 400, 8
# The first recording's rows in each table that grows with recordings.
INDEX = {
    "event_logs": "run_id = :run",
    "asset_event_tags": "event_id IN (SELECT id FROM event_logs WHERE run_id = :run)",
    "asset_check_executions": "run_id = :run",
    "dynamic_partitions": "partition = :first",
}
RUNS = {"runs": "run_id = :run", "run_tags": "run_id = :run"}
OURS = {"ended_runs": "run_id = :run", "ledger": "run_id = :run"}


class History:
    """Dagster's SQLite files, the product's own, and the store's folder, in which the first recording is repeated."""

    def __init__(self, home: Path) -> None:
        self.home = home
        history = home / "dagster" / "history"
        self.index, self.ours = history / "runs" / "index.db", home / "data" / "reflector.db"
        self.files = ((self.index, INDEX), (history / "runs.db", RUNS), (self.ours, OURS))
        self.run_id = _one(history / "runs.db", "SELECT run_id FROM runs ORDER BY id LIMIT 1")
        self.first = {
            table: _rows(path, f"SELECT * FROM {table} WHERE {where}", {"run": self.run_id, "first": FIRST})
            for path, tables in self.files
            for table, where in tables.items()
        }
        rows = [row for rows in self.first.values() for row in rows]
        self.span = 1 + max(row[key] for row in rows for key in ("id", "seq") if key in row)
        self.many = _one(self.index, "SELECT count(*) FROM dynamic_partitions WHERE partition LIKE 'recording-%'")
        # What was added while something was measured has the numbers up to here.
        queries = [(path, f"SELECT max({_key(path, table)}) FROM {table}") for path, ts in self.files for table in ts]
        self.free = 1 + max(_one(path, query) for path, query in queries) // self.span

    def grow(self, many: int) -> None:
        """Add recordings until there are so many, all as finished as the first."""
        numbers = range(self.many, many)
        for path, tables in self.files:
            copies = {table: [self._copy(row) for row in self.first[table]] for table in tables}
            with closing(_opened(path)) as database:
                for some in _pieces(numbers):
                    for table, rows in copies.items():
                        _insert(database, table, list(self.first[table][0]), (row(n) for n in some for row in rows))
                    database.commit()
                if path == self.ours:
                    self._grow_ours(database, numbers)
        for number in numbers:
            self._link(number)

    def _copy(self, row: dict[str, Any]) -> Callable[[int], list[Any]]:
        """Make what writes a row of the first recording as that of another one."""
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
        pattern = re.compile(f"({re.escape(FIRST)})|({re.escape(self.run_id)})|{POINTER.pattern}")
        parts: list[str | Callable[[int], str]] = []
        last = 0
        for found in pattern.finditer(content):
            parts.append(content[last : found.start()] + (found[3] or ""))
            if found[1]:
                parts.append(recording_id)
            elif found[2]:
                parts.append(self._run_id)
            else:
                parts.append(lambda number, old=int(found[4]): str(old + self._shift(number)))
            last = found.end()
        if not parts:
            return lambda _: content
        parts.append(content[last:])
        return lambda number: "".join([part if isinstance(part, str) else part(number) for part in parts])

    def _shift(self, number: int) -> int:
        return (self.free + number - self.many) * self.span

    def _run_id(self, number: int) -> str:
        return f"{number:08x}{self.run_id[8:]}"

    def _grow_ours(self, database: sqlite3.Connection, numbers: range) -> None:
        """The catalogue with texts that differ, and a row for each recording in the tables that every one comes to."""
        chance = random.Random(1)
        vocabulary = ["".join(chance.choices("aeioustrnlmdp", k=chance.randint(2, 9))) for _ in range(20_000)]
        weights = list(accumulate(1 / rank for rank in range(1, len(vocabulary) + 1)))
        now, last = time.time(), _one(self.ours, "SELECT max(seq) FROM catalogue")
        # Of the first one behind the last.
        seq = 1 + last - numbers.start
        for some in _pieces(numbers):
            said = {n: " ".join(chance.choices(vocabulary, cum_weights=weights, k=DIFFERENT)) for n in some}
            rooms = {n: f"room-{n % 50}-20260301090000" for n in some}
            catalogue = ("seq", "recording_id", "room", "title", "started_at", "duration", "text", "version")
            values = (
                (seq + n, recording_id(n), rooms[n], f"Meeting {n}", now, 2.0, f"{text} " * TIMES, f"{n:016x}")
                for n, text in said.items()
            )
            _insert(database, "catalogue", catalogue, values)
            words = ((seq + n, " ".join(words_of(f"Meeting {n}", rooms[n], text))) for n, text in said.items())
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
            said_yes = ((recording_id(n), "somebody", True, now) for n in some)
            _insert(database, "consents", ("meeting_id", "user_id", "given", "said_at"), said_yes)
            database.commit()
        read = _one(self.index, "SELECT max(id) FROM event_logs")
        database.execute("UPDATE projections SET storage_id = ? WHERE name <> 'partitions'", (read,))
        database.commit()

    def _link(self, number: int) -> None:
        """The recording's files are the first one's, under further names."""
        first, folder = (self.home / "data" / "recordings" / one for one in (FIRST, recording_id(number)))
        for path, _, files in os.walk(first):
            to = Path(str(path).replace(str(first), str(folder), 1).replace(self.run_id, self._run_id(number)))
            to.mkdir(exist_ok=True)
            for file in files:
                os.link(f"{path}/{file}", to / file)
        if number < WITH_LOGS:
            self._repeat_log(number)

    def _repeat_log(self, number: int) -> None:
        logs, run_id = self.index.parent, self._run_id(number)
        with (
            closing(sqlite3.connect(logs / f"{self.run_id}.db")) as log,
            closing(sqlite3.connect(logs / f"{run_id}.db")) as copy,
        ):
            log.backup(copy)
            for old, new in ((FIRST, recording_id(number)), (self.run_id, run_id)):
                copy.execute(
                    "UPDATE event_logs SET event = replace(event, :old, :new), run_id = replace(run_id, :old, :new), "
                    "partition = replace(partition, :old, :new)",
                    {"old": old, "new": new},
                )
            copy.commit()


def recording_id(number: int) -> str:
    """The id of one of the recordings, counted from 0."""
    return f"recording-{number:05}"


def retire(home: Path, kept: int) -> None:
    """Take all recordings but the newest out of Dagster's partitions: the row is all that Dagster deletes of one."""
    with closing(sqlite3.connect(home / "dagster" / "history" / "runs" / "index.db")) as database, database:
        newest = "SELECT id FROM dynamic_partitions WHERE partition LIKE 'recording-%' ORDER BY id DESC LIMIT ?"
        database.execute(f"DELETE FROM dynamic_partitions WHERE id NOT IN ({newest})", (kept,))


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder, each hard link for itself."""
    return sum((Path(path) / file).stat().st_size for path, _, files in os.walk(folder) for file in files)


def _one(path: Path, query: str) -> Any:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchone()[0]


def _key(path: Path, table: str) -> str:
    """The column in which a table numbers its rows."""
    with closing(sqlite3.connect(path)) as database:
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    return next((name for name in ("id", "seq") if name in columns), "rowid")


def _rows(path: Path, query: str, values: dict[str, str]) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(query, values)]


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path)
    # If the machine goes down now, all is made anew.
    database.execute("PRAGMA synchronous=OFF")
    database.execute("PRAGMA cache_size=-200000")
    return database


def _insert(database: sqlite3.Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    slots = ", ".join("?" * len(columns))
    names = ", ".join(f'"{column}"' for column in columns)
    database.executemany(f"INSERT INTO {table} ({names}) VALUES ({slots})", rows)


def _pieces(numbers: range) -> Iterator[range]:
    return (numbers[start : start + AT_ONCE] for start in range(0, len(numbers), AT_ONCE))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("home", type=Path, help="the deployment's folder")
    arguments.add_argument("many", type=int, help="so many recordings there are to be")
    options = arguments.parse_args()
    History(options.home).grow(options.many)


if __name__ == "__main__":
    main()
