"""Divide a meeting into sections where its subject changes, by the words that neighbouring passages share.

Similarity of the passages before and after each sentence, as in TextTiling (Hearst 1997): a boundary is where it is
lower than on both sides. Announcements ("next point") and long pauses count too. Deterministic, and the same for all
methods of summarizing.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from domain.summarize.sentences import language_of, stop_words, tokens
from domain.text.table import Table
from domain.text.topics import Chunk
from domain.text.words import Sentence, sentences

# Words of the least section, sections of the longest meeting, and seconds per section at least, on average.
LEAST_WORDS, MOST, SECONDS_EACH = 60, 40, 65.0
# Words of the passages that are compared before and after a sentence.
WINDOWS = (50, 110, 200)
# How much a boundary must stand out: in standard deviations of all places.
PROMINENCE = 1.5
# What an announcement and a pause add, in the same unit.
ANNOUNCED, PAUSED = 2.0, 0.5
PAUSE_S = 4.0
# Letters of a word that must be equal: endings differ.
STEM = 6
ANNOUNCES = re.compile(
    r"\b(?:(?:the |our )?(?:next|second|third|fourth|fifth|last|final) (?:point|topic|item|subject|question|issue)\b|"
    r"(?:let's|let us|shall we|we can|can we|I'd like to|I would like to) (?:move|go|jump|turn|switch) (?:on|to)\b|"
    r"moving on\b|on to (?:the )?next\b|that brings us to\b|another (?:topic|point|subject)\b|"
    r"(?:nächste[rsn]?|letzte[rsn]?|zweite[rsn]?|dritte[rsn]?) (?:punkt|thema|frage)|"
    r"(?:kommen|gehen) wir (?:nun |jetzt |dann )?(?:zu|weiter)|weiter geht es mit|"
    r"(?:point|sujet|thème|question) suivant|prochain (?:point|sujet)|passons (?:à|au|maintenant)|"
    r"(?:siguiente|próximo) (?:punto|tema)|pas[ae]mos a|(?:prossimo|successivo) (?:punto|argomento)|passiamo a|"
    r"próximo (?:ponto|assunto)|passemos a|vamos passar|volgende (?:punt|onderwerp)|laten we doorgaan|"
    r"następny (?:punkt|temat)|przejdźmy do|следующ(?:ий|ая) (?:вопрос|тема|пункт)|перейд[её]м к|"
    r"наступн(?:е|ий) (?:питання|пункт)|перейдемо до|sonraki (?:konu|madde)|geçelim)"
    r"|下一个(?:议题|话题|问题)|接下来(?:我们)?(?:讨论|说|谈)|次の(?:議題|話題|件)|次に|다음 (?:안건|주제)|"
    r"الموضوع التالي|ننتقل إلى|अगला (?:विषय|मुद्दा)",
    re.I,
)


class _Place(NamedTuple):
    """A sentence at which a section can begin: its first row, and how well it would do."""

    row: int
    worth: float


def sections(words: Table) -> list[Chunk]:
    """Return the sections of a words table as ranges of its rows, in order; none of an empty one."""
    count = len(words)
    if not count:
        return []
    spoken = sentences(words)
    seconds = float(words["end"].max() - words["start"].min())
    most = max(1, min(MOST, count // LEAST_WORDS, int(seconds // SECONDS_EACH)))
    begins = [] if most == 1 else _boundaries(_places(spoken), count, most)
    return [Chunk(at, to) for at, to in pairwise([0, *begins, count])]


def _places(spoken: Sequence[Sentence]) -> list[_Place]:
    """Rate each sentence but the first as the beginning of a section."""
    bags = _bags(spoken)
    sizes = [len(sentence.rows) for sentence in spoken]
    depths = [0.0] * len(spoken)
    for window in WINDOWS:
        for at, depth in enumerate(_depths(_similarities(bags, sizes, window))):
            depths[at] += depth / len(WINDOWS)
    inner = depths[1:] or [0.0]
    mean = sum(inner) / len(inner)
    deviation = math.sqrt(sum((depth - mean) ** 2 for depth in inner) / len(inner)) or 1.0
    places: list[_Place] = []
    for at in range(1, len(spoken)):
        worth = (depths[at] - mean) / deviation
        worth += ANNOUNCED * bool(ANNOUNCES.search(spoken[at].text))
        worth += PAUSED * (spoken[at].start - max(one.end for one in spoken[max(0, at - 5) : at]) > PAUSE_S)
        places.append(_Place(spoken[at].rows[0], worth))
    return sorted(places)


def _bags(spoken: Sequence[Sentence]) -> list[dict[str, float]]:
    """Return the weighted content words of each sentence; words all over the meeting weigh little."""
    banned = stop_words(language_of(one.text for one in spoken))
    found = [
        Counter(token[:STEM] for token in tokens(one.text) if token not in banned and len(token) > 1) for one in spoken
    ]
    # In how many stretches of about a minute a word occurs.
    stretches: list[set[str]] = []
    size = 0
    for bag, one in zip(found, spoken, strict=True):
        if not stretches or size >= WINDOWS[1]:
            stretches.append(set())
            size = 0
        stretches[-1].update(bag)
        size += len(one.rows)
    seen = Counter(token for stretch in stretches for token in stretch)
    total = len(stretches)
    return [{token: count * math.log(1 + total / seen[token]) for token, count in bag.items()} for bag in found]


def _similarities(bags: Sequence[dict[str, float]], sizes: Sequence[int], window: int) -> list[float]:
    """Return the cosine of the passages of about `window` words before and from each sentence on."""
    found: list[float] = []
    for at in range(len(bags)):
        before, after = (
            _passage(bags, sizes, range(at - 1, -1, -1), window),
            _passage(bags, sizes, range(at, len(bags)), window),
        )
        product = sum(weight * after.get(token, 0.0) for token, weight in before.items())
        norm = math.sqrt(sum(w * w for w in before.values()) * sum(w * w for w in after.values()))
        found.append(product / norm if norm else 0.0)
    return found


def _passage(bags: Sequence[dict[str, float]], sizes: Sequence[int], rows: range, window: int) -> dict[str, float]:
    whole: dict[str, float] = {}
    size = 0
    for row in rows:
        if size >= window:
            break
        size += sizes[row]
        for token, weight in bags[row].items():
            whole[token] = whole.get(token, 0.0) + weight
    return whole


def _depths(similar: Sequence[float]) -> list[float]:
    """Return how far each similarity lies below the peaks on both sides of it."""
    left, right = list(similar), list(similar)
    for at in range(1, len(similar)):
        left[at] = max(similar[at], left[at - 1] if similar[at - 1] >= similar[at] else similar[at])
    for at in range(len(similar) - 2, -1, -1):
        right[at] = max(similar[at], right[at + 1] if similar[at + 1] >= similar[at] else similar[at])
    return [left[at] + right[at] - 2 * similar[at] for at in range(len(similar))]


def _boundaries(places: Sequence[_Place], count: int, most: int) -> list[int]:
    """Return the rows at which sections begin: the best places, at least `LEAST_WORDS` apart, fewer than `most`."""
    demand = PROMINENCE
    while True:
        chosen = _chosen(places, count, demand)
        if len(chosen) < most:
            return chosen
        demand = demand * 1.25 + 0.05


def _chosen(places: Sequence[_Place], count: int, demand: float) -> list[int]:
    """Choose the places whose worth over `demand` is the most in sum, by dynamic programming."""
    able = [place for place in places if LEAST_WORDS <= place.row <= count - LEAST_WORDS and place.worth > demand]
    # The best sum with the place as last one, and the place before it.
    best: list[tuple[float, int]] = []
    leading: list[tuple[float, int]] = []
    reach = 0
    for at, place in enumerate(able):
        while able[reach].row <= place.row - LEAST_WORDS:
            reach += 1
        total, last = leading[reach - 1] if reach else (0.0, -1)
        best.append((total + place.worth - demand, last))
        leading.append(max(leading[-1], (best[at][0], at), key=lambda one: one[0]) if leading else (best[at][0], at))
    rows: list[int] = []
    at = leading[-1][1] if leading else -1
    while at >= 0:
        rows.append(able[at].row)
        at = best[at][1]
    return rows[::-1]
