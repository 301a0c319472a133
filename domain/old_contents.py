"""A finished transcript of the old system, with its words, and the parts of a recording of ours that it becomes."""

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import FiniteFloat, ValidationError

from domain.names import of_speaker, visible
from domain.old_transcripts import Answered, OldListed
from domain.recording import OLD_SYSTEM, Participant, Participants, Recording, TakenOver
from domain.results import ActionItems, Decision, NextStep, PaddedTracks, Summary, Title, Topic, Topics
from domain.text import words
from domain.text.spacing import UNSPACED
from domain.text.table import Table
from domain.text.topics import UNTITLED
from domain.text.words import Word

LANGUAGE = re.compile("[a-z]{2,3}")
NO_ITEMS = "the old system's API doesn't have them"


class OldPerson(Answered):
    """A participant; `speaker` is null for somebody without words."""

    id: str
    speaker: int | None = None
    name: str = ""
    user_id: str | None = None


class OldContent(OldListed):
    """A transcript with its people and texts; `duration` is in milliseconds."""

    name: str = ""
    short_summary: str | None = None
    long_summary: str | None = None
    source_language: str | None = None
    audio_deleted: bool | None = None
    participants: tuple[OldPerson, ...] | None = None


class OldWord(Answered):
    """A word; its text has the space before or after it, times are in seconds."""

    text: str
    start: FiniteFloat
    end: FiniteFloat
    speaker: int = 0


class OldTopicWithWords(Answered):
    """A topic with its words; times in seconds."""

    id: str
    title: str = ""
    summary: str = ""
    timestamp: FiniteFloat = 0.0
    duration: FiniteFloat | None = None
    words: tuple[OldWord, ...] = ()


class OldWaveform(Answered):
    """The peaks of the audio."""

    data: tuple[FiniteFloat, ...]


class OldDecision(Answered):
    """A decision, as its database has it."""

    decision: str
    rationale: str | None = None
    decided_by: str | None = None


class OldNextStep(Answered):
    """A next step, as its database has it."""

    task: str
    assigned_to: str | None = None
    deadline: str | None = None
    context: str | None = None


class OldItems(Answered):
    """Decisions and next steps."""

    decisions: tuple[OldDecision, ...] = ()
    next_steps: tuple[OldNextStep, ...] = ()


class Parts(NamedTuple):
    """The parts of a recording; `tracks` are the words by speaker, and `words` all of them."""

    recording: Recording
    participants: Participants
    padded_tracks: PaddedTracks
    tracks: Mapping[int, Table]
    words: Table
    topics: Topics
    title: Title
    summary: Summary
    action_items: ActionItems


def convert(
    recording_id: str,
    room_name: str,
    url: str,
    content: OldContent,
    topics: Sequence[OldTopicWithWords],
    items: object = None,
) -> Parts:
    """Return what a transcript becomes; `items` are those of its database, if they are known.

    Its time is that of the old system's list. Without a duration, the last word ends the recording.
    """
    spoken = said(topics)
    tracks = {n: words.table(w for w in spoken if w.speaker == n) for n in sorted({w.speaker for w in spoken})}
    duration = content.duration / 1000 or max((word.end for word in spoken), default=0.0)
    people = participants(content.participants or (), tracks)
    table = words.merge(list(tracks.values()))
    recording = Recording(
        id=recording_id,
        room_name=room_name,
        start_ts=content.created_at.timestamp(),
        duration=duration,
        language=content.source_language if LANGUAGE.fullmatch(content.source_language or "") else None,
        taken_over=TakenOver(id=content.id, url=url, participants=people.root),
    )
    return Parts(
        recording=recording,
        participants=people,
        padded_tracks=PaddedTracks(duration=duration, duration_source=OLD_SYSTEM, tracks=()),
        tracks=tracks,
        words=table,
        topics=_topics(topics, table, duration),
        title=Title(title=visible(content.title) or visible(content.name) or UNTITLED, method=OLD_SYSTEM),
        summary=Summary(
            long_summary=content.long_summary or "", short_summary=content.short_summary or "", method=OLD_SYSTEM
        ),
        action_items=_items(items),
    )


def said(topics: Sequence[OldTopicWithWords]) -> list[Word]:
    """Return the words of all topics, in order.

    Parts of one word, which have no space between them, are put together, unless hardly any word has a space. The old
    system doesn't keep confidences: no word counts as doubtful.
    """
    texts = [one.text for topic in topics for one in topic.words]
    is_spaced = 2 * sum(text != text.strip() for text in texts) >= len(texts)
    found: list[Word] = []
    for topic in topics:
        before: OldWord | None = None
        for one in topic.words:
            text, start = one.text.strip(), max(0.0, one.start)
            if text and before is not None and _is_part(before, one, is_spaced):
                found[-1] = found[-1]._replace(word=found[-1].word + text, end=max(found[-1].end, one.end))
            elif text:
                found.append(Word(text, start, max(start, one.end), one.speaker, 1.0))
            before = one if text else None
    return found


def participants(known: Sequence[OldPerson], speakers: Mapping[int, object]) -> Participants:
    """Return the people; a speaker whom nobody is named for is one, too."""
    people: list[Participant] = []
    for person in known:
        number = (
            -1 if person.speaker is None or any(one.speaker == person.speaker for one in people) else person.speaker
        )
        name = visible(person.name) or (of_speaker(number) if number >= 0 else "Unknown")
        people.append(Participant(participant_id=person.id, user_id=person.user_id, name=name, speaker=number))
    named = {one.speaker for one in people}
    people += [
        Participant(participant_id=f"speaker-{number}", name=of_speaker(number), speaker=number)
        for number in speakers
        if number not in named
    ]
    return Participants(tuple(people))


def _is_part(before: OldWord, one: OldWord, is_spaced: bool) -> bool:
    """Return True if a text without a space before it belongs to the word before."""
    if before.speaker != one.speaker or before.text[-1:].isspace() or one.text[:1].isspace():
        return False
    if not any(char.isalnum() for char in one.text):
        return True
    return is_spaced and not UNSPACED.match(before.text[-1]) and not UNSPACED.match(one.text[0])


def _topics(topics: Sequence[OldTopicWithWords], table: Table, duration: float) -> Topics:
    starts: list[float] = table["start"].tolist()
    begins = {id(one): min((word.start for word in one.words), default=one.timestamp) for one in topics}
    ordered = sorted(topics, key=lambda one: begins[id(one)])
    rows = [bisect_left(starts, begins[id(one)]) for one in ordered] + [len(starts)]
    return Topics(
        tuple(
            Topic(
                id=one.id,
                title=one.title,
                summary=one.summary,
                timestamp=one.timestamp,
                duration=one.duration or max(0.0, max((w.end for w in one.words), default=duration) - one.timestamp),
                words_from=rows[number] if number else 0,
                words_to=rows[number + 1],
            )
            for number, one in enumerate(ordered)
        )
    )


def _items(described: Any) -> ActionItems:
    if described is None:
        return ActionItems(method=OLD_SYSTEM, error=NO_ITEMS)
    try:
        known = OldItems.model_validate(described)
    except ValidationError:
        return ActionItems(method=OLD_SYSTEM, error="those of the old system can't be read")
    return ActionItems(
        decisions=tuple(Decision(**one.model_dump()) for one in known.decisions),
        next_steps=tuple(NextStep(**one.model_dump()) for one in known.next_steps),
        method=OLD_SYSTEM,
    )
