"""Read positions of projections from Dagster's log; each advances in the transaction that writes the projection."""

import sqlalchemy as sa

from resources.database.database import Database
from resources.database.tables import projections


def read_position(database: Database, name: str) -> int:
    """Return Dagster's number of the last event of a kind that was read; 0 before the first."""
    with database.begin() as connection:
        return connection.scalar(sa.select(projections.c.storage_id).where(projections.c.name == name)) or 0


def advance_position(database: Database, connection: sa.Connection, name: str, storage_id: int) -> None:
    """Advance to an event, never back; as a transaction's first statement, it makes concurrent readers wait."""
    row = database.insert(projections).values(name=name, storage_id=storage_id)
    further = sa.case(
        (projections.c.storage_id > row.excluded.storage_id, projections.c.storage_id),
        else_=row.excluded.storage_id,
    )
    connection.execute(row.on_conflict_do_update(index_elements=["name"], set_={"storage_id": further}))
