"""Words to be found by, and the place in a text where one stands."""

import re
import unicodedata
from collections.abc import Sequence

# Letters and digits of any script.
_WORD = re.compile(r"[^\W_]+")
# Nobody types more of a word, and databases limit them.
LONGEST = 64
# Bytes of all words of a text: PostgreSQL takes a megabyte.
MOST_BYTES = 500_000


def folded(text: str) -> str:
    """Write a text as it is compared: without case, and each letter in one way."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def words_of(*texts: str) -> list[str]:
    """Each word once, in its order, cut to its first letters; of texts without end only the first words."""
    found: dict[str, None] = {}
    size = 0
    for text in texts:
        for match in _WORD.finditer(folded(text)):
            word = match[0][:LONGEST]
            if word not in found:
                size += len(word.encode()) + 1
                if size > MOST_BYTES:
                    return list(found)
                found[word] = None
    return list(found)


def excerpt(text: str, wanted: Sequence[str], around: int = 80) -> str | None:
    """The first place where a word begins like a wanted one, with so many characters around; None where none does."""
    for match in _WORD.finditer(text):
        # Folding can take a word apart.
        if any(part.startswith(tuple(wanted)) for part in words_of(match[0])):
            return _cut(text, max(0, match.start() - around), min(len(text), match.end() + around))
    return None


def _cut(text: str, begin: int, end: int) -> str:
    """A part of a text in one line, with whole words and marks where more of it stands."""
    part = text[begin:end]
    if begin:
        part = "… " + (part.split(None, 1)[-1] if not text[begin - 1].isspace() else part.lstrip())
    if end < len(text):
        part = (part.rsplit(None, 1)[0] if not text[end].isspace() else part.rstrip()) + " …"
    return " ".join(part.split())
