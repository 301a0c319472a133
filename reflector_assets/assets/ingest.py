"""The recording's description and its participants."""

import dagster as dg

from domain.consent import Meeting
from domain.recording import Participants, Recording, name_participants
from domain.text.captions import plain
from reflector_assets import tags
from reflector_assets.assets.asset import recording_asset, result, tag_run
from reflector_assets.assets.step import step
from resources.database.consents import Consents
from resources.database.rooms import Rooms
from resources.source import Source


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
    context: dg.AssetExecutionContext, recording: Recording, source: Source
) -> dg.MaterializeResult[Participants]:
    """The participants, one entry per person, with the speaker number that the words refer to."""
    with step(context, "participants") as work:
        people = name_participants(recording, source.participants(recording))
    rows = "\n".join(f"| {p.speaker if p.speaker >= 0 else '-'} | {plain(p.name)} |" for p in people.root)
    return result(
        people,
        work,
        {
            "participants": len(people.root),
            "with_audio": sum(person.speaker >= 0 for person in people.root),
            "names": dg.MetadataValue.md(f"| speaker | name |\n| --- | --- |\n{rows}"),
        },
    )
