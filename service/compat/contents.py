"""What is stored of a recording, in the old system's shapes: topics with their words, and texts."""

from collections.abc import Sequence
from functools import cached_property
from itertools import groupby
from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel

from domain.corrections import spoken
from domain.corrections.gathered import Corrections
from domain.corrections.people import has_name
from domain.corrections.preview import edits_since, preview
from domain.errors import NotFound
from domain.recording import Participant, Participants
from domain.results import Topic, Topics, Transcript, TranscriptSegment
from domain.text import words
from domain.text.table import Table
from service.dependencies import CorrectionsDep, StoredResultsDep
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


class Contents:
    """What is stored of a recording, with the corrections that no run has taken yet; words are read when needed."""

    def __init__(self, results: StoredResults, corrections: Corrections | None = None) -> None:
        self._results = results
        made = results.find("transcript.json", Transcript)
        # Only finished transcripts are corrected.
        pending = corrections if made and corrections and corrections.number != made.revision else None
        self.transcript = preview(made, pending) if made and pending else made
        self._since = edits_since(pending, made.revision) if made and pending else ()
        self._pending = pending is not None

    @cached_property
    def participants(self) -> Participants:
        """The participants, none before they are known."""
        if self.transcript is not None:
            return Participants(self.transcript.participants)
        return self._results.find("participants.json", Participants) or Participants(())

    def named(self) -> list[Participant]:
        """Return the participants who have a name: words of others are those of "Speaker N" on its pages, from 0."""
        return [one for one in self.participants.root if has_name(one)]

    @cached_property
    def table(self) -> Table:
        """The words by person; raises NotFound before there are any."""
        return words.by_person(words.table(self._words.words), self.participants.numbers())

    def topics(self, only: str | None = None) -> list[OldTopicWithWords]:
        """Return the topics made so far, or `only` the one with this id, with their words; raises NotFound."""
        found = self.transcript.topics if self.transcript else self._unfinished_topics()
        return [
            _topic(one, self.table.iloc[self._row(one.words_from) : self._row(one.words_to)])
            for one in found
            if only in {None, one.id}
        ]

    def segments(self) -> tuple[TranscriptSegment, ...]:
        """Return the sentences with their speakers' names, none before there are words."""
        if self.transcript is not None and not self._pending:
            return self.transcript.segments
        try:
            return words.segments(words.sentences(self.table), self.participants.names())
        except NotFound:
            return ()

    @cached_property
    def _words(self) -> spoken.Corrected:
        said = words.words(words.from_parquet(self._results.read("words.parquet")))
        return spoken.apply(said, self._since, self.transcript.duration if self.transcript else 0.0)

    def _unfinished_topics(self) -> tuple[Topic, ...]:
        found = self._results.find("topics.json", Topics)
        return found.root if found else ()

    def _row(self, row: int) -> int:
        """Return the row of a word as transcribed, which corrections can have moved."""
        return self._words.cut(row) if self._since else row


def per_speaker(topic: OldTopicWithWords) -> OldTopicWithWordsPerSpeaker:
    """Return a topic with its words by turns."""
    turns = [
        SpeakerWords(speaker=speaker, words=list(spoken))
        for speaker, spoken in groupby(topic.words, key=lambda word: word.speaker)
    ]
    return OldTopicWithWordsPerSpeaker(**topic.model_dump(exclude={"words"}), words_per_speaker=turns)


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


def _contents(results: StoredResultsDep, corrections: CorrectionsDep) -> Contents:
    return Contents(results, corrections.gathered(results.id))


ContentsDep = Annotated[Contents, Depends(_contents)]
