"""The events of edits that no run has taken yet: what they change, as it stands now."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from domain.corrections.edits import AnyEdit, Assign, Entry, Undo, Write
from domain.errors import PermanentError
from domain.events import (
    ACTION_ITEMS,
    CORRECTION,
    FINAL_LONG_SUMMARY,
    FINAL_SHORT_SUMMARY,
    FINAL_TITLE,
    TOPIC,
    TRANSCRIPT,
    Cause,
)
from domain.recording import Frozen
from domain.results import Summary, Title, Topic, Topics, Transcript
from resources.database.corrections import CorrectionHistory
from resources.results.corrected import CorrectedResults
from resources.results.stored_results import StoredResults
from resources.store.base import Store

# The events of content in the order of their part in an event's id, which is the same whichever of them are sent.
CONTENT = (CORRECTION, TRANSCRIPT, FINAL_TITLE, FINAL_LONG_SUMMARY, FINAL_SHORT_SUMMARY, ACTION_ITEMS, TOPIC)
OF_PART: Mapping[str, tuple[Cause, ...]] = {
    "title": (FINAL_TITLE,),
    "summary": (FINAL_LONG_SUMMARY, FINAL_SHORT_SUMMARY),
    "action_items": (ACTION_ITEMS,),
    "topics": (TOPIC,),
    "words": (TRANSCRIPT, TOPIC),
}


class EditEvent(NamedTuple):
    """An event of the edits up to a number."""

    number: int
    part: int
    at: float
    name: str
    payload: Frozen


class EditEvents:
    """Reads what people changed since the last call, or since the last run."""

    def __init__(self, recording_id: str, store: Store, history: CorrectionHistory) -> None:
        self._results, self._history = StoredResults(store, recording_id), history
        self._number = 0

    def read(self) -> list[EditEvent]:
        """Return the events; raises TransientError."""
        if self._history.number(self._results.id) <= self._number:
            return []
        corrections = self._history.gathered(self._results.id)
        found = CorrectedResults(self._results, corrections)
        try:
            new = list(self._events(found)) if found.is_pending else []
        except PermanentError:
            # Files of other code, which are therefore stale: the run has the events.
            new = []
        self._number = corrections.number
        return new

    def _events(self, found: CorrectedResults) -> Iterator[EditEvent]:
        assert found.made is not None
        assert found.transcript is not None
        history = self._history.history(self._results.id)
        edits = [_undone(one, history) for one in history if one.number > max(found.made.revision, self._number)]
        causes = {CORRECTION, *(cause for edit in edits for cause in OF_PART.get(edit.part, ()))}
        for at, cause in enumerate(CONTENT):
            if cause in causes:
                for part, payload in _payloads(cause, found, found.transcript, edits):
                    number, when = found.corrections.number, found.corrections.at
                    yield EditEvent(number, at + part, when, cause.event, payload)


def _payloads(
    cause: Cause, found: CorrectedResults, now: Transcript, edits: Sequence[AnyEdit]
) -> Iterator[tuple[int, Frozen]]:
    """Yield an event's payloads, with the number of each topic."""
    if cause is TOPIC:
        for number, payload in enumerate(cause.payloads(Topics(now.topics), {})):
            if any(_concerns(edit, now.topics, number) for edit in edits):
                yield number, payload
        return
    values: dict[Cause, Any] = {
        CORRECTION: found.corrections,
        FINAL_TITLE: Title(title=now.title, method=now.method),
        ACTION_ITEMS: now.action_items,
    }
    summary = Summary(long_summary=now.long_summary, short_summary=now.short_summary, method=now.method)
    value: Any = found.table if cause is TRANSCRIPT else values.get(cause, summary)
    yield from ((0, payload) for payload in cause.payloads(value, {}))


def _concerns(edit: AnyEdit, topics: Sequence[Topic], number: int) -> bool:
    """Return True if an edit changes a topic's texts or words."""
    if not isinstance(edit, Assign | Write):
        return edit.part == "topics"
    first, last = (bisect_right(topics, at, key=lambda one: one.timestamp) - 1 for at in (edit.start, edit.end))
    return max(0, first) <= number <= max(0, last)


def _undone(entry: Entry, history: Sequence[Entry]) -> AnyEdit:
    """Return an edit, or the one that an undo undoes or restores."""
    while isinstance(entry.edit, Undo):
        entry = history[entry.edit.number - 1]
    return entry.edit
