"""The recording's description and its participants."""

import dagster as dg

from domain.consent import Meeting
from domain.corrections import people
from domain.corrections.gathered import Corrections
from domain.recording import Participants, Recording
from domain.text.captions import plain
from reflector_assets import tags
from reflector_assets.assets.asset import conflicting, recording_asset, result, tag_run
from reflector_assets.assets.corrections import uncorrected_people
from reflector_assets.assets.step import step
from resources.database.consents import Consents
from resources.database.rooms import Rooms
from resources.source import Source
from resources.store.base import Store


@recording_asset(revision=1, group="recording", kinds={"python", "json"})
def recording(
    context: dg.AssetExecutionContext, source: Source, rooms: Rooms, consents: Consents
) -> dg.MaterializeResult[Recording]:
    """The recording as its source describes it: room, start, duration and audio tracks."""
    with step(context, "recording") as work:
        value = source.recording(context.partition_key)
        consents.identify(Meeting.of(value))
        room = rooms.of_meeting(value.room_name)
        if room is not None:
            value = value.model_copy(
                update={"language": room.language or value.language, "vocabulary": room.vocabulary}
            )
    tag_run(context, tags.ROOM, value.room_name)
    return result(
        value,
        work,
        {
            "room": value.room_name,
            "language": value.language or "the deployment's",
            **({"vocabulary": ", ".join(value.vocabulary)} if value.vocabulary else {}),
            "tracks": len(value.tracks),
            "speakers": len(value.speakers()),
            "duration_s": value.duration,
            "source_bytes": sum(track.size or 0 for track in value.tracks),
            **({"started": dg.MetadataValue.timestamp(value.start_ts)} if value.start_ts else {}),
        },
    )


@recording_asset(revision=1, group="recording", kinds={"python", "json"})
def participants(
    context: dg.AssetExecutionContext, recording: Recording, corrections: Corrections, source: Source, store: Store
) -> dg.MaterializeResult[Participants]:
    """The participants, one entry per person, with the speaker number that the words refer to."""
    with step(context, "participants") as work:
        known = uncorrected_people(recording, corrections, source, store)
        value, conflicts = people.apply(known, corrections.of("people"))
    rows = "\n".join(f"| {p.speaker if p.speaker >= 0 else '-'} | {plain(p.name)} |" for p in value.root)
    return result(
        value,
        work,
        {
            "participants": len(value.root),
            "with_audio": sum(person.speaker >= 0 for person in value.root),
            "names": dg.MetadataValue.md(f"| speaker | name |\n| --- | --- |\n{rows}"),
            **conflicting(conflicts),
        },
        uncorrected=known if corrections.of("people") else None,
    )
