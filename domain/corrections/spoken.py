"""Corrections of words: who spoke them and what they are, applied to the words as they were transcribed."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from domain.corrections.edits import Assign, Entry, Write
from domain.text.words import Word, shares

# Seconds around its time in which an edit looks for the words that it replaces.
NEAR_S = 5.0
# Seconds that an inserted word takes where the speaker's pause leaves as much.
INSERTED_S = 0.3
# No spoken word is longer.
LONGEST_WORD_S = 60.0
# The confidence of words that a person wrote.
CERTAIN = 1.0


class Row(NamedTuple):
    """A word, and the row of the transcribed word that it is or stands for."""

    word: Word
    origin: int


class Corrected(NamedTuple):
    """The rows ordered by start; `conflicts` says which edits no longer fit the words, and why."""

    rows: list[Row]
    conflicts: list[str]

    @property
    def words(self) -> list[Word]:
        """Return the words."""
        return [row.word for row in self.rows]

    def cut(self, origin: int) -> int:
        """Return the first row at or after a transcribed word."""
        return next((at for at, row in enumerate(self.rows) if row.origin >= origin), len(self.rows))


def apply(words: Sequence[Word], entries: Iterable[Entry], duration: float) -> Corrected:
    """Apply edits of words in order to words ordered by start; `duration` of the recording is in seconds.

    An edit whose words aren't there, as after another transcription, is a conflict and changes nothing.
    """
    rows = [Row(word, at) for at, word in enumerate(words)]
    conflicts: list[str] = []
    for entry in entries:
        edit = entry.edit
        if isinstance(edit, Assign):
            changed = _assign(rows, edit)
        elif isinstance(edit, Write):
            changed = _insert(rows, edit, duration) if edit.start == edit.end else _replace(rows, edit)
        else:
            continue
        if changed is None:
            conflicts.append(f"Correction {entry.number} ({describe(edit)}) doesn't fit the words any more.")
        else:
            rows = changed
    return Corrected(rows, conflicts)


def describe(edit: Assign | Write) -> str:
    """Describe an edit of words on one line."""
    if isinstance(edit, Assign):
        return f"{edit.start:.1f} to {edit.end:.1f} s to speaker {edit.speaker}"
    was = f"{edit.was!r} " if edit.was else ""
    return (
        f"{was}at {edit.start:.1f} s to {edit.text!r}" if edit.text.strip() else f"{was}at {edit.start:.1f} s deleted"
    )


def _assign(rows: list[Row], edit: Assign) -> list[Row] | None:
    chosen = {at for at in _between(rows, edit.start, edit.end) if not edit.of or rows[at].word.speaker in edit.of}
    if not chosen:
        return None
    return [
        row._replace(word=row.word._replace(speaker=edit.speaker)) if at in chosen else row
        for at, row in enumerate(rows)
    ]


def _replace(rows: list[Row], edit: Write) -> list[Row] | None:
    chosen = _found(rows, edit)
    if not chosen:
        return None
    old = [rows[at] for at in chosen]
    start, end = old[0].word.start, max(row.word.end for row in old)
    made = _spread(edit.text.split(), start, end, old[0].word.speaker)
    new = [Row(word, old[min(at, len(old) - 1)].origin) for at, word in enumerate(made)]
    gone = set(chosen)
    return _ordered([row for at, row in enumerate(rows) if at not in gone], new, before=chosen[0])


def _insert(rows: list[Row], edit: Write, duration: float) -> list[Row] | None:
    if edit.start > max(duration, rows[-1].word.end if rows else 0.0):
        return None
    at = bisect_right(rows, edit.start, key=_start)
    neighbour = rows[at - 1] if at else rows[0] if rows else None
    speaker = edit.speaker if edit.speaker is not None else neighbour.word.speaker if neighbour else 0
    texts = edit.text.split()
    following = next((row.word.start for row in rows[at:] if row.word.speaker == speaker), max(duration, edit.start))
    end = max(edit.start, min(edit.start + INSERTED_S * len(texts), following))
    origin = neighbour.origin if neighbour else 0
    return _ordered(rows, [Row(word, origin) for word in _spread(texts, edit.start, end, speaker)], before=at)


def _found(rows: list[Row], edit: Write) -> list[int]:
    """Return the rows that an edit replaces: the nearest ones of one speaker with its words, or those of its time."""
    if edit.was is None:
        chosen = _between(rows, edit.start, edit.end)
        own = [at for at in chosen if rows[at].word.speaker == edit.speaker]
        return own or ([] if edit.speaker is not None else chosen)
    wanted = edit.was.split()
    near = range(
        bisect_left(rows, edit.start - NEAR_S, key=_start), bisect_right(rows, edit.start + NEAR_S, key=_start)
    )
    runs = [run for at in near if (run := _run(rows, at, wanted))]
    none: list[int] = []

    def distance(run: list[int]) -> tuple[bool, float]:
        # Another transcription can have numbered the speakers differently.
        first = rows[run[0]].word
        return first.speaker != edit.speaker, abs(first.start - edit.start)

    return min(runs, key=distance, default=none)


def _run(rows: list[Row], first: int, wanted: list[str]) -> list[int]:
    """Return consecutive rows of one speaker, from the first, that have the wanted words; none if they differ."""
    chosen: list[int] = []
    found: list[str] = []
    for at in range(first, len(rows)):
        if rows[at].word.speaker != rows[first].word.speaker:
            continue
        chosen.append(at)
        found += rows[at].word.word.split()
        if found == wanted:
            return chosen
        if found != wanted[: len(found)]:
            break
    return []


def _between(rows: list[Row], start: float, end: float) -> list[int]:
    """Return the rows whose middle lies in a stretch of time."""
    near = range(bisect_left(rows, start - LONGEST_WORD_S, key=_start), bisect_right(rows, end, key=_start))
    return [at for at in near if start <= (rows[at].word.start + rows[at].word.end) / 2 <= end]


def _spread(texts: list[str], start: float, end: float, speaker: int) -> list[Word]:
    """Spread words over a stretch of time by their lengths."""
    limits = pairwise(shares([len(text) for text in texts], start, end))
    return [Word(text, *limit, speaker, CERTAIN) for text, limit in zip(texts, limits, strict=True)]


def _ordered(rows: list[Row], new: list[Row], before: int) -> list[Row]:
    """Return the rows with new ones, which come before others of the same start, ordered by start (stable)."""
    return sorted([*rows[:before], *new, *rows[before:]], key=_start)


def _start(row: Row) -> float:
    return row.word.start
