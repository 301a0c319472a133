"""Terms of the search index in every script, and excerpts around matches.

A query, a text and an excerpt are divided into terms by the same function. A word is one term, without accents and
vowel points; a script without spaces has a term of up to three letters at each of its letters, so that any part of it
is the beginning of a term.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from domain.text.letters import MARKS

# Longer words are truncated: databases limit them.
MAX_WORD = 64
# Letters per term in scripts without spaces.
GRAM = 3
# A letter of private use, which no text has a word of: marks the letters that words begin with.
FIRST = "\ue000"
# Bytes of all terms of a text; PostgreSQL accepts a megabyte.
MAX_BYTES = 500_000

# Thai, Lao, Burmese, Khmer, Japanese and Chinese; digits and full-width Latin letters stand in words.
_DENSE = (
    r"(?=[^\W\d_])[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff"
    r"\u3400-\u9fff\ua9e0-\ua9ff\uaa60-\uaa7f\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff]"
)
# Invisible separators, and the voiced sounds of half-width kana, are part of the letter before them.
_JOINED = rf"[{MARKS}\u00ad\u200b\u2060\uff9e\uff9f]*"
_MARK = re.compile(rf"[{MARKS}]+")
_CLUSTER = re.compile(rf"{_DENSE}{_JOINED}")
# Letters and digits of any script, and those of scripts without spaces apart from the others.
_RUN = re.compile(rf"(?:[^\W_]+{_JOINED})+")
_TOKEN = re.compile(rf"(?P<dense>(?:{_DENSE}{_JOINED})+)|(?:(?!{_DENSE})[^\W_]{_JOINED})+")
# Accents, Hebrew and Arabic vowel points, dots of Indic letters, and what is invisible or only stretches a word.
_DROPPED = re.compile(
    r"[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f"
    r"\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u08d3-\u08ff\u093c\u09bc\u0a3c\u0b3c"
    r"\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f\u00ad\u200b-\u200d\u2060]"
)
# Letters that Unicode doesn't decompose, and forms of one letter that are typed for each other.
_SAME = {
    "ı": "i", "ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ħ": "h", "ŧ": "t",
    "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ھ": "ه", "ہ": "ه", "ँ": "ं",
}  # fmt: skip
# A pattern finds them many times faster than str.translate does in a text without any.
_ANY_SAME = re.compile(f"[{''.join(_SAME)}]")
_DIGIT = re.compile(r"[^\D0-9]")
# About a sentence or two, up to a character that is in no term.
_PIECE = re.compile(rf"[\s\S]{{1,400}}{_JOINED}(?:[^\W_]+{_JOINED})*")
_UMLAUT = re.compile("[äöüÄÖÜ]")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


class Term(NamedTuple):
    """A folded term, and where it begins and ends in the text."""

    word: str
    begin: int
    end: int


class Excerpt(NamedTuple):
    """A part of a text, and the ranges in it that match, in characters (Unicode code points)."""

    text: str
    marks: tuple[tuple[int, int], ...] = ()


def folded(text: str) -> str:
    """Return a text in one form of each letter: without case, accents and vowel points, digits as in ASCII."""
    if text.isascii():
        return text.lower()
    plain = _DROPPED.sub("", unicodedata.normalize("NFKD", text)).casefold()
    plain = _ANY_SAME.sub(lambda found: _SAME[found[0]], plain)
    plain = _DROPPED.sub("", unicodedata.normalize("NFKD", plain))
    plain = _DIGIT.sub(lambda found: str(unicodedata.digit(found[0])), plain)
    return unicodedata.normalize("NFC", plain).replace("\u0e4d\u0e32", "\u0e33").replace("\u0ecd\u0eb2", "\u0eb3")


def terms(text: str, *, query: bool = False) -> Iterator[Term]:
    """Yield the terms of a text, in order; of a query only those that must all begin a term of the text."""
    for run in _RUN.finditer(text):
        if run[0].isascii():
            yield Term(run[0].lower()[:MAX_WORD], *run.span())
            continue
        for found in _TOKEN.finditer(text, *run.span()):
            if found["dense"]:
                yield from _grams(found[0], found.start(), query=query)
                continue
            forms = [found[0]]
            if not query and _UMLAUT.search(found[0]):
                forms.append(found[0].translate(_UMLAUTS))
            for word in (word for form in forms for word in _words(form, query=query)):
                yield Term(word, found.start(), found.end())


def words_of(*texts: str, query: bool = False) -> list[str]:
    """Return the distinct terms in order, truncated; of very long texts only the first terms."""
    found: dict[str, None] = {}
    size = 0
    for word in (term.word for text in texts for term in terms(text, query=query)):
        if word not in found:
            size += len(word.encode()) + 1
            if size > MAX_BYTES:
                break
            found[word] = None
    return list(found)


def first_letters(words: Sequence[str]) -> list[str]:
    """Return a term for each letter that begins a word, by which a query of one letter is answered."""
    return sorted({f"{FIRST}{word[0]}" for word in words if not _CLUSTER.match(word)})


def by_first_letter(wanted: str) -> str:
    """Return the term of `first_letters` for a wanted word of one letter, and other words as they are."""
    return wanted if len(wanted) > 1 or _CLUSTER.match(wanted) else f"{FIRST}{wanted}"


def excerpt(text: str, wanted: Sequence[str], around: int = 80) -> Excerpt | None:
    """Return the first term that begins with a wanted one, and `around` characters of context; None without match."""
    begins = tuple(wanted)
    for piece in _PIECE.finditer(text):
        if not _may_match(piece[0], begins):
            continue
        for term in terms(piece[0]):
            if term.word.startswith(begins):
                begin, end = piece.start() + term.begin, piece.start() + term.end
                part = _cut(text, begin, end, around)
                return Excerpt(part, _marks(part, begins))
    return None


def _may_match(text: str, begins: tuple[str, ...]) -> bool:
    """Return True if a wanted beginning is anywhere in a text, which is much faster to see than its terms."""
    plain = folded(text)
    if any(one in plain for one in begins):
        return True
    # "pruefen" can stand for "prüfen".
    if not (_UMLAUT.search(text) and any(re.search("[aou]e", one) for one in begins)):
        return False
    plain = folded(text.translate(_UMLAUTS))
    return any(one in plain for one in begins)


@lru_cache(maxsize=16_384)
def _words(token: str, *, query: bool) -> tuple[str, ...]:
    """Return the terms of a word: one, unless folding splits it, as "½" into 1 and 2."""
    found: list[str] = []
    for part in _TOKEN.finditer(folded(token)):
        dense = part["dense"] is not None
        found += [term.word for term in _grams(part[0], 0, query=query)] if dense else [part[0][:MAX_WORD]]
    return tuple(found)


def _grams(run: str, begin: int, *, query: bool) -> Iterator[Term]:
    """Yield up to three letters from each letter of a run on; of a query, no part of another term."""
    plain = _CLUSTER.findall(folded(run))
    places = [letter.span() for letter in _CLUSTER.finditer(run)]
    if len(plain) != len(places):
        # Folding split a letter, as Lao "ໝ".
        places = [(at, to) for at, to in places for _ in _CLUSTER.findall(folded(run[at:to]))]
    if len(plain) != len(places):
        places = [(0, len(run))] * len(plain)
    for at in range(max(1, len(plain) - GRAM + 1) if query else len(plain)):
        last = places[at : at + GRAM][-1][1]
        yield Term("".join(plain[at : at + GRAM])[:MAX_WORD], begin + places[at][0], begin + last)


def _marks(text: str, wanted: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """Return the ranges of a text that match, without overlaps."""
    found: list[tuple[int, int]] = []
    for word, begin, last in terms(text):
        for one in (one for one in wanted if word.startswith(one)):
            end = begin + _covered(text[begin:last], one)
            if found and begin <= found[-1][1]:
                found[-1] = (found[-1][0], max(end, found[-1][1]))
            else:
                found.append((begin, end))
    return tuple(found)


def _covered(token: str, wanted: str) -> int:
    """Return how many characters of a token a wanted beginning covers; all of them if that isn't certain."""
    for size in range(1, len(token)):
        if folded(token[:size]).startswith(wanted) and not _MARK.match(token, size):
            return size
    return len(token)


def _cut(text: str, begin: int, end: int, around: int) -> str:
    """Return part of a text with context, on one line and in whole words; `…` marks omissions."""
    before, after = text[max(0, begin - around) : begin], text[end : end + around]
    if begin > around:
        # Up to the first space it may be part of a word.
        before = "… " + re.sub(r"^\S+\s", "", _MARK.sub("", before, count=1) if _MARK.match(before) else before)
    if end + around < len(text):
        after = re.sub(r"\s\S*$", "", after) + " …"
    return " ".join((before + text[begin:end] + after).split())
