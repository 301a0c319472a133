"""Finished transcripts with the corrections that stand, for commands, whether or not a run has taken these."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from domain.overview import RecordingOverview
from domain.recording import value_key
from reflector_assets.cli.imports import on_first_use

with on_first_use():
    from reflector_assets import wiring
    from reflector_assets.settings import main as configuration
    from resources.results import corrected as reading
    from resources.results import stored_results

if TYPE_CHECKING:
    from resources.results.corrected import CorrectedResults

LAST = "SELECT recording_id, max(number) FROM corrections GROUP BY recording_id"


def corrected(recording_id: str) -> "CorrectedResults":
    """Return a recording's results with its corrections."""
    with wiring.opened(wiring.correction_history()) as history:
        corrections = history.gathered(recording_id)
    return reading.CorrectedResults(stored_results.StoredResults(wiring.store(), recording_id), corrections)


def with_titles(found: Iterable[RecordingOverview]) -> Iterator[RecordingOverview]:
    """Yield recordings with their titles as they stand."""
    pending = Pending()
    for one in found:
        transcript = corrected(one.id).transcript if one.title is not None and one.id in pending else None
        yield one._replace(title=transcript.title) if transcript else one


class Pending:
    """The recordings with edits that may be in no transcript yet."""

    def __init__(self) -> None:
        settings = configuration.get_settings()
        self._folder = settings.data_dir if settings.storage_backend == "local" else None
        self._last = _last_here(settings.data_dir / "reflector.db") if settings.database_url is None else _last()

    def __contains__(self, recording_id: str) -> bool:
        if recording_id not in self._last or self._folder is None:
            return recording_id in self._last
        try:
            made = json.loads((self._folder / value_key("transcript", recording_id)).read_bytes())
        except FileNotFoundError:
            return False
        return made.get("revision", 0) != self._last[recording_id]


def _last() -> dict[str, int]:
    with wiring.opened(wiring.correction_history()) as history:
        return history.last()


def _last_here(database: Path) -> dict[str, int]:
    """Return the numbers of the last edits from a file: what reads other databases takes over a second to load."""
    if not database.exists():
        return {}
    with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        # Of a version without corrections, there is no table.
        has_table = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'corrections'").fetchone()
        return dict(connection.execute(LAST)) if has_table else {}
