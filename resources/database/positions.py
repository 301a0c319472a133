"""How far what is projected from Dagster's log has been read; it moves in the transaction that keeps what was read."""

import sqlalchemy as sa

from resources.database.database import Database
from resources.database.tables import projections


def read_position(database: Database, name: str) -> int:
    """The last event of a kind that was read, as Dagster numbers it; 0 before the first."""
    with database.begin() as connection:
        return connection.scalar(sa.select(projections.c.storage_id).where(projections.c.name == name)) or 0


def advance_position(database: Database, connection: sa.Connection, name: str, storage_id: int) -> None:
    """Go on to an event, never back. The first statement of a transaction: who follows the same waits for its end."""
    row = database.insert(projections).values(name=name, storage_id=storage_id)
    further = sa.case(
        (projections.c.storage_id > row.excluded.storage_id, projections.c.storage_id),
        else_=row.excluded.storage_id,
    )
    connection.execute(row.on_conflict_do_update(index_elements=["name"], set_={"storage_id": further}))
