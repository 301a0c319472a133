"""Keeps a recording's row in the catalogue, and its words in the search index, as the transcript stands now."""

import logging
from datetime import datetime

from domain.errors import ReflectorError, TransientError
from domain.text import spacing
from resources.database.catalogue import Catalogue, IndexedTranscript
from resources.database.corrections import CorrectionHistory
from resources.database.database import Database
from resources.results.corrected import CorrectedResults
from resources.results.stored_results import StoredResults
from resources.store.base import Store

log = logging.getLogger(__name__)
# Attempts while other processes index the same recording.
ATTEMPTS = 20


def index(
    recording_id: str, catalogue: Catalogue, history: CorrectionHistory, store: Store, version: str | None = None
) -> None:
    """Index a finished transcript with its corrections, unless that was done; `version` is its data version if known.

    Whoever changes files or corrections calls this afterwards. What was read before another process indexed is read
    again, so that of concurrent calls the last to succeed has read the newest. Raises ReflectorError.
    """
    for _ in range(ATTEMPTS):
        before = catalogue.indexed(recording_id)
        corrections = history.gathered(recording_id)
        if before.corrected == corrections.number and version in {None, before.version}:
            return
        found = CorrectedResults(StoredResults(store, recording_id), corrections).document
        if found is None:
            return
        new = IndexedTranscript(
            recording_id=recording_id,
            version=version,
            corrected=corrections.number,
            room=found.room_name,
            title=found.title,
            started_at=datetime.fromisoformat(found.created_at).timestamp() if found.created_at else None,
            duration=found.duration,
            text=spacing.join(segment.text for segment in found.segments),
        )
        if catalogue.index(new, before):
            return
    raise TransientError("too many processes index it at once", recording=recording_id)


def index_edited(recording_id: str, database: Database, store: Store) -> None:
    """Index a recording after edits were stored; what fails is logged, and done when the list is read next."""
    try:
        index(recording_id, Catalogue(database=database), CorrectionHistory(database=database), store)
    except ReflectorError as error:
        log.warning("the list and the search don't have the last corrections of %s yet: %s", recording_id, error)
