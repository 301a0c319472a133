"""Words that no one can have spoken: a transcriber's loops, in words and among them."""

import re
import zlib
from collections.abc import Iterator, Sequence

from domain.text.words import Word

LEAST_REPEATS = 4
"""Fewer repetitions are speech: "no, no, no"."""
LONGEST_PHRASE = 8
FASTEST_S, FASTEST_WORD_S = 0.02, 0.1
"""Nobody speaks a letter, or a word, in less time, over a whole phrase."""
LONG_WORD, LAUGHS = 24, 2
_IN_A_WORD = re.compile(r"(.{1,6}?)\1{5,}.{0,6}", re.IGNORECASE)


def compression(text: str) -> float:
    """Return how many times smaller a text gets by compression; that of a loop is high (Whisper's measure)."""
    content = text.encode()
    return len(content) / len(zlib.compress(content)) if content else 0.0


def without_loops(words: Sequence[Word]) -> tuple[tuple[Word, ...], int]:
    """Return the words without those that can't be spoken in their time, and how many were shortened or left out.

    Of a phrase that is repeated faster than it can be spoken, as often as fits its time stays; of a long word of
    repeated letters, a few of them. Other long words stay only if their time is long enough.
    """
    whole = [_shortened(word) for word in words]
    changed = sum(after is not before for before, after in zip(words, whole, strict=True))
    kept = [word for word in whole if word is not None]
    found = list(_once_spoken(kept))
    return tuple(found), changed + len(kept) - len(found)


def _shortened(word: Word) -> Word | None:
    """Return a word as it can be spoken, or None."""
    if len(word.word) <= LONG_WORD:
        return word
    if loop := _IN_A_WORD.fullmatch(word.word):
        return word._replace(word=loop[1] + loop[1].lower() * LAUGHS)
    return word if word.end - word.start >= len(word.word) * FASTEST_S else None


def _once_spoken(words: Sequence[Word]) -> Iterator[Word]:
    """Yield the words; of repeated phrases only as many as can be spoken in their time."""
    number = 0
    while number < len(words):
        size, repeats = _repetition(words, number)
        if not size:
            yield words[number]
            number += 1
            continue
        spoken = words[number : number + size * repeats]
        fastest = max(FASTEST_WORD_S * size, FASTEST_S * sum(len(word.word) for word in spoken[:size]))
        fit = max(1, int((spoken[-1].end - spoken[0].start) / fastest))
        yield from spoken[: size * min(fit, repeats)]
        number += size * repeats


def _repetition(words: Sequence[Word], first: int) -> tuple[int, int]:
    """Return the size of the phrase that is repeated from a word on, and how often; (0, 0) if none is."""
    for size in range(1, LONGEST_PHRASE + 1):
        phrase = [word.word.casefold() for word in words[first : first + size]]
        repeats = 1
        while [word.word.casefold() for word in words[first + size * repeats :][:size]] == phrase:
            repeats += 1
        if repeats >= LEAST_REPEATS:
            return size, repeats
    return 0, 0
