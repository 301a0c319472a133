"""The old system's database for tests: a real PostgreSQL with those of its columns that are read."""

import itertools

import pytest
import sqlalchemy as sa

from testing.parts.postgres import Postgres

TABLES = {
    "transcript": "id varchar primary key, recording_id varchar, created_at timestamptz, deleted_at timestamptz, "
    "action_items json",
    "meeting": "id varchar primary key, room_name varchar",
    "meeting_consent": "id varchar primary key, meeting_id varchar, user_id varchar, consent_given boolean, "
    "consent_timestamp timestamptz",
}
numbers = itertools.count()


@pytest.fixture
def old_database(postgres: Postgres) -> str:
    """Make a database and return its URL."""
    url = postgres.create_database(f"old_{next(numbers)}")
    run(url, *(f"CREATE TABLE {name} ({columns})" for name, columns in TABLES.items()))
    return url


def run(url: str, *statements: str) -> None:
    """Execute statements in one transaction."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()
