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
            return _cut(text, match.start(), match.end(), around)
    return None


def _cut(text: str, begin: int, end: int, around: int) -> str:
    """A part of a text, and about so many characters around it, in one line and in whole words; `…` stands for more."""
    before, after = text[max(0, begin - around) : begin], text[end : end + around]
    if begin > around:
        # Up to the first space it may be half a word.
        before = "… " + re.sub(r"^\S+\s", "", before)
    if end + around < len(text):
        after = re.sub(r"\s\S*$", "", after) + " …"
    return " ".join((before + text[begin:end] + after).split())
