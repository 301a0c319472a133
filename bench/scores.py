"""How well a meeting was heard: words, speakers, names and times against what was spoken."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import jiwer
import numpy as np
from whisper_normalizer.english import EnglishTextNormalizer

from domain.text.words import Word

NEAR_S = 0.2


class Turn(NamedTuple):
    """What one speaker said without a longer pause; times in seconds of the recording."""

    speaker: str
    text: str
    start: float
    end: float


@cache
def _normalizer() -> EnglishTextNormalizer:
    # OpenAI's own for English, with which Whisper's error rates are given: "twenty sixth" and "26th" are the same.
    return EnglishTextNormalizer()


def normal(text: str) -> list[str]:
    """Return the words of a text as they are compared."""
    return _normalizer()(text).split()


def errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """Return the fewest words to replace, insert and delete."""
    if not said or not heard:
        return len(said) + len(heard)
    counts = jiwer.process_words(" ".join(said), " ".join(heard))
    return counts.substitutions + counts.insertions + counts.deletions


def word_error_rate(turns: Sequence[Turn], words: Mapping[str, Sequence[Word]]) -> float:
    """Return the word error rate over all speakers, each compared with their own track."""
    said, heard = _said(turns), {speaker: _heard(found) for speaker, found in words.items()}
    wrong = sum(errors(said.get(speaker, []), heard.get(speaker, [])) for speaker in {*said, *heard})
    return wrong / sum(map(len, said.values()))


def speaker_error_rate(turns: Sequence[Turn], words: Sequence[Word]) -> float:
    """Return the concatenated minimum-permutation word error rate of a transcript with numbered speakers (cpWER)."""
    # Takes longer to import than all else.
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415  # pyright: ignore[reportUnknownVariableType]

    said = list(_said(turns).values())
    numbers = sorted({word.speaker for word in words})
    heard = [_heard([word for word in words if word.speaker == number]) for number in numbers]
    size = max(len(said), len(heard))
    said += [[]] * (size - len(said))
    heard += [[]] * (size - len(heard))
    costs = np.array([[errors(one, other) for other in heard] for one in said])
    return float(costs[linear_sum_assignment(costs)].sum()) / sum(map(len, said))


def onset_errors(turns: Sequence[Turn], words: Mapping[str, Sequence[Word]]) -> list[float]:
    """Return for each turn how far the nearest start of a word of its speaker lies from its start, in seconds."""
    return [min((abs(w.start - turn.start) for w in words[turn.speaker]), default=np.inf) for turn in turns]


def outside(turns: Sequence[Turn], words: Mapping[str, Sequence[Word]]) -> int:
    """Return how many words begin before any speech of their speaker, or end after it, by more than 0.2 s."""
    return sum(
        not any(
            turn.speaker == speaker and turn.start - NEAR_S <= word.start and word.end <= turn.end + NEAR_S
            for turn in turns
        )
        for speaker, found in words.items()
        for word in found
    )


def recall(names: Sequence[str], turns: Sequence[Turn], words: Mapping[str, Sequence[Word]]) -> float:
    """Return the share of spoken names that were heard, each as often as it was spoken."""
    said, heard = _named(names, turns, words)
    return (said & heard).total() / max(1, said.total())


def invented(names: Sequence[str], turns: Sequence[Turn], words: Mapping[str, Sequence[Word]]) -> int:
    """Return how many names were heard that weren't spoken."""
    said, heard = _named(names, turns, words)
    return (heard - said).total()


def _named(
    names: Sequence[str], turns: Sequence[Turn], words: Mapping[str, Sequence[Word]]
) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """Return how often each speaker spoke each part of a name, and how often it was heard of them."""
    wanted = {name for full in names for name in normal(full)}
    heard = {speaker: _heard(found) for speaker, found in words.items()}
    both = (
        Counter((speaker, word) for speaker, text in texts.items() for word in text if word in wanted)
        for texts in (_said(turns), heard)
    )
    said, found = both
    return said, found


def inner_errors(spoken: Sequence[tuple[str, float]], words: Sequence[Word]) -> list[float]:
    """Return how far the starts of correctly heard words lie from (word, start in seconds), as far as both align."""
    said, heard = [_plain(word) for word, _ in spoken], [_plain(word.word) for word in words]
    if not said or not heard:
        return []
    aligned = jiwer.process_words(" ".join(said), " ".join(heard)).alignments[0]
    return [
        abs(words[chunk.hyp_start_idx + n].start - spoken[chunk.ref_start_idx + n][1])
        for chunk in aligned
        if chunk.type == "equal"
        for n in range(chunk.ref_end_idx - chunk.ref_start_idx)
    ]


def _plain(word: str) -> str:
    return "".join(char for char in word.casefold() if char.isalnum()) or "-"


def _said(turns: Sequence[Turn]) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for turn in turns:
        texts.setdefault(turn.speaker, []).append(turn.text)
    return {speaker: normal(" ".join(spoken)) for speaker, spoken in texts.items()}


def _heard(words: Sequence[Word]) -> list[str]:
    return normal(" ".join(word.word for word in words))
