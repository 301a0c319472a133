"""Databases for tests, SQLite and a real PostgreSQL, as a plugin: `pytest_plugins = ["tests.service.databases"]`.

`database_url` runs a test on both kinds, `postgres` is the server that all tests of a session share.
"""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testing.databases import with_tables
from testing.parts.postgres import Postgres

numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: Postgres) -> str:
    return postgres.create_database(f"empty_{next(numbers)}")


@pytest.fixture(params=["sqlite", "postgresql"])
def new_empty(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Make one more, without tables."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path / f'empty_{next(numbers)}.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return lambda: server.create_database(f"empty_{next(numbers)}")


@pytest.fixture
def empty_url(new_empty: Callable[[], str]) -> str:
    return new_empty()


@pytest.fixture
def new_database(new_empty: Callable[[], str]) -> Callable[[], str]:
    """Make one more; those of SQLite have their tables."""
    return lambda: with_tables(new_empty())


@pytest.fixture
def database_url(new_database: Callable[[], str]) -> str:
    return new_database()
