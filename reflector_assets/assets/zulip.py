"""The transcript's message in Zulip, posted once and edited when the transcript changes."""

import dagster as dg

from domain.consent import reason_held
from domain.errors import PermanentError, TransientError
from domain.notifications import page, zulip_text, zulip_topic
from domain.results import Transcript, ZulipMessage
from domain.rooms import Room, base_name
from reflector_assets.assets.asset import check, recording_asset, result
from reflector_assets.assets.step import step
from reflector_assets.policies import policies
from resources.database.consents import Consents
from resources.database.rooms import Rooms
from resources.outgoing.mode import OutgoingMode
from resources.outgoing.zulip_messages import Messages

POSTED = "posted"


@recording_asset(
    revision=1,
    group="publication",
    kinds={"zulip"},
    checks=[(POSTED, "The message is in Zulip, if one was to be posted.")],
    deps=["consent_cleanup"],
)
def zulip_message(
    context: dg.AssetExecutionContext,
    transcript: Transcript,
    rooms: Rooms,
    messages: Messages,
    leaving: OutgoingMode,
    consents: Consents,
) -> dg.MaterializeResult[ZulipMessage]:
    """The message in the room's Zulip topic, or the reason why none is posted."""
    problems: list[str] = []
    with step(context, "zulip_message") as work:
        room = rooms.of_meeting(transcript.room_name)
        skipped = leaving.reason_held_back() or transcript.published_elsewhere
        if skipped is None:
            holding = consents.holding(transcript.id)
            consents.set_held(transcript.id, held=bool(holding))
            skipped = reason_held(holding) if holding else _not_wanted(room, messages)
        value = ZulipMessage(message_id=None, note=skipped)
        if not skipped and room is not None and room.zulip_stream:
            try:
                value = _post(transcript, room, room.zulip_stream, messages, leaving)
            except (PermanentError, TransientError) as error:
                # A by-product: without it the recording is still finished, and webhooks are sent.
                if isinstance(error, TransientError) and context.retry_number < policies()["zulip_message"].retries:
                    raise
                value = ZulipMessage(message_id=None, note=str(error))
                problems.append(str(error))
    return result(
        value,
        work,
        {"message_id": value.message_id, "stream": room and room.zulip_stream, "note": value.note},
        checks=[check(POSTED, problems, {"message_id": value.message_id})],
    )


def _post(transcript: Transcript, room: Room, stream: str, messages: Messages, leaving: OutgoingMode) -> ZulipMessage:
    posted = messages.post_or_edit(
        f"transcript:{transcript.id}",
        stream,
        zulip_topic(room.zulip_topic or base_name(transcript.room_name)),
        zulip_text(transcript, leaving.page_url),
        mark=f"({page(leaving.page_url, transcript.id)})",
    )
    return ZulipMessage(message_id=posted.message_id, note=posted.note)


def _not_wanted(room: Room | None, messages: Messages) -> str | None:
    if room is None or not room.zulip_auto_post:
        return "the room's zulip_auto_post isn't set"
    if not room.zulip_stream:
        return "the room's zulip_stream isn't set"
    return None if messages.zulip.is_set else "ZULIP_REALM isn't set"
