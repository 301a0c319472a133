"""Deletion of audio after a participant denied consent."""

import time

import dagster as dg

from domain.consent import DENIED, reason_held
from domain.results import ConsentCleanup
from reflector_assets.assets.asset import recording_asset, result
from reflector_assets.assets.step import step
from reflector_assets.eventlog import archive
from resources.daily.api import DailyAPI
from resources.daily.meetings import learn_ids
from resources.database.consents import Consents
from resources.database.rooms import Rooms
from resources.old_system.meetings import OldMeetings
from resources.outgoing.mode import OutgoingMode
from resources.source import Source
from resources.store import erasure
from resources.store.base import Store

# Seconds for a request to Daily about the meeting's ids.
DAILY_TIMEOUT_S = 10.0
# Seconds in which ids of the old system's meetings are looked up before a recording is published.
OLD_BUDGET_S = 10.0


# The transcript's value isn't read: audio is deleted even if there never was a transcript.
@recording_asset(revision=1, group="publication", kinds={"python"}, deps=["transcript"])
def consent_cleanup(
    context: dg.AssetExecutionContext,
    source: Source,
    store: Store,
    daily_bucket: Store,
    consents: Consents,
    rooms: Rooms,
    leaving: OutgoingMode,
    daily_api: DailyAPI,
    old_meetings: OldMeetings,
) -> dg.MaterializeResult[ConsentCleanup]:
    """Deletes source tracks, padded tracks and the mix if a participant denied consent; the text stays."""
    recording_id = context.partition_key
    with step(context, "consent_cleanup") as work:
        live = leaving.mode == "live"
        recording = erasure.describe_recording(store, source, recording_id)
        if old_meetings.is_set:
            end = time.monotonic() + OLD_BUDGET_S
            for denial in reversed(consents.unknown_ids()):
                if time.monotonic() < end:
                    old_meetings.learn(consents, denial)
        if consents.holding(recording_id):
            learn_ids(daily_api.model_copy(update={"timeout": DAILY_TIMEOUT_S}), consents, recording_id)
        statements = consents.of_recording(recording_id, recording.mtg_session_id)
        room = rooms.of_meeting(recording.room_name)
        denials = sum(not statement.given for statement in statements)
        denied = denials > 0 and not (room and room.skip_consent)
        earlier = erasure.deletion_of(store, recording_id)
        deleted = 0
        value = ConsentCleanup(audio_deleted=False)
        if (denied or earlier) and live:
            reason = DENIED if denied or earlier is None else earlier.reason
            if denied:
                # The events of an earlier retirement quote the meeting.
                archive.erase(store, recording_id)
            deleted = erasure.audio_of(store, daily_bucket, recording).delete(reason)
            value = ConsentCleanup(audio_deleted=True, reason=reason)
        elif denied:
            value = ConsentCleanup(
                audio_deleted=False, reason=f"{DENIED}, but in mode {leaving.mode} nothing is deleted"
            )
        elif denials:
            value = ConsentCleanup(audio_deleted=False, reason="the room needs no consent")
        elif holding := consents.holding(recording_id):
            value = ConsentCleanup(audio_deleted=False, reason=reason_held(holding))
    return result(
        value,
        work,
        {
            "audio_deleted": value.audio_deleted,
            "reason": value.reason or "nobody denied consent",
            "denials": denials,
            "objects_deleted": deleted,
            "statements": dg.MetadataValue.json([statement.seq for statement in statements] if live else []),
            # The last statement taken into account; in other modes denials are still to be followed.
            "last_statement": max((statement.seq for statement in statements), default=0) if live else 0,
        },
    )
