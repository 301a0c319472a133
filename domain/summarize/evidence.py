"""Look up in the words of a meeting what a statement rests on."""

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from domain.names import of_speaker
from domain.results import Evidence, SummaryEvidence
from domain.text.injection import without_orders
from domain.text.search import folded
from domain.text.spacing import UNSPACED, join
from domain.text.table import Table
from domain.text.topics import Chunk, plain_names
from domain.text.words import Word, sentences, words

# Share of a quote's letters that must be found in a row; models change case, marks and single words.
ALIKE = 85
# Letters of the least quote, and of one in a script without spaces: less stands anywhere.
LEAST, LEAST_UNSPACED = 10, 4
# Characters of a quote that is passed on.
LONGEST = 200
_OTHER = re.compile(r"[\W_]+")
_NUMBER = re.compile(r"\d+")
_THOUSANDS = re.compile(r"(?<=\d)[,.'’\s](?=\d{3}(?!\d))")


class _Place(NamedTuple):
    """A word of the text, and the sentence that it stands in."""

    word: Word
    sentence: int


class SpokenText:
    """The words of a part of a meeting, in which quotes are looked up; without orders to a language model."""

    def __init__(self, table: Table, names: Mapping[int, str], chunk: Chunk | None = None) -> None:
        self._names = plain_names(names)
        chunk = chunk or Chunk(0, len(table))
        part = table.iloc[chunk.words_from : chunk.words_to]
        rows = words(part)
        self._places: list[_Place] = []
        self._starts: list[int] = []
        text = list[str]()
        size = 0
        spoken = without_orders(sentences(part))
        for number, sentence in enumerate(spoken):
            for row in sentence.rows:
                plain = _plain(rows[row].word)
                plain = plain if text and _is_tight(text[-1], plain) else f" {plain}"
                self._places.append(_Place(rows[row], number))
                self._starts.append(size)
                text.append(plain)
                size += len(plain)
        self._text = "".join(text)
        # Short sentences are quoted as a whole.
        self._short = {join(_plain(sentence.text).split()) for sentence in spoken}
        self._found: dict[str, Evidence | None] = {}

    def find(self, quote: str) -> Evidence | None:
        """Return the words of the meeting that a quote repeats, nearly or exactly; None if there are none."""
        if quote not in self._found:
            self._found[quote] = self._look_up(quote)
        return self._found[quote]

    def _look_up(self, quote: str) -> Evidence | None:
        from rapidfuzz.fuzz import partial_ratio_alignment  # noqa: PLC0415 - loaded only with a language model

        wanted = join(_plain(quote).split())
        least = LEAST_UNSPACED if UNSPACED.search(wanted) else LEAST
        if not wanted or (len(wanted) < least and wanted not in self._short):
            return None
        found = partial_ratio_alignment(wanted, self._text, score_cutoff=ALIKE)
        if found is None or not self._places:
            return None
        begin, end = self._at(found.dest_start), self._at(max(found.dest_start, found.dest_end - 1))
        places = self._places[begin : end + 1]
        if not set(_NUMBER.findall(wanted)) <= {
            n for place in places for n in _NUMBER.findall(_plain(place.word.word))
        }:
            return None
        return self._evidence(places)

    def _at(self, offset: int) -> int:
        return max(0, bisect_right(self._starts, offset) - 1)

    def _evidence(self, places: Sequence[_Place]) -> Evidence:
        """Quote the sentence that most of the places are in."""
        numbers = [place.sentence for place in places]
        most = max(dict.fromkeys(numbers), key=numbers.count)
        spoken = [place.word for place in places if place.sentence == most]
        return evidence(
            join(word.word for word in spoken),
            min(word.start for word in spoken),
            of_speaker(spoken[0].speaker, self._names),
        )


def unfound(spoken: SpokenText, quotes: Sequence[str], enough: int | None = None) -> str:
    """Return what is wrong with quotes that aren't in the meeting; empty if all are, or at least `enough`."""
    missing = [quote for quote in quotes if not spoken.find(quote)]
    if not missing or (enough is not None and len(quotes) - len(missing) >= enough):
        return ""
    listed = "; ".join(f'"{quote[:80]}"' for quote in missing[:5])
    return (
        f"{len(missing)} of {len(quotes)} quotes aren't in the transcript ({listed}). Copy them word for word from "
        "between the tags, and leave out what you find no words for"
    )


def evidence(quote: str, timestamp: float, speaker: str) -> Evidence:
    """Return the evidence for words that were said at a time in seconds; long ones are cut."""
    if len(quote) > LONGEST:
        quote = re.sub(r"\s+\S*$", "", quote[: LONGEST - 1]) + "…"
    return Evidence(quote=quote, timestamp=timestamp, speaker=speaker)


def of_summary(found: Sequence[Evidence], subject: str | None = None) -> list[SummaryEvidence]:
    """Return evidence as that of a paragraph of the summary, or of its recap."""
    return [SummaryEvidence(**one.model_dump(), subject=subject) for one in found]


def _is_tight(before: str, after: str) -> bool:
    return bool(UNSPACED.match(before[-1:]) and UNSPACED.match(after[:1]))


def _plain(text: str) -> str:
    return _OTHER.sub(" ", _THOUSANDS.sub("", folded(text))).strip()
