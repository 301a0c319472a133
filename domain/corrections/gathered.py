"""What stands of a recording's edits, as the value of the asset `corrections`."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, get_args

from domain.corrections.edits import Entry, Remake, Review, of_kind, standing
from domain.recording import Frozen

# When the generated texts are made again after an edit.
Follow = Literal["at_once", "on_request", "never"]
# The parts of the data version; `read` are the edits of people and words that the generated texts are made from.
Part = Literal["people", "words", "title", "summary", "topics", "action_items", "reviewed", "read"]
PARTS: tuple[Part, ...] = get_args(Part)
NOTHING = "none"


class Corrections(Frozen):
    """The edits that stand, in order; `number` and `at` are those of the last edit, whether it stands or not.

    `read` are those of people and words that the generated texts are made from.
    """

    number: int = 0
    at: float = 0.0
    entries: tuple[Entry, ...] = ()
    read: tuple[Entry, ...] = ()

    def of(self, part: str) -> tuple[Entry, ...]:
        """Return the edits of one part: those that stand, or those that generated texts are made from."""
        return self.read if part == "read" else _of(self.entries, part)

    def read_of(self, part: str) -> tuple[Entry, ...]:
        """Return the edits of people or words that generated texts are made from."""
        return _of(self.read, part)

    @property
    def reviewed(self) -> bool:
        """Return True if the transcript is marked as reviewed."""
        marks = of_kind(self.entries, Review)
        return bool(marks) and marks[-1].reviewed

    @property
    def texts_are_older(self) -> bool:
        """Return True if the generated texts are older than names or words."""
        return _digest((*self.of("people"), *self.of("words"))) != _digest(
            (*self.read_of("people"), *self.read_of("words"))
        )

    def version(self) -> str:
        """Return the data version: of each part that has edits the hash of their content, without who and when."""
        parts = {part: _digest(found) for part in PARTS if (found := self.of(part))}
        return ";".join(f"{part}={digest}" for part, digest in parts.items()) or NOTHING


def parts_of(version: str | None) -> Mapping[str, str]:
    """Return the parts of a data version; no version is that of no edits."""
    return dict(pair.split("=", 1) for pair in (version or NOTHING).split(";") if "=" in pair)


def gather(history: Sequence[Entry], *, names: Follow = "at_once", words: Follow = "on_request") -> Corrections:
    """Return what stands of a history; `names` and `words` say after which edits texts are generated anew."""
    now = standing(history)
    requests = [entry.number for entry in now if isinstance(entry.edit, Remake)]
    asked = standing([entry for entry in history if requests and entry.number <= requests[-1]])
    ways = {"at_once": now, "on_request": asked, "never": ()}
    read = sorted((*_of(ways[names], "people"), *_of(ways[words], "words")), key=lambda entry: entry.number)
    kept = tuple(entry for entry in now if entry.edit.part != "request")
    if not history:
        return Corrections()
    return Corrections(number=history[-1].number, at=history[-1].at, entries=kept, read=tuple(read))


def _of(entries: Iterable[Entry], part: str) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if entry.edit.part == part)


def _digest(entries: Iterable[Entry]) -> str:
    content = json.dumps([entry.edit.model_dump(mode="json") for entry in entries], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:12]
