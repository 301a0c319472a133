"""Format topics and summaries for all methods."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from domain.results import Topic
from domain.text.injection import addresses_model, without_orders
from domain.text.table import Table
from domain.text.words import segments, sentences

UNTITLED = "Untitled Meeting"
NOTHING_SAID = "Nothing was said in this recording."
EXTRACTIVE = "extractive"


class Chunk(NamedTuple):
    """A half-open range of rows of the words table."""

    words_from: int
    words_to: int


def topic(index: int, chunk: Chunk, table: Table, title: str, summary: str) -> Topic:
    """Build the topic of chunk number `index` (from 0), from its first word's start to its last word's end."""
    words = table.iloc[chunk.words_from : chunk.words_to]
    start, end = float(words["start"].min()), float(words["end"].max())
    return Topic(
        id=f"topic-{index + 1}",
        title=title,
        summary=summary,
        timestamp=start,
        duration=max(0.0, round(end - start, 3)),
        words_from=chunk.words_from,
        words_to=chunk.words_to,
    )


def chunk_text(table: Table, chunk: Chunk, names: Mapping[int, str]) -> str:
    """Format a chunk as lines "Name: sentence", in the order of the meeting, without orders to a language model."""
    spoken = without_orders(sentences(table.iloc[chunk.words_from : chunk.words_to]))
    lines = segments(spoken, plain_names(names))
    return "\n".join(f"{segment.name}: {segment.text}" for segment in lines)


def meeting_text(table: Table, names: Mapping[int, str]) -> str:
    """Format the whole meeting as lines "Name: sentence"."""
    return chunk_text(table, Chunk(0, len(table)), names)


def plain_names(names: Mapping[int, str]) -> dict[int, str]:
    """Return each name as one short line; names are user input and can contain line breaks, markup and orders."""
    plain = {
        speaker: " ".join(re.sub(r"[<>`\x00-\x1f\x7f]", " ", name).split())[:80] for speaker, name in names.items()
    }
    return {speaker: name for speaker, name in plain.items() if name and not addresses_model(name)}


def long_summary(recap: str, paragraphs: Iterable[tuple[str, str]]) -> str:
    """Format the long summary in Markdown: the recap, then per subject its name in bold and a paragraph."""
    parts = ["# Quick recap", recap]
    parts += [part for n, (subject, text) in enumerate(paragraphs) for part in _subject(n, subject, text)]
    return "\n\n".join(parts) + "\n"


def _subject(number: int, subject: str, text: str) -> list[str]:
    heading = [] if number else ["# Summary"]
    return [*heading, f"**{subject.replace('*', '').strip()}**", text.strip()]
