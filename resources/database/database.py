"""The product's own database, separate from Dagster's: SQLite by default, or PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from dagster import ConfigurableResource
from filelock import FileLock
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, InternalError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from domain.errors import PermanentError, TransientError

MIGRATIONS = Path(__file__).parent / "migrations"
# The name in migrations/env.py.
VERSION_TABLE = "reflector_version"
# An arbitrary number that identifies our advisory lock on the server.
MIGRATION_LOCK = 7_305_411_092
HINT = "Set DATABASE_URL as in sqlite:////var/lib/reflector.db or postgresql://user:password@host:5432/reflector."
# Down, locked, starting, stopping or full; PostgreSQL raises InternalError while it is read-only.
UNAVAILABLE = (OperationalError, InternalError)


class PinnedConnection:
    """A connection that one thread keeps across transactions; `is_broken` if the last one lost the connection."""

    def __init__(self) -> None:
        self.connection: sa.Connection | None = None
        self.is_broken = False

    def close(self) -> None:
        """Return the connection to the pool; the next transaction opens another."""
        if self.connection is not None:
            with suppress(SQLAlchemyError):
                self.connection.close()
        self.connection = None


class Database(ConfigurableResource[Any]):
    """A database by its URL; its tables are migrated when a process first uses it."""

    url: str
    pool_size: int = 5

    @property
    def engine(self) -> sa.Engine:
        """The process's engine; raises PermanentError for an unusable URL."""
        return _engine(self.url, self.pool_size)

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """Provide a transaction, committed at the end of the block; raises TransientError if the database is down."""
        with _translated_errors(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def begin_on(self, pinned: PinnedConnection) -> Iterator[sa.Connection]:
        """Provide a transaction on a connection that stays open, for frequent writers; raises the errors of `begin`.

        After an error, the next transaction opens a new connection.
        """
        pinned.is_broken = False
        with _translated_errors():
            pinned.connection = pinned.connection or self.engine.connect()
            try:
                with pinned.connection.begin():
                    yield pinned.connection
            except BaseException as error:
                pinned.is_broken = isinstance(error, DBAPIError) and error.connection_invalidated
                pinned.close()
                raise

    @contextmanager
    def begin_unmigrated(self) -> Iterator[sa.Connection]:
        """Provide a transaction without migrating the tables, which may be missing; raises the errors of `check`."""
        with _translated_setup_errors():
            engine = _connecting(self.url, 1)
            try:
                with engine.begin() as connection:
                    yield connection
            finally:
                engine.dispose()

    def check(self) -> str:
        """Return the database's kind and the revision of its tables, without migrating them.

        Raises the errors of `engine` and `begin`, and PermanentError for tables of another revision.
        """
        with self.begin_unmigrated() as connection:
            kind = connection.dialect.name
            found = _revision(connection)
        if found not in {None, newest_revision()}:
            raise PermanentError(
                f"the product's database is at revision {found}, but this version requires {newest_revision()}",
                hint="Update this program, or migrate an older database by running `reflector inbox list`.",
            )
        return f"{kind}, " + (f"tables at revision {found}" if found else "empty until its first use")

    def empty_log(self) -> bool:
        """Empty SQLite's write-ahead log, which has deleted rows; return False if a reader prevents that."""
        return self.engine.dialect.name != "sqlite" or empty_log(self.engine)

    def commit_in_order(self, connection: sa.Connection, table: sa.Table) -> None:
        """Make later writers to a table wait for this transaction, so that its numbers become visible in order.

        Readers that continue after the last number they saw depend on it. SQLite has a single writer anyway.
        """
        if self.engine.dialect.name == "postgresql":
            connection.execute(sa.text(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE"))

    def insert(self, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
        """Return an INSERT with support for ON CONFLICT."""
        return (postgresql if self.engine.dialect.name == "postgresql" else sqlite).insert(table)


def empty_log(engine: sa.Engine) -> bool:
    """Move the pages of a SQLite database's write-ahead log to its file; return False if a reader prevents that."""
    with engine.connect() as connection:
        busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    return not busy


def storable(text: str | None) -> str | None:
    """Return a text without lone surrogates and NUL characters, which PostgreSQL can't store."""
    return None if text is None else text.replace("\0", "").encode(errors="backslashreplace").decode()


def fitting(text: str | None, column: sa.Column[Any]) -> str | None:
    """Return a text as a column can store it: `storable`, and cut to the column's length."""
    stored = storable(text)
    return stored and stored[: cast(sa.String, column.type).length]


def unavailable(error: DBAPIError) -> TransientError:
    """Return the error for an unreachable or locked database."""
    return TransientError(f"the product's database doesn't answer: {first_line(error)}", hint="Check DATABASE_URL.")


def first_line(error: DBAPIError) -> str:
    """Return the first line of a driver's message, which contains no password."""
    return next(iter(str(error.orig).strip().splitlines()), "no reason given")


@cache
def _engine(url: str, pool_size: int) -> sa.Engine:
    with _translated_setup_errors():
        engine = _connecting(url, pool_size)
        if _is_new(engine) or not _is_migrated(engine):
            migrate(engine)
    return engine


def _connecting(url: str, pool_size: int) -> sa.Engine:
    parsed = parse_url(url)
    return _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgresql(parsed, pool_size)


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Raise the driver's errors of a transaction in the block as ours."""
    try:
        yield
    except UNAVAILABLE as error:
        raise unavailable(error) from None
    except NoConnectionFree:
        raise TransientError("all connections to the product's database are in use") from None
    except DBAPIError as error:
        if error.connection_invalidated:
            raise unavailable(error) from None
        raise


@contextmanager
def _translated_setup_errors() -> Iterator[None]:
    """Raise errors of connecting and migrating in the block as ours."""
    try:
        yield
    except UNAVAILABLE as error:
        raise unavailable(error) from None
    except DBAPIError as error:
        raise PermanentError(f"the product's database can't be used: {first_line(error)}", hint=HINT) from None
    except OSError as error:
        raise PermanentError(f"the product's database can't be created: {error}", hint=HINT) from None
    except CommandError as error:
        raise PermanentError(
            f"the product's database belongs to another version: {error}", hint="Update this program."
        ) from None


def parse_url(url: str, setting: str = "DATABASE_URL") -> sa.URL:
    """Parse a database URL with any driver; raises PermanentError without the URL in its message."""
    hint = HINT.replace("DATABASE_URL", setting)
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError):
        raise PermanentError(f"{setting} is not a database URL", hint=hint) from None
    backend = parsed.get_backend_name()
    if backend not in {"sqlite", "postgresql"} or not parsed.database or parsed.database == ":memory:":
        raise PermanentError(f"{setting} names an unusable database of kind {backend}", hint=hint)
    # URLs may name other drivers (asyncpg); we use the one that Dagster's storage requires anyway.
    return parsed.set(drivername="sqlite" if backend == "sqlite" else "postgresql+psycopg2")


def _postgresql(url: sa.URL, pool_size: int) -> sa.Engine:
    # Without a timeout, connecting to an unreachable server takes minutes.
    url = url.update_query_dict({"connect_timeout": "10", **url.query})
    return sa.create_engine(url, pool_size=pool_size, pool_pre_ping=True, pool_recycle=1800, hide_parameters=True)


def _sqlite(url: sa.URL) -> sa.Engine:
    assert url.database is not None
    Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": 30}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        # Readers don't block the writer, and commits survive a power cut.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        # What is deleted isn't readable in the file any more. Most builds of SQLite have it on.
        connection.execute("PRAGMA secure_delete=ON")

    return engine


@cache
def newest_revision() -> str | None:
    """Return the revision of this version's tables."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def _revision(connection: sa.Connection) -> str | None:
    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()


def _is_new(engine: sa.Engine) -> bool:
    """Return True if SQLite's file has no content: to open it would disturb the process that makes its journal."""
    file = Path(engine.url.database or "")
    return engine.dialect.name == "sqlite" and not (file.is_file() and file.stat().st_size)


def _is_migrated(engine: sa.Engine) -> bool:
    """Return True if the tables need no migration: a process knows in a fraction of the time that one takes."""
    # SQLite may fail while another process makes the file; a migration then waits.
    with (
        suppress(OperationalError) if engine.dialect.name == "sqlite" else nullcontext(),
        engine.connect() as connection,
    ):
        return _revision(connection) == newest_revision()
    return False


def migrate(engine: sa.Engine) -> None:
    """Migrate the tables in one transaction; of concurrent processes, one migrates and the others wait."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    is_sqlite = engine.dialect.name == "sqlite"
    # SQLite may fail instead of waiting while another process enables a new file's journal.
    with FileLock(f"{engine.url.database}.migrating") if is_sqlite else nullcontext(), engine.begin() as connection:
        if is_sqlite:
            # The driver doesn't begin a transaction for DDL by itself.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
