"""A recording that is taken over from the old system: its files, and what is reported of it to Dagster."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from pydantic import BaseModel

from domain.old_contents import Parts
from domain.recording import Recording, folder, value_key
from domain.results import MixedAudio, TrackTranscript, TrackTranscripts, Waveform
from domain.text import captions, words
from domain.text.markdown import safe
from domain.text.table import Table
from domain.transcripts import finish
from reflector_assets import tags
from reflector_assets.io_manager import data_version
from reflector_assets.staleness import DATA_VERSION, INPUT_POINTER, AssetGraph, latest_of
from resources.llm.taken_over_texts import text_key
from resources.store.base import Store

Values = Mapping[str, BaseModel | Table]
TEXTS = ("topics", "title", "summary", "action_items")


def write(store: Store, parts: Parts, mixed: MixedAudio) -> Values:
    """Write all files of a recording whose audio is stored; return the values of the assets that aren't absent.

    Absent are the padded tracks and, where the old system has none, the audio and the action items. Their files exist,
    because the transcript is made from them again after a correction.
    """
    recording_id = parts.recording.id
    values: Values = {
        "recording": parts.recording,
        "participants": parts.participants,
        "padded_tracks": parts.padded_tracks,
        "mixed_audio": mixed,
        "waveform": Waveform(mixed.peaks),
        "track_transcripts": _words_by_speaker(store, parts),
        "merged_words": parts.words,
        "topics": parts.topics,
        "title": parts.title,
        "summary": parts.summary,
        "action_items": parts.action_items,
    }
    finished = finish(
        *(parts.recording, parts.participants, parts.padded_tracks, mixed, parts.words),
        *(parts.topics, parts.title, parts.summary, parts.action_items),
    )
    values = {**values, "transcript": finished}
    absent = {"padded_tracks"}
    absent |= {"action_items"} if parts.action_items.error else set[str]()
    absent |= set[str]() if mixed.bytes else {"mixed_audio", "waveform"}
    own = folder(recording_id)
    for asset in TEXTS:
        if asset not in absent:
            store.write(text_key(recording_id, asset), _content(values[asset]))
    store.write(f"{own}/source/recording.json", _content(parts.recording))
    store.write(f"{own}/summary.md", safe(parts.summary.long_summary).encode())
    store.write(f"{own}/transcript.vtt", captions.webvtt(finished.segments).encode())
    for asset, value in values.items():
        store.write(value_key(asset, recording_id), _content(value))
    return {asset: value for asset, value in values.items() if asset not in absent}


def report(instance: dg.DagsterInstance, graph: AssetGraph, recording: Recording, values: Values) -> None:
    """Report the values as materializations without a run; inputs come first, and are what the others consumed."""
    assert recording.taken_over is not None
    known: dict[str, int] = {}
    for node in graph:
        if node.name not in values:
            continue
        pointers = {f"{INPUT_POINTER}{one}": str(known[one]) for one in node.reads if one in known}
        made = dg.AssetMaterialization(
            node.name,
            description=f"taken over from the old system, transcript {recording.taken_over.id}",
            partition=recording.id,
            metadata={
                "taken_over_from": dg.MetadataValue.url(recording.taken_over.url),
                "stored_as": value_key(node.name, recording.id),
                **_metadata(node.name, recording, [name for name in graph.names() if name not in values]),
            },
            tags={
                tags.TAKEN_OVER: recording.taken_over.id,
                DATA_VERSION: data_version(values[node.name]).value,
                **pointers,
            },
        )
        instance.report_runless_asset_event(made)
        record = latest_of(instance, node.name, recording.id)
        assert record is not None
        known[node.name] = record.storage_id


def _words_by_speaker(store: Store, parts: Parts) -> TrackTranscripts:
    """Store the words of each speaker as those of a track."""
    made: list[TrackTranscript] = []
    for index, (speaker, table) in enumerate(parts.tracks.items()):
        stored = store.write(f"{folder(parts.recording.id)}/tracks/{index}.words.parquet", words.to_parquet(table))
        made.append(
            TrackTranscript(
                index=index,
                speaker=speaker,
                key=stored.key,
                sha256=stored.sha256,
                words=len(table),
                language=parts.recording.language,
                speech=0.0,
            )
        )
    return TrackTranscripts(duration=parts.padded_tracks.duration, expected=len(made), tracks=tuple(made))


def _metadata(asset: str, recording: Recording, absent: list[str]) -> dict[str, Any]:
    """Return what is read of an asset's materialization, and which assets are absent."""
    match asset:
        case "recording":
            started = {"started": dg.MetadataValue.timestamp(recording.start_ts)} if recording.start_ts else {}
            return {
                "room": recording.room_name,
                "duration_s": recording.duration,
                "absent": ", ".join(absent),
                **started,
            }
        case "mixed_audio":
            return {"stored_audio": f"{folder(recording.id)}/audio.mp3"}
        case "transcript":
            return {"stored_captions": f"{folder(recording.id)}/transcript.vtt"}
        case _:
            return {}


def _content(value: BaseModel | Table) -> bytes:
    return value.model_dump_json(indent=1).encode() if isinstance(value, BaseModel) else words.to_parquet(value)
