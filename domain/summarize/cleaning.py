"""Make spoken sentences readable: remove sounds that are no words of their language, and empty phrases."""

import re
from collections.abc import Mapping

# Sounds that are a word in no language of the table: "um", "er" and "eh" are.
SOUNDS: Mapping[str, str] = {
    "english": r"u+h+m*|u+m{2,}|e+r+m+|h+m+",
    "german": r"ä+h+m*|ö+h+m*|h+m{2,}",
    "dutch": r"u+h+m*|e+h+m+|h+m{2,}",
    "french": r"e+u+h+m*|h+m{2,}",
    "italian": r"e+h+m+|m{3,}",
    "spanish": r"e+h+m+|m{3,}",
    "danish": r"ø+h+m*|h+m{2,}",
    "norwegian": r"ø+h+m*|h+m{2,}",
    "swedish": r"ö+h+m*|h+m{2,}",
}
# Removed only where punctuation isolates them: they have a meaning elsewhere.
ISOLATED: Mapping[str, str] = {"english": r"you know|um|er"}
# At a sentence's beginning; in the middle, "Monday, I mean, Tuesday" is a correction.
OPENING: Mapping[str, str] = {"english": r"i mean|you know|um|er|like(?=, (?:um|uh|hello|hi)\b)"}
# Words that a speaker says twice only by mistake.
TWICE: Mapping[str, str] = {"english": r"the|an|and"}

START, STOP = r"(?:(?<=^)|(?<=\s))", r"(?=[\s,.?!…]|$)"
WORD = re.compile(r"[^\W_]")


def clean(text: str, language: str | None) -> str:
    """Return a sentence without sounds and empty phrases of its language ("english"), and with joined numbers.

    Everything else stays as said, and so does a text in an unknown language. A sentence without a word becomes empty.
    """
    whole = " ".join(text.split())
    kept = whole
    while (shorter := _shortened(kept, language or "")) != kept:
        kept = shorter
    kept = re.sub(r"(?<=\d) (?=[,.]\d{3}\b|-[^\W\d])", "", kept)
    if not WORD.search(kept):
        return ""
    # The beginning was removed with its capital letter.
    return kept[:1].upper() + kept[1:] if whole[:1].isupper() and kept[:1] != whole[:1] else kept


def _shortened(text: str, language: str) -> str:
    if sounds := SOUNDS.get(language):
        text = _without(rf"{START}(?-i:(?![A-ZÄÖØ]{{2}}))(?:{sounds}){STOP}", text)
    if isolated := ISOLATED.get(language):
        text = _without(rf"(?<=,\s)(?-i:(?![A-Z]{{2}}))(?:{isolated})(?=[,.!…])", text)
        text = _without(rf"(?<=^)(?-i:(?![A-Z]{{2}}))(?:{OPENING[language]})(?=,\s)", text)
        text = re.sub(rf"(?<![\w'’-])({TWICE[language]})(?: \1)+(?= \w)", r"\1", text)
    text = re.sub(r"^(?:[\s,;]|[-–—](?=\s))+", "", text)
    return re.sub(r"[\s,;]+$|(?<=\s)[-–—]$", "", text)


def _without(pattern: str, text: str) -> str:
    """Remove what matches, with the comma after it; where a sentence ends, its mark replaces the comma before."""
    text = re.sub(rf",\s*{pattern}(?=[.?!…])", "", text, flags=re.I)
    return re.sub(rf"{pattern},?\s*", "", text, flags=re.I)
