"""Words for the search index, and excerpts around matches."""

import re
import unicodedata
from collections.abc import Sequence

# Letters and digits of any script.
_WORD = re.compile(r"[^\W_]+")
# Longer words are truncated: databases limit them.
MAX_WORD = 64
# Bytes of all words of a text; PostgreSQL accepts a megabyte.
MAX_BYTES = 500_000


def folded(text: str) -> str:
    """Normalize a text for comparison: fold case, and unify the forms of each letter."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def words_of(*texts: str) -> list[str]:
    """Return the distinct words in order, truncated; of very long texts only the first words."""
    found: dict[str, None] = {}
    size = 0
    for text in texts:
        for match in _WORD.finditer(folded(text)):
            word = match[0][:MAX_WORD]
            if word not in found:
                size += len(word.encode()) + 1
                if size > MAX_BYTES:
                    return list(found)
                found[word] = None
    return list(found)


def excerpt(text: str, wanted: Sequence[str], around: int = 80) -> str | None:
    """Return the first word with a wanted prefix and `around` characters of context; None if there is none."""
    for match in _WORD.finditer(text):
        # Folding can split a word.
        if any(part.startswith(tuple(wanted)) for part in words_of(match[0])):
            return _cut(text, match.start(), match.end(), around)
    return None


def _cut(text: str, begin: int, end: int, around: int) -> str:
    """Return part of a text with context, on one line and in whole words; `…` marks omissions."""
    before, after = text[max(0, begin - around) : begin], text[end : end + around]
    if begin > around:
        # Up to the first space it may be part of a word.
        before = "… " + re.sub(r"^\S+\s", "", before)
    if end + around < len(text):
        after = re.sub(r"\s\S*$", "", after) + " …"
    return " ".join((before + text[begin:end] + after).split())
