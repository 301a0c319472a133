"""The finished document."""

from datetime import UTC, datetime

import dagster as dg

from domain.corrections.gathered import Corrections
from domain.corrections.texts import BY_HAND
from domain.recording import Participants, Recording, folder
from domain.results import ActionItems, MixedAudio, PaddedTracks, Summary, Title, Topics, Transcript, Waveform
from domain.text import captions, words
from domain.text.table import Table
from reflector_assets.assets.asset import conflicting, page_link, recording_asset, result
from reflector_assets.assets.corrections import conflicts_of
from reflector_assets.assets.step import step
from resources.store.base import Store


@recording_asset(revision=1, group="publication", kinds={"python", "json"})
def transcript(
    context: dg.AssetExecutionContext,
    recording: Recording,
    participants: Participants,
    padded_tracks: PaddedTracks,
    mixed_audio: MixedAudio,
    waveform: Waveform,  # noqa: ARG001 - a finished recording has a waveform
    merged_words: Table,
    topics: Topics,
    title: Title,
    summary: Summary,
    action_items: ActionItems,
    corrections: Corrections,
    store: Store,
) -> dg.MaterializeResult[Transcript]:
    """The finished document, as JSON and as WebVTT captions."""
    with step(context, "transcript") as work:
        names = participants.names()
        conflicts = conflicts_of(recording, corrections, topics, action_items, store)
        value = Transcript(
            id=recording.id,
            room_name=recording.room_name,
            created_at=datetime.fromtimestamp(recording.start_ts, UTC).isoformat() if recording.start_ts else None,
            duration=padded_tracks.duration,
            title=title.title,
            short_summary=summary.short_summary,
            long_summary=summary.long_summary,
            summary_evidence=summary.evidence,
            topics=topics.root,
            action_items=action_items,
            participants=participants.root,
            segments=words.segments(words.sentences(words.by_person(merged_words, participants.numbers())), names),
            method=summary.method,
            words=len(merged_words),
            audio_key=mixed_audio.key,
            errors=missing_parts(topics, title, summary),
            revision=corrections.number,
            reviewed=corrections.reviewed,
            older=older_parts(corrections, title, summary),
            conflicts=conflicts,
        )
        stored = store.write(f"{folder(recording.id)}/transcript.vtt", captions.webvtt(value.segments).encode())
    return result(
        value,
        work,
        {
            "title": value.title,
            "duration_s": value.duration,
            "words": value.words,
            "sentences": len(value.segments),
            "speakers": sum(person.speaker >= 0 for person in participants.root),
            "method": value.method,
            **({"missing": dg.MetadataValue.md("\n".join(f"- {one}" for one in value.errors))} if value.errors else {}),
            **({"revision": value.revision} if value.revision else {}),
            **conflicting(conflicts),
            "stored_captions": stored.key,
            "page": page_link(recording.id),
            "captions_file": dg.PathMetadataValue(store.location(stored.key)),
            "preview": dg.MetadataValue.md(captions.markdown(value)[:6000]),
        },
    )


def older_parts(corrections: Corrections, title: Title, summary: Summary) -> tuple[str, ...]:
    """Return which parts were generated from names or words that were corrected since."""
    if not corrections.texts_are_older:
        return ()
    generated = {"topics": True, "title": title.method != BY_HAND, "summary": summary.method != BY_HAND}
    return tuple(part for part, made in {**generated, "action_items": True}.items() if made)


def missing_parts(topics: Topics, title: Title, summary: Summary) -> tuple[str, ...]:
    """Return which parts could not be made, and why; the action items have a field for it."""
    parts = [("title", title.error), ("summary", summary.error)]
    parts += [(f"summary of {topic.title}", topic.error) for topic in topics.root]
    return tuple(f"The {part} could not be made: {error}" for part, error in parts if error)
