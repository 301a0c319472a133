"""How long a search takes, by how many transcripts match: `python -m bench.search --size full`.

Transcripts have lengths as of meetings of a few minutes to three hours and words as frequent as in a language (Zipf's
law); a tenth of them is in Chinese and a tenth in Thai, without spaces. They are indexed as a deployment does it, and
then copied within the database. Measured is the CPU of the call that the API makes for a page of 20 rows, with their
excerpts and the number of all matches, in this process and in the server of the database.
"""

import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import accumulate, pairwise
from tempfile import TemporaryDirectory
from typing import NamedTuple

import sqlalchemy as sa

from bench.results import Cell, Result, Size, Table, Target, cli
from resources.database.catalogue import Catalogue, IndexedTranscript
from resources.database.database import Database
from testing.parts.postgres import Postgres

# Transcripts that are written, and those with copies.
SIZES = {Size.LEAST: (30, 60), Size.SHORT: (500, 5_000), Size.FULL: (2_000, 50_000)}
REPEAT = {Size.LEAST: 1, Size.SHORT: 10, Size.FULL: 20}
LIMIT_MS = 60.0
COPIES = """
INSERT INTO catalogue (seq, recording_id, room, title, started_at, duration, text, version)
SELECT seq + {have}, 'copy-' || (seq + {have}), room, title, started_at, duration, text, version
FROM catalogue WHERE seq <= {more};
INSERT INTO catalogue_words ({number}, words) SELECT {number} + {have}, words FROM catalogue_words
WHERE {number} <= {more}
"""
MEDIAN_WORDS, SPREAD, MOST_WORDS = 3_500, 0.7, 30_000
# The rank of a word with Zipf's law: the most frequent word is in every transcript.
LANGUAGES = {"spaced": 30_000, "chinese": 8_000, "thai": 8_000}
CHINESE = [chr(0x4E00 + 7 * number) for number in range(2_500)]
THAI = [
    f"{vowel}{begin}{after}{end}"
    for begin in "กขคจชดตถทนบปผพมยรลวสหอ"
    for vowel, after in (("", "า"), ("เ", ""), ("", "ิ"), ("โ", ""), ("", "ู่"))
    for end in ("", "น", "ง", "ม", "ก")
]
SYLLABLES = [f"{begin}{vowel}{end}" for begin in "bdfgklmnprstvw" for vowel in "aeiou" for end in ("", "n", "r", "s")]
PARTS: dict[str, tuple[list[str], tuple[int, ...]]] = {
    "spaced": (SYLLABLES, (1, 2, 3, 4)),
    "chinese": (CHINESE, (1, 2, 2, 3)),
    "thai": (THAI, (1, 2, 3)),
}


class Vocabulary:
    """Words of one language, the most frequent first, and their frequencies."""

    def __init__(self, language: str) -> None:
        parts, lengths = PARTS[language]
        chance = random.Random(language)
        words: dict[str, None] = {}
        while len(words) < LANGUAGES[language]:
            words["".join(chance.choices(parts, k=chance.choice(lengths)))] = None
        self.words = list(words)
        self.space = " " if language == "spaced" else ""
        self._sums = list(accumulate((rank + 2.7) ** -1.15 for rank in range(len(words))))

    def text(self, chance: random.Random, count: int) -> str:
        """Return a text of `count` words, in sentences."""
        words = chance.choices(self.words, cum_weights=self._sums, k=count)
        ends = accumulate(chance.choices((6, 9, 12, 18), k=count // 6 + 1))
        sentences = (self.space.join(words[at:to]) for at, to in pairwise([0, *ends]) if at < count)
        return ". ".join(sentence.capitalize() for sentence in sentences)


class Query(NamedTuple):
    """What is searched for, perhaps in a room or since a time only, and its name in the table."""

    name: str
    text: str
    room: str | None = None
    since: float | None = None

    def run(self, catalogue: Catalogue) -> int:
        """Search as the API does, and return the number of matches."""
        return catalogue.filtered(self.text, 0, 20, room=self.room, since=self.since).total


def started_at(number: int) -> float:
    """Return when a transcript's meeting started, in seconds since the epoch."""
    return 1.7e9 + 600 * number


def transcripts(count: int) -> Iterator[IndexedTranscript]:
    """Yield transcripts; the same ones each time."""
    vocabularies = {language: Vocabulary(language) for language in LANGUAGES}
    chance = random.Random(count)
    for number in range(count):
        language = {3: "chinese", 7: "thai"}.get(number % 10, "spaced")
        spoken = vocabularies[language]
        length = min(MOST_WORDS, int(chance.lognormvariate(0, SPREAD) * MEDIAN_WORDS) + 60)
        room = f"room-{number % 40}-20260323080000"
        title, began = spoken.text(chance, 4), started_at(number)
        yield IndexedTranscript(f"r{number}", "1", room, title, began, length / 2.5, spoken.text(chance, length))


def queries(written: int) -> list[Query]:
    """Return what is searched for among that many different transcripts, by ranks of words."""
    words, chinese, thai = (Vocabulary(language).words for language in LANGUAGES)
    rare, half = words[-1], started_at(written // 2)
    return [
        Query("the most frequent word", words[0]),
        Query("a frequent word", words[60]),
        Query("a word of medium frequency", words[800]),
        Query("a rare word", rare),
        Query("two frequent words", f"{words[0]} {words[10]}"),
        Query("a frequent and a rare word", f"{words[0]} {rare}"),
        Query("one letter", words[0][0]),
        Query("the beginning of a word, three letters", words[60][:3]),
        Query("a room", "room-7"),
        Query("Chinese, two letters", next(word for word in chinese if len(word) == 2)),
        Query("Chinese, across words", f"{chinese[0][-1]}{chinese[1][0]}"),
        Query("Chinese, rare", next(word for word in chinese[4_000:] if len(word) == 3)),
        Query("Thai, frequent", thai[0]),
        Query("Thai, rare", max(thai[4_000:4_050], key=len)),
        Query("a word that nobody said", "xylophone"),
        Query("no word: the newest of all", ""),
        Query("all of a room", "", room="room-8"),
        Query("the most frequent word, in a room", words[0], room="room-8"),
        Query("one letter, in a room", words[0][0], room="room-8"),
        Query("a rare word, in a room", rare, room="room-8"),
        Query("all since a time", "", since=half),
        Query("the most frequent word, since a time", words[0], since=half),
        Query("one letter, since a time", words[0][0], since=half),
        Query("a rare word, since a time", rare, since=half),
    ]


def fill(catalogue: Catalogue, written: int, count: int) -> None:
    """Index `written` transcripts, and copy them until there are `count`."""
    for one in transcripts(written):
        catalogue.index(one)
    number = "rowid" if catalogue.database.engine.dialect.name == "sqlite" else "seq"
    have = written
    while have < count:
        more = min(have, count - have)
        with catalogue.database.begin() as connection:
            for statement in COPIES.format(have=have, more=more, number=number).split(";"):
                connection.execute(sa.text(statement))
        have += more


def measured(catalogue: Catalogue, query: Query, repeat: int, servers: Callable[[], float]) -> tuple[int, float]:
    """Return the number of matches, and the mean CPU of one search in ms; the first one isn't measured."""
    total = query.run(catalogue)
    before = time.process_time() + servers()
    for _ in range(repeat):
        query.run(catalogue)
    return total, (time.process_time() + servers() - before) * 1000 / repeat


def bench(size: Size) -> Result:
    """Measure all searches on SQLite and on PostgreSQL."""
    written, count = SIZES[size]
    found: dict[str, list[float]] = {}
    totals: list[int] = []
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        postgres = stack.enter_context(Postgres())
        for kind, url in (("SQLite", f"sqlite:///{folder}/reflector.db"), ("PostgreSQL", postgres.url)):
            print(f"{kind}: {count:,} transcripts", file=sys.stderr)
            catalogue = Catalogue(database=Database(url=url))
            fill(catalogue, written, count)
            server = postgres.cpu_seconds if kind == "PostgreSQL" else float
            figures = [measured(catalogue, query, REPEAT[size], server) for query in queries(written)]
            totals, found[kind] = [total for total, _ in figures], [used for _, used in figures]
    rows: list[list[Cell]] = [
        [query.name, total, *used]
        for query, total, *used in zip(queries(written), totals, *found.values(), strict=True)
    ]
    columns = ["search", "matches", *(f"{kind}, CPU ms" for kind in found)]
    targets = [Target(what=f"{kind}: slowest, CPU ms", found=max(used), limit=LIMIT_MS) for kind, used in found.items()]
    return Result(
        name="search",
        title=f"Search in {count:,} transcripts",
        how=(__doc__ or "").partition("\n\n")[2].strip(),
        tables=[Table(title="A page of results", columns=columns, rows=rows)],
        targets=targets,
    )


if __name__ == "__main__":
    cli("search", __doc__, bench)
