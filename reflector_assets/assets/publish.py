"""The finished document."""

import dagster as dg

from domain.corrections.gathered import Corrections
from domain.corrections.texts import older_parts
from domain.recording import Participants, Recording, folder
from domain.results import ActionItems, MixedAudio, PaddedTracks, Summary, Title, Topics, Transcript, Waveform
from domain.text import captions
from domain.text.table import Table
from domain.transcripts import finish
from reflector_assets.assets.asset import as_list, conflicting, page_link, recording_asset, result
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
        conflicts = conflicts_of(recording, corrections, topics, action_items, store)
        made = finish(
            *(recording, participants, padded_tracks, mixed_audio, merged_words),
            *(topics, title, summary, action_items),
        )
        value = made.model_copy(
            update={
                "revision": corrections.number,
                "reviewed": corrections.reviewed,
                "older": older_parts(corrections),
                "conflicts": conflicts,
            }
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
            **({"missing": as_list(value.errors)} if value.errors else {}),
            **({"revision": value.revision} if value.revision else {}),
            **conflicting(conflicts),
            "stored_captions": stored.key,
            "page": page_link(recording.id),
            "captions_file": dg.PathMetadataValue(store.location(stored.key)),
            "preview": dg.MetadataValue.md(captions.markdown(value)[:6000]),
        },
    )
