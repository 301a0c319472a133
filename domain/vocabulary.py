"""The words that a recording's transcriber should expect, such as names: each once, bounded in length."""

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import StringConstraints

from domain.names import ADDRESS, GENERIC
from domain.recording import Participants

MOST_TERMS = 100
"""Terms in one list."""
MOST_CHARACTERS = 400
"""Characters of a recording's vocabulary, with the commas. Whisper takes 223 tokens, three of which make a name."""

Term = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=r"^[^,\x00-\x1f\x7f]*$")
]
# What people add to their names: a remark in parentheses, symbols.
_ADDED = re.compile(r"\([^)]*\)|[^\w\s.'\u2019-]")


def parse(text: str) -> list[str]:
    """Return the terms of a comma-separated list."""
    return [term for part in text.split(",") if (term := " ".join(part.split()))]


def compose(*lists: Iterable[str]) -> tuple[str, ...]:
    """Return the terms of all lists in order, each once; those that exceed the limit are left out."""
    terms: dict[str, str] = {}
    size = 0
    for term in (term for terms in lists for term in terms):
        if term.casefold() not in terms and size + len(term) <= MOST_CHARACTERS:
            terms[term.casefold()] = term
            size += len(term) + 2
    return tuple(terms.values())


def names(people: Participants) -> list[str]:
    """Return the participants' names as they are spoken, without addresses and names such as "Guest"."""
    return [name for person in people.root if (name := as_spoken(person.name))]


def as_spoken(name: str) -> str:
    """Return a name as it is spoken; empty for an address or a name such as "Guest"."""
    spoken = "" if ADDRESS.search(name) else " ".join(_ADDED.sub(" ", name).split())
    return spoken if re.search(r"[^\W\d_]", spoken) and not GENERIC.match(spoken) else ""
