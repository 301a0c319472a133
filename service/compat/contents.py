"""What is stored of a recording, in the old system's shapes: topics with their words, and texts."""

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel

from domain.corrections.gathered import Corrections
from domain.corrections.people import has_name
from domain.errors import NotFound
from domain.recording import Participant, Participants
from domain.results import Topic, Topics, TranscriptSegment
from domain.text import words
from domain.text.table import Table
from resources.results.corrected import CorrectedResults
from resources.results.once import computed_once
from resources.results.stored_results import StoredResults
from service.dependencies import CorrectionsDep, StoredResultsDep


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
    """What is stored of a recording, with the corrections that stand; words are read when needed."""

    def __init__(self, results: StoredResults, corrections: Corrections | None = None) -> None:
        self._results = results
        self._corrected = CorrectedResults(results, corrections)
        self.transcript = self._corrected.transcript

    @computed_once
    def participants(self) -> Participants:
        """The participants, none before they are known."""
        return Participants(self.transcript.participants) if self.transcript else self._corrected.participants

    def named(self) -> list[Participant]:
        """Return the participants who have a name: words of others are those of "Speaker N" on its pages, from 0."""
        return [one for one in self.participants.root if has_name(one)]

    @property
    def table(self) -> Table:
        """The words by person; raises NotFound before there are any."""
        return self._corrected.table

    def topics(self, only: str | None = None) -> list[OldTopicWithWords]:
        """Return the topics made so far, or `only` the one with this id, with their words; raises NotFound."""
        found = self.transcript.topics if self.transcript else self._unfinished_topics()
        # By time: corrected words can be in other rows than those that the topics were made from.
        starts = self.table["start"].searchsorted([one.timestamp for one in found])
        limits = pairwise([0, *starts[1:], len(self.table)])
        return [
            _topic(one, self.table.iloc[begin:end])
            for one, (begin, end) in zip(found, limits, strict=False)
            if only in {None, one.id}
        ]

    def segments(self) -> tuple[TranscriptSegment, ...]:
        """Return the sentences with their speakers' names, none before there are words."""
        if document := self._corrected.document:
            return document.segments
        try:
            return words.segments(words.sentences(self.table), self.participants.names())
        except NotFound:
            return ()

    def _unfinished_topics(self) -> tuple[Topic, ...]:
        found = self._results.find("topics.json", Topics)
        return found.root if found else ()


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
