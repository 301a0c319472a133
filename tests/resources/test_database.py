"""The database: its URLs, how its tables are made and changed, and what is said when it can't be used."""

# pyright: basic

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from filelock import FileLock
from sqlalchemy.exc import IntegrityError

from domain.errors import PermanentError, ReflectorError, TransientError
from resources.database.database import MIGRATIONS, Database
from resources.database.inbox import Inbox, of_webhook
from resources.database.tables import metadata
from testing import PATIENCE_S
from testing.deployment import ROOT
from testing.parts import free_ports
from testing.parts.postgres import Postgres

pytest_plugins = ["tests.service.databases"]

PASSWORD = "hush-nobody-knows"


def plain_engine(url: str) -> sa.Engine:
    """An engine that knows nothing of ours."""
    return sa.create_engine(url)


def opening(urls: list[str]) -> subprocess.Popen[str]:
    """Open databases in a process of its own, each on a command from stdin."""
    code = f"""
from resources.database.database import Database
for url in {urls}:
    print(flush=True)
    input()
    Database(url=url).engine
"""
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_tables_are_what_the_code_reads_and_writes(empty_url: str) -> None:
    _ = Database(url=empty_url).engine
    with plain_engine(empty_url).connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "compare_server_default": True,
                "version_table": "reflector_version",
                # Each kind of database has its own way of searching.
                "include_name": lambda name, kind, _: not (kind == "table" and name.startswith("catalogue_words")),
            },
        )
        assert compare_metadata(context, metadata) == []


@pytest.mark.slow(15)
def test_processes_that_start_at_once_make_an_empty_databases_tables_once(new_empty: Callable[[], str]) -> None:
    urls = [new_empty() for _ in range(4)]
    processes = [opening(urls) for _ in range(2)]
    for _ in urls:
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        for process in processes:
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write("now\n")
                process.stdin.flush()
    assert [(process.communicate()[1], process.returncode) for process in processes] == [("", 0)] * 2
    for url in urls:
        assert Inbox(database=Database(url=url)).put([of_webhook(b'{"type": "any", "id": "1"}')]) == 1


def test_threads_that_first_use_an_empty_database_at_once_make_its_tables_once(
    new_empty: Callable[[], str],
) -> None:
    begin = threading.Barrier(4)

    def put(url: str, number: int) -> int:
        begin.wait()
        return Inbox(database=Database(url=url)).put(
            [of_webhook(json.dumps({"type": "any", "id": str(number)}).encode())]
        )

    with ThreadPoolExecutor(4) as threads:
        for _ in range(3):
            assert list(threads.map(put, [new_empty()] * 4, range(4))) == [1] * 4


def test_a_new_sqlite_file_is_made_by_one_at_a_time(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    with ThreadPoolExecutor(1) as threads:
        # Turning the journal on isn't something that SQLite waits for.
        with FileLock(tmp_path / "new.db.migrating"):
            opened = threads.submit(lambda: Database(url=url).engine)
            time.sleep(0.7)
            assert not opened.done()
        assert opened.result(timeout=PATIENCE_S)


def test_the_tables_can_be_taken_down_and_made_again(empty_url: str) -> None:
    _ = Database(url=empty_url).engine
    engine = plain_engine(empty_url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert set(sa.inspect(connection).get_table_names()) <= {"reflector_version", "sqlite_sequence"}
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        assert set(metadata.tables) <= set(sa.inspect(connection).get_table_names())


def test_a_migration_that_breaks_off_leaves_nothing_behind(empty_url: str) -> None:
    engine = plain_engine(empty_url)
    # The last table of the first migration.
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE rooms (in_the_way INTEGER)"))
    with pytest.raises(ReflectorError, match="already exists"):
        _ = Database(url=empty_url).engine
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE rooms"))
    assert Inbox(database=Database(url=empty_url)).put([of_webhook(b'{"type": "any", "id": "1"}')]) == 1


def test_what_is_written_to_sqlite_survives_a_power_cut(tmp_path: Path) -> None:
    with Database(url=f"sqlite:///{tmp_path / 'new.db'}").begin() as connection:
        settings = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    full = 2
    assert settings == ["wal", full]


@pytest.mark.parametrize("prefix", ["postgresql://", "postgresql+asyncpg://", "postgresql+psycopg2://"])
def test_urls_of_postgresql_name_any_driver(prefix: str, postgres_url: str) -> None:
    url = prefix + postgres_url.split("://")[1]
    assert Inbox(database=Database(url=url)).put([of_webhook(b'{"type": "any", "id": "1"}')]) == 1


@pytest.mark.parametrize("prefix", ["sqlite:///", "sqlite+aiosqlite:///", "sqlite+pysqlite:///"])
def test_urls_of_sqlite_name_any_driver_and_folders_are_made(prefix: str, tmp_path: Path) -> None:
    url = f"{prefix}{tmp_path / 'new' / 'folder' / 'file.db'}"
    assert Inbox(database=Database(url=url)).put([of_webhook(b'{"type": "any", "id": "1"}')]) == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sqlite://",
        "sqlite:///:memory:",
        PASSWORD,
        f"mysql://user:{PASSWORD}@host/reflector",
        f"postgres://user:{PASSWORD}@host/reflector",
        f"postgresql://user:{PASSWORD}@host:port/reflector",
        f"postgresql://user:{PASSWORD}@host",
        f"postgresql://user:pass@host:{PASSWORD}/{PASSWORD}@host/reflector",
        f"postgresql+asyncpg://user:{PASSWORD}@127.0.0.1/reflector?ssl=require",
    ],
)
def test_urls_that_cant_be_used_are_named_and_not_shown(url: str) -> None:
    with pytest.raises(PermanentError, match="DATABASE_URL") as raised:
        _ = Database(url=url).engine
    assert PASSWORD not in str(raised.value)


def test_files_that_are_no_database_and_folders_that_cant_be_made_are_reported(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database at all " * 1000)
    for path in ("text.db", "text.db/folder/file.db"):
        with pytest.raises(PermanentError, match="the product's database can't be"):
            _ = Database(url=f"sqlite:///{tmp_path / path}").engine


def test_a_newer_versions_database_is_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'newer.db'}"
    with Database(url=url).begin() as connection:
        connection.execute(sa.text("UPDATE reflector_version SET version_num = '9999'"))
    # Under another name, as under this one it is open.
    with pytest.raises(PermanentError, match="another version"):
        _ = Database(url=f"sqlite:///{tmp_path}/./newer.db").engine


def test_a_database_that_isnt_there_is_a_passing_failure_without_the_password(postgres: Postgres) -> None:
    url = postgres.database_url("nobody-made-this")
    with pytest.raises(TransientError, match="does not exist") as raised:
        _ = Database(url=url).engine
    refused = url.replace(str(postgres.port), str(free_ports(1)[0])).replace("postgres-test-password", PASSWORD)
    with pytest.raises(TransientError, match="doesn't answer") as refusal:
        _ = Database(url=refused).engine
    assert "postgres-test-password" not in str(raised.value)
    assert PASSWORD not in str(refusal.value)
    # It isn't remembered as missing.
    postgres.create_database("nobody-made-this")
    assert Database(url=url).engine


def test_while_postgresql_takes_only_reads_writing_fails_for_now(postgres: Postgres, postgres_url: str) -> None:
    name = postgres_url.rsplit("/", 1)[1]
    _ = Database(url=postgres_url).engine
    administrator = postgres.connect("postgres")
    administrator.autocommit = True
    with administrator.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        cursor.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        inbox = Inbox(database=Database(url=postgres_url))
        with pytest.raises(TransientError, match="read-only"):
            inbox.put([of_webhook(b'{"type": "any", "id": "1"}')])
        cursor.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = off")
        cursor.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    administrator.close()
    assert inbox.put([of_webhook(b'{"type": "any", "id": "1"}')]) == 1


def test_errors_show_no_values(database_url: str) -> None:
    rows = [{"name": "one", "webhook_secret": PASSWORD}] * 2
    with pytest.raises(IntegrityError) as raised, Database(url=database_url).begin() as connection:
        connection.execute(sa.insert(metadata.tables["rooms"]), rows)
    assert PASSWORD not in str(raised.value)
