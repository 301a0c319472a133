"""The product's own database: the inbox, rooms and what else isn't Dagster's; SQLite by default, or PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path

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
# As migrations/env.py names it.
VERSION_TABLE = "reflector_version"
# Any number that no other program on the same server uses for its advisory locks.
MIGRATION_LOCK = 7_305_411_092
HINT = "DATABASE_URL is such as sqlite:////var/lib/reflector.db or postgresql://user:password@host:5432/reflector."
# Not there, locked, starting, going down, full; the other kind is what PostgreSQL says while it takes only reads.
AWAY = (OperationalError, InternalError)


class PinnedConnection:
    """A connection that outlives a transaction, for one thread; `broke` says that the last one did."""

    def __init__(self) -> None:
        self.connection: sa.Connection | None = None
        self.broke = False

    def close(self) -> None:
        """Give it back; the next transaction opens another."""
        if self.connection is not None:
            with suppress(SQLAlchemyError):
                self.connection.close()
        self.connection = None


class Database(ConfigurableResource):
    """A database by its URL; its tables are brought up to date when a process first uses it."""

    url: str
    pool_size: int = 5

    @property
    def engine(self) -> sa.Engine:
        """The process's engine; raises PermanentError for a URL that can't be used."""
        return _engine(self.url, self.pool_size)

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """Give a transaction, committed at the end of the block; raises TransientError when the database is away."""
        with self._telling(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def begin_on(self, kept: "PinnedConnection") -> Iterator[sa.Connection]:
        """Give a transaction on a connection that is kept open, for who writes often; raises as `begin` does.

        After an error it is replaced the next time.
        """
        kept.broke = False
        with self._telling():
            kept.connection = kept.connection or self.engine.connect()
            try:
                with kept.connection.begin():
                    yield kept.connection
            except BaseException as error:
                kept.broke = isinstance(error, DBAPIError) and error.connection_invalidated
                kept.close()
                raise

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except AWAY as error:
            raise unavailable(error) from None
        except NoConnectionFree:
            raise TransientError("all connections to the product's database are taken") from None
        except DBAPIError as error:
            if error.connection_invalidated:
                raise unavailable(error) from None
            raise

    def check(self) -> str:
        """Say of which kind it is and at which revision its tables are, and change nothing.

        Raises as `engine` and `begin` do, and PermanentError for tables that this version doesn't work with yet.
        """
        newest = ScriptDirectory(str(MIGRATIONS)).get_current_head()
        with _told():
            engine = _connecting(self.url, 1)
            with engine.connect() as connection:
                context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
                found = context.get_current_revision()
            engine.dispose()
        if found not in {None, newest}:
            raise PermanentError(
                f"the product's database is at revision {found}, and this version works with {newest}",
                hint="Update this program, or let it update an older database: `reflector inbox list` does.",
            )
        return f"{engine.dialect.name}, " + (f"tables at revision {found}" if found else "empty until its first use")

    def commit_in_order(self, connection: sa.Connection, table: sa.Table) -> None:
        """Let who writes to a table next wait for this transaction, so that no number appears after a higher one.

        For readers that go on behind the last number that they saw. On SQLite writers wait for each other anyway.
        """
        if self.engine.dialect.name == "postgresql":
            connection.execute(sa.text(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE"))

    def insert(self, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
        """Begin an INSERT that can say what happens to rows that are there already."""
        return (postgresql if self.engine.dialect.name == "postgresql" else sqlite).insert(table)


def storable(text: str | None) -> str | None:
    """Make a text of any origin one that every database holds: no halves of surrogate pairs, for PostgreSQL no NUL."""
    return None if text is None else text.replace("\0", "").encode(errors="backslashreplace").decode()


def unavailable(error: DBAPIError) -> TransientError:
    """Tell an unreachable or locked database in our terms; the driver's first line names no password."""
    return TransientError(f"the product's database doesn't answer: {_reason(error)}", hint="DATABASE_URL names it.")


def _reason(error: DBAPIError) -> str:
    return next(iter(str(error.orig).strip().splitlines()), "no reason given")


@cache
def _engine(url: str, pool_size: int) -> sa.Engine:
    with _told():
        engine = _connecting(url, pool_size)
        migrate(engine)
    return engine


def _connecting(url: str, pool_size: int) -> sa.Engine:
    parsed = parse_url(url)
    return _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgresql(parsed, pool_size)


@contextmanager
def _told() -> Iterator[None]:
    """Raise what the driver and the migrations raise in the block in our terms."""
    try:
        yield
    except AWAY as error:
        raise unavailable(error) from None
    except DBAPIError as error:
        raise PermanentError(f"the product's database can't be used: {_reason(error)}", hint=HINT) from None
    except OSError as error:
        raise PermanentError(f"the product's database can't be made: {error}", hint=HINT) from None
    except CommandError as error:
        raise PermanentError(
            f"the product's database is of another version: {error}", hint="Update this program."
        ) from None


def parse_url(url: str) -> sa.URL:
    """Read a database URL, whichever driver it names; raises PermanentError that doesn't show it."""
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError):
        raise PermanentError("DATABASE_URL is no database URL", hint=HINT) from None
    backend = parsed.get_backend_name()
    if backend not in {"sqlite", "postgresql"} or not parsed.database or parsed.database == ":memory:":
        raise PermanentError(f"DATABASE_URL names a database of kind {backend} that can't be used", hint=HINT)
    # Operators bring URLs with other drivers (asyncpg); ours is the one that Dagster's storage needs anyway.
    return parsed.set(drivername="sqlite" if backend == "sqlite" else "postgresql+psycopg2")


def _postgresql(url: sa.URL, pool_size: int) -> sa.Engine:
    # Without a limit, a server that can't be reached is waited for for minutes.
    url = url.update_query_dict({"connect_timeout": "10", **url.query})
    return sa.create_engine(url, pool_size=pool_size, pool_pre_ping=True, pool_recycle=1800, hide_parameters=True)


def _sqlite(url: sa.URL) -> sa.Engine:
    assert url.database is not None
    Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": 30}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def prepare(connection, _record) -> None:  # pyright: ignore[reportMissingParameterType] - a driver's connection
        # Readers don't block the writer, and what is committed survives a power cut.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    return engine


def migrate(engine: sa.Engine) -> None:
    """Bring the tables up to date, wholly or not at all; of several processes at once, one does it, the others wait."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    is_sqlite = engine.dialect.name == "sqlite"
    # SQLite may refuse, not wait, while another process turns a new file's journal on.
    with FileLock(f"{engine.url.database}.migrating") if is_sqlite else nullcontext(), engine.begin() as connection:
        if is_sqlite:
            # The driver begins no transaction for changes of tables.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
