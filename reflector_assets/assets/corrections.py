"""What people corrected, and what of it the assets read."""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import dagster as dg

from domain.corrections import people, spoken, texts
from domain.corrections.gathered import Corrections
from domain.errors import NotFound
from domain.recording import Participants, Recording, name_participants, value_key
from domain.results import ActionItems, Topics
from domain.summarize.sections import sections
from domain.text import words
from domain.text.table import Table
from domain.text.topics import Chunk
from reflector_assets.assets.asset import recording_asset, result
from reflector_assets.assets.step import step
from reflector_assets.io_manager import data_version
from resources.database.corrections import CorrectionHistory
from resources.results.originals import SourcePeople, source_people, store_source_people, transcribed
from resources.source import Source
from resources.store.base import Store


@recording_asset(revision=1, group="recording", kinds={"python", "json"})
def corrections(
    context: dg.AssetExecutionContext, correction_history: CorrectionHistory
) -> dg.MaterializeResult[Corrections]:
    """What people corrected: the edits that stand. Without any, no run makes it."""
    with step(context, "corrections") as work:
        value = correction_history.gathered(context.partition_key)
    return result(
        value,
        work,
        {"edits": value.number, "standing": len(value.entries), "reviewed": value.reviewed},
    )


class Read(NamedTuple):
    """What generated texts are made from: words and people with the corrections that they follow.

    `transcribed` are the words before correction, of whose rows `place` returns the row in `words`.
    """

    words: Table
    participants: Participants
    transcribed: Table
    place: Callable[[int], int]

    def chunks(self) -> list[Chunk]:
        """Return the chunks of the words as they were transcribed: an inserted word doesn't move all others.

        A chunk whose words were all deleted has no topic.
        """
        cuts = [self.place(chunk.words_from) for chunk in sections(self.transcribed)][1:]
        bounds = [Chunk(*pair) for pair in pairwise([0, *cuts, len(self.words)])]
        return [chunk for chunk in bounds if chunk.words_from < chunk.words_to]


def read_by_model(
    recording_id: str, made: Corrections, merged_words: Table, participants: Participants, store: Store
) -> Read:
    """Return what generated texts are made from; raises the errors of the store."""
    if made.of("people") != made.read_of("people"):
        source = source_people(recording_id, store)
        participants, _ = people.apply(source.participants if source else participants, made.read_of("people"))
    if not made.of("words") and not made.read_of("words"):
        return Read(merged_words, participants, merged_words, int)
    table, duration = transcribed(recording_id, store)
    found = spoken.apply(words.words(table), made.read_of("words"), duration)
    return Read(words.table(found.words), participants, table, found.cut)


def conflicts_of(
    recording: Recording, made: Corrections, topics: Topics, action_items: ActionItems, store: Store
) -> tuple[str, ...]:
    """Return which corrections don't fit any more, after another transcription for example, in the edits' order."""
    found: list[str] = []
    if edits := made.of("people"):
        known = source_people(recording.id, store)
        found += people.apply(known.participants if known else Participants(()), edits)[1]
    if edits := made.of("words"):
        table, duration = transcribed(recording.id, store)
        found += spoken.apply(words.words(table), edits, duration).conflicts
    found += texts.topics(texts.generated_topics(topics), made.of("topics"))[1]
    found += texts.action_items(texts.generated_items(action_items), made.of("action_items"))[1]
    return tuple(sorted(found, key=lambda line: int(line.split(maxsplit=2)[1])))


def uncorrected_people(recording: Recording, corrected: Corrections, source: Source, store: Store) -> Participants:
    """Return the people as the source names them, who are kept once they are corrected: Daily may forget them.

    Those of a recording that was never corrected are the asset's present value, if they have its tracks.
    """
    version, kept = data_version(recording).value, source_people(recording.id, store) if corrected.number else None
    if kept is not None and kept.recording == version:
        return kept.participants
    if recording.taken_over:
        found = Participants(recording.taken_over.participants)
    elif not corrected.of("people"):
        return name_participants(recording, source.participants(recording))
    else:
        found = _present_people(recording, store) if kept is None else None
        found = found or name_participants(recording, source.participants(recording))
    store_source_people(recording.id, SourcePeople(recording=version, participants=found), store)
    return found


def _present_people(recording: Recording, store: Store) -> Participants | None:
    try:
        found = Participants.model_validate_json(store.read(value_key("participants", recording.id)))
    except NotFound:
        return None
    numbers = {number for one in found.root for number in (one.speaker, *one.other_speakers) if number >= 0}
    return found if numbers == set(recording.speakers().values()) else None
