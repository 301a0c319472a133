"""What was recorded, and who was there."""

import dagster as dg

from domain.recording import Participants, Recording, name_participants
from reflector_assets.assets.asset import recording_asset, result
from reflector_assets.assets.step import step
from resources.database.consents import Consents
from resources.database.rooms import Rooms
from resources.source import Source


@recording_asset(revision=1, group="recording", kinds={"python", "json"})
def recording(
    context: dg.AssetExecutionContext, source: Source, rooms: Rooms, consents: Consents
) -> dg.MaterializeResult[Recording]:
    """The recording as its source describes it: room, start, duration and the list of audio tracks."""
    with step(context, "recording") as work:
        found = source.recording(context.partition_key)
        consents.set_meeting_session(found.id, found.mtg_session_id)
        room = rooms.of_meeting(found.room_name)
        if room is not None and room.language:
            found = found.model_copy(update={"language": room.language})
    return result(
        found,
        work,
        {
            "room": found.room_name,
            "language": found.language or "the deployment's",
            "tracks": len(found.tracks),
            "speakers": len(found.speakers()),
            "duration_s": found.duration,
            "source_bytes": sum(track.size or 0 for track in found.tracks),
            **({"started": dg.MetadataValue.timestamp(found.start_ts)} if found.start_ts else {}),
        },
    )


@recording_asset(revision=1, group="recording", kinds={"python", "json"})
def participants(
    context: dg.AssetExecutionContext, recording: Recording, source: Source
) -> dg.MaterializeResult[Participants]:
    """Who was there: one entry per person, with the speaker number that the words carry."""
    with step(context, "participants") as work:
        people = name_participants(recording, source.participants(recording))
    rows = "\n".join(f"| {p.speaker if p.speaker >= 0 else '-'} | {p.name} |" for p in people.root)
    return result(
        people,
        work,
        {
            "participants": len(people.root),
            "with_audio": len(people.names()),
            "names": dg.MetadataValue.md(f"| speaker | name |\n| --- | --- |\n{rows}"),
        },
    )
