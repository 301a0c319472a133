"""Skipped ticks that say the same: an idle sensor makes one every few seconds, of which the last is enough."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

DELETE = sa.text("DELETE FROM job_ticks WHERE id = :id")


class LastSkippedTick:
    """A schedule storage that stores, of ticks skipped one after another for the same reason, only the last.

    A tick that requested something, failed, or had another reason stays, and so do those of schedules.
    """

    connect: "Callable[[], AbstractContextManager[sa.Connection]]"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        # The last tick's id and reason, by sensor.
        self._skipped: dict[str, tuple[int, str]] = {}
        super().__init__(*arguments, **options)

    def update_tick(self, tick: Any) -> Any:
        """Store a tick's state, and delete the tick that it repeats."""
        updated: Any = cast("Any", super()).update_tick(tick)
        if tick.instigator_type.value == "SENSOR" and tick.status.value != "STARTED":
            self._follow(tick)
        return updated

    def _follow(self, tick: Any) -> None:
        last = self._skipped.pop(tick.selector_id, None)
        if tick.status.value != "SKIPPED":
            return
        self._skipped[tick.selector_id] = tick.tick_id, tick.skip_reason
        if last and last[0] != tick.tick_id and last[1] == tick.skip_reason:
            with self.connect() as connection:
                connection.execute(DELETE, {"id": last[0]})
