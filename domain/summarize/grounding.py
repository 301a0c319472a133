"""Hold a language model's answers to the meeting: to its people and its words."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from domain.summarize.people import called, fold
from domain.summarize.sentences import tokens
from domain.text.search import words_of

MAX_NAME = 80


def known_name(given: str | None, names: Mapping[int, str], spoken: str) -> str | None:
    """Return the participant that is meant, or a name from the meeting's text; None for any other."""
    if not given or len(given) > MAX_NAME:
        return None
    people = _called(tuple(names.values())).get(fold(given).strip(" ."), ())
    if len(people) == 1:
        return people[0]
    words = words_of(given)
    return given if words and set(words) <= _words(spoken) else None


def mentions_any(text: str, others: Iterable[str]) -> bool:
    """Return True if a text shares a word of three letters or more with others, or has none."""
    content = _content(text)
    return not content or not content.isdisjoint(token for other in others for token in _content(other))


@lru_cache(maxsize=8)
def _called(names: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    return called(names)


@lru_cache(maxsize=2)
def _words(spoken: str) -> frozenset[str]:
    return frozenset(words_of(spoken))


def _content(text: str) -> frozenset[str]:
    return frozenset(token[:6] for token in tokens(text) if len(token) > 2 or not token.isascii())
