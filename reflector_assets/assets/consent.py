"""The end of audio that somebody didn't agree to keep."""

import dagster as dg

from domain.results import ConsentCleanup
from reflector_assets.assets.asset import recording_asset, result
from reflector_assets.assets.step import step
from resources.database.consents import Consents
from resources.database.rooms import Rooms
from resources.outgoing.mode import OutgoingMode
from resources.source import Source
from resources.store import erasure
from resources.store.base import Store

REASON = "consent was denied"


# The transcript isn't read: audio goes also where there never was one.
@recording_asset(revision=1, group="publication", kinds={"python"}, deps=["transcript"])
def consent_cleanup(
    context: dg.AssetExecutionContext,
    source: Source,
    store: Store,
    daily_bucket: Store,
    consents: Consents,
    rooms: Rooms,
    leaving: OutgoingMode,
) -> dg.MaterializeResult[ConsentCleanup]:
    """Deletes source tracks, padded tracks and the mix when anybody denied consent; the text stays."""
    recording_id = context.partition_key
    with step(context, "consent_cleanup") as work:
        live = leaving.mode == "live"
        described = erasure.describe_recording(store, source, recording_id)
        said = consents.of_recording(recording_id, described.mtg_session_id)
        room = rooms.of_meeting(described.room_name)
        denials = sum(not one.given for one in said)
        denied = denials > 0 and not (room and room.skip_consent)
        before = erasure.deletion_of(store, recording_id)
        deleted = 0
        value = ConsentCleanup(audio_deleted=False)
        if (denied or before) and live:
            reason = before.reason if before else REASON
            deleted = erasure.audio_of(store, daily_bucket, described).delete(reason)
            value = ConsentCleanup(audio_deleted=True, reason=reason)
        elif denied:
            value = ConsentCleanup(
                audio_deleted=False, reason=f"{REASON}, but in mode {leaving.mode} nothing is deleted"
            )
        elif denials:
            value = ConsentCleanup(audio_deleted=False, reason="the room needs no consent")
    return result(
        value,
        work,
        {
            "audio_deleted": value.audio_deleted,
            "reason": value.reason or "nobody denied consent",
            "denials": denials,
            "objects_deleted": deleted,
            # What a later statement is later than; in other modes a denial is still to be followed.
            "last_statement": max((one.seq for one in said), default=0) if live else 0,
        },
    )
