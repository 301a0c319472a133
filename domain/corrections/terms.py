"""Names and words that people corrected, which the next meetings of the room can expect."""

import re
from collections.abc import Iterable

from domain.corrections.edits import AnyEdit, Entry, Identify, Rename, Write
from domain.vocabulary import as_spoken

# More words are a correction of a sentence, not a term.
MOST_WORDS = 3
LONGEST = 60
_AROUND = re.compile(r"^[^\w]+|[^\w]+$")


def given(edits: Iterable[AnyEdit]) -> list[str]:
    """Return the names and words that edits give, in order, without punctuation around them."""
    return [term for one in edits if (term := _given(one))]


def offered(entries: Iterable[Entry], known: Iterable[str]) -> list[str]:
    """Return the terms to offer, in order: names, and words with a capital letter or a digit, that aren't known."""
    found = {term.casefold(): term for entry in entries if (term := _term(entry.edit))}
    seen = {term.casefold() for term in known}
    return [term for folded, term in found.items() if folded not in seen]


def _given(edit: AnyEdit) -> str:
    if isinstance(edit, Rename | Identify):
        return edit.name or ""
    return _AROUND.sub("", edit.text) if isinstance(edit, Write) else ""


def _term(edit: AnyEdit) -> str:
    if not isinstance(edit, Write):
        return as_spoken(_given(edit)).replace(",", "")[:LONGEST]
    text = " ".join(_given(edit).split())
    was = " ".join(_AROUND.sub("", edit.was or "").split())
    is_term = text.casefold() != was.casefold() and "," not in text and any(map(_marks_a_name, text))
    return text if is_term and len(text) <= LONGEST and len(text.split()) <= MOST_WORDS else ""


def _marks_a_name(char: str) -> bool:
    """Return True for a capital letter, a digit, or a letter of a script without capitals."""
    return char.isdigit() or char.isupper() or (char.isalpha() and char.lower() == char.upper())
