"""What is stored of a recording, in the old system's shapes: topics with their words, and texts."""

from collections.abc import Sequence
from itertools import groupby

from pydantic import BaseModel

from domain.errors import NotFound
from domain.recording import Participants
from domain.results import Topic, Topics, TranscriptSegment
from domain.text import words
from domain.text.table import Table
from service.stored_results import StoredResults


class OldWord(BaseModel):
    """One word; words follow each other without anything between them."""

    text: str
    start: float
    end: float
    speaker: int


class OldSegment(BaseModel):
    """One sentence of a topic."""

    text: str
    start: float
    speaker: int


class OldTopic(BaseModel):
    """A topic with its text; times in seconds."""

    id: str
    title: str
    summary: str
    timestamp: float
    duration: float | None
    transcript: str
    segments: list[OldSegment]


class OldTopicWithWords(OldTopic):
    """A topic with its words."""

    words: list[OldWord]


class SpeakerWords(BaseModel):
    """Words that one speaker said in a row."""

    speaker: int
    words: list[OldWord]


class OldTopicWithWordsPerSpeaker(OldTopic):
    """A topic with its words by turns."""

    words_per_speaker: list[SpeakerWords]


def topics(results: StoredResults) -> list[OldTopicWithWords]:
    """Return the topics made so far with their words; raises NotFound before there are words."""
    found = results.find("topics.json", Topics)
    if found is None:
        return []
    table = _spoken(results, participants(results))
    return [_topic(topic, words.table(words.words(table)[topic.words_from : topic.words_to])) for topic in found.root]


def participants(results: StoredResults) -> Participants:
    """Return the participants, none before they are known."""
    return results.find("participants.json", Participants) or Participants(())


def segments(results: StoredResults) -> tuple[TranscriptSegment, ...]:
    """Return the sentences with their speakers' names, none before there are words."""
    people = participants(results)
    try:
        table = _spoken(results, people)
    except NotFound:
        return ()
    return words.segments(words.sentences(table), people.names())


def per_speaker(topic: OldTopicWithWords) -> OldTopicWithWordsPerSpeaker:
    """Return a topic with its words by turns."""
    turns = [
        SpeakerWords(speaker=speaker, words=list(spoken))
        for speaker, spoken in groupby(topic.words, key=lambda word: word.speaker)
    ]
    return OldTopicWithWordsPerSpeaker(**topic.model_dump(exclude={"words"}), words_per_speaker=turns)


def _spoken(results: StoredResults, people: Participants) -> Table:
    """Return the words by person; raises NotFound before there are any."""
    return words.by_person(words.from_parquet(results.read("words.parquet")), people.numbers())


def _topic(topic: Topic, table: Table) -> OldTopicWithWords:
    found: Sequence[words.Word] = words.words(table)
    sentences = words.sentences(table)
    return OldTopicWithWords(
        id=topic.id,
        title=topic.title,
        summary=topic.summary,
        timestamp=topic.timestamp,
        duration=topic.duration,
        transcript=words.text(sentences),
        segments=[OldSegment(text=one.text, start=one.start, speaker=one.speaker) for one in sentences],
        words=[
            OldWord(text=f"{one.word} ", start=max(0.0, one.start), end=max(0.0, one.end), speaker=one.speaker)
            for one in found
        ],
    )
