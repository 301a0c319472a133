"""Words with timestamps, the table of all words, and its division into sentences."""

from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from itertools import accumulate
from typing import Any, NamedTuple, cast

from domain.errors import PermanentError
from domain.names import of_speaker
from domain.results import TranscriptSegment
from domain.text.sentence_ends import CLAUSE_END, ends
from domain.text.spacing import join
from domain.text.table import Table

COLUMNS = {"word": "str", "start": "float64", "end": "float64", "speaker": "int64", "confidence": "float64"}

PAUSE_S = 1.5
MAX_SENTENCE_S = 20.0
MAX_SENTENCE_WORDS = 40


class Word(NamedTuple):
    """One spoken word; times in seconds of the recording, confidence 0..1."""

    word: str
    start: float
    end: float
    speaker: int
    confidence: float


class Sentence(NamedTuple):
    """One sentence of one speaker; times in seconds of the recording, `rows` are its positions in the table."""

    speaker: int
    start: float
    end: float
    text: str
    rows: tuple[int, ...]


def table(words: Iterable[Word]) -> Table:
    """Build the table: columns word (stripped), start and end (seconds), speaker, confidence."""
    rows = list(words)
    columns: dict[str, list[Any]] = {
        "word": [row.word.strip() for row in rows],
        "start": [row.start for row in rows],
        "end": [row.end for row in rows],
        "speaker": [row.speaker for row in rows],
        "confidence": [row.confidence for row in rows],
    }
    return _frame(columns)


def words(table: Table) -> list[Word]:
    """Return the rows of the table as words."""
    columns = [table[name].tolist() for name in COLUMNS]
    return [Word(*row) for row in zip(*columns, strict=True)]


def to_parquet(table: Table) -> bytes:
    """Serialize the table as Parquet; the same table gives the same bytes."""
    # Rebuilt, because the index and the kind of string column would be stored too.
    plain = _frame({name: table[name].tolist() for name in COLUMNS})
    return plain.to_parquet(engine="pyarrow", compression="zstd", index=False)


def from_parquet(content: bytes) -> Table:
    """Parse the output of `to_parquet`; raise PermanentError for anything else."""
    import pandas as pd  # noqa: PLC0415 - see `Table`
    from pyarrow import ArrowException  # noqa: PLC0415 # pyright: ignore[reportUnknownVariableType, reportMissingTypeStubs]

    unreadable = (cast("type[Exception]", ArrowException), ValueError, OSError, KeyError, TypeError)
    try:
        read = pd.read_parquet(BytesIO(content), engine="pyarrow", columns=list(COLUMNS))
        empty = bool(read.isna().any(axis=None))
        found = _frame({name: read[name].tolist() for name in COLUMNS})
    except unreadable as error:
        raise _no_table(content, (str(error).splitlines() or [type(error).__name__])[0]) from error
    if empty:
        raise _no_table(content, "it has empty cells")
    return found


def merge(tables: Sequence[Table]) -> Table:
    """Merge the tracks' tables, sorted by start (stable)."""
    if not tables:
        return table(())
    import pandas as pd  # noqa: PLC0415 - see `Table`

    joined = pd.concat(list(tables), ignore_index=True)
    return joined.sort_values("start", kind="stable", ignore_index=True)


def by_person(table: Table, numbers: Mapping[int, int]) -> Table:
    """Return the table with speaker numbers replaced by `numbers`, for people with several sessions."""
    return table.assign(speaker=table["speaker"].replace(dict(numbers))) if numbers else table


def sentences(table: Table) -> list[Sentence]:
    """Split each speaker's words into sentences, sorted by start (stable).

    Speakers are split separately, so overlapping speech doesn't break sentences. A sentence ends at its punctuation,
    before a pause of more than 1.5 s, and at 40 words or 20 s.
    """
    by_speaker: dict[int, list[tuple[int, Word]]] = {}
    for row, word in enumerate(words(table)):
        if word.word.strip():
            by_speaker.setdefault(word.speaker, []).append((row, word))
    found = [_sentence(part) for spoken in by_speaker.values() for part in _split(spoken)]
    return sorted(found, key=lambda sentence: (sentence.start, sentence.rows[0]))


def text(spoken: Table | Sequence[Sentence]) -> str:
    """Return the text in reading order, with a new line whenever the speaker changes."""
    found = sentences(spoken) if isinstance(spoken, Table) else spoken
    lines: list[str] = []
    last: int | None = None
    for sentence in found:
        if sentence.speaker == last:
            lines[-1] = join([lines[-1], sentence.text])
        else:
            lines.append(sentence.text)
        last = sentence.speaker
    return "\n".join(lines)


def shares(weights: Sequence[float], start: float, end: float) -> list[float]:
    """Divide a span of time in proportion to weights; return its limits, one more than there are weights."""
    whole = sum(weights) or 1
    return [min(end, start + (end - start) * part / whole) for part in accumulate(weights, initial=0)]


def segments(found: Iterable[Sentence], names: Mapping[int, str]) -> tuple[TranscriptSegment, ...]:
    """Add the speakers' names to sentences; a missing name becomes "Speaker N", counted from 1."""
    return tuple(
        TranscriptSegment(
            speaker=sentence.speaker,
            name=of_speaker(sentence.speaker, names),
            start=sentence.start,
            end=sentence.end,
            text=sentence.text,
        )
        for sentence in found
    )


def _no_table(content: bytes, why: str) -> PermanentError:
    return PermanentError(
        f"{len(content)} bytes are no words table ({why})", hint="Run track_transcripts of this recording again."
    )


def _frame(columns: Mapping[str, list[Any]]) -> Table:
    import pandas as pd  # noqa: PLC0415 - see `Table`

    return pd.DataFrame({name: pd.Series(columns[name], dtype=cast("Any", kind)) for name, kind in COLUMNS.items()})


def _sentence(part: list[tuple[int, Word]]) -> Sentence:
    first = part[0][1]
    end = max(word.end for _, word in part)
    return Sentence(first.speaker, first.start, end, join(word.word for _, word in part), tuple(row for row, _ in part))


def _split(spoken: list[tuple[int, Word]]) -> list[list[tuple[int, Word]]]:
    parts: list[list[tuple[int, Word]]] = []
    current: list[tuple[int, Word]] = []
    for row, word in spoken:
        if current and _ends(current, word):
            parts.append(current)
            current = []
        elif len(current) >= MAX_SENTENCE_WORDS or (current and word.end - current[0][1].start > MAX_SENTENCE_S):
            at = _split_at(current)
            parts.append(current[:at])
            current = current[at:]
        current.append((row, word))
    return [*parts, current] if current else parts


def _split_at(current: list[tuple[int, Word]]) -> int:
    """Return where to split a sentence that is too long: after the last clause of its second half, else at its end."""
    for at in range(len(current), len(current) // 2, -1):
        if CLAUSE_END.search(current[at - 1][1].word.strip()):
            return at
    return len(current)


def _ends(spoken: list[tuple[int, Word]], after: Word) -> bool:
    """Return True if a sentence ends between one speaker's last words and the next one."""
    last = spoken[-1][1]
    before = spoken[-2][1].word.strip() if len(spoken) > 1 else ""
    return after.start - last.end > PAUSE_S or ends(before, last.word.strip(), after.word.strip())
