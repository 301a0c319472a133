"""The room's webhook: one attempt per run; a sensor requests further ones on a schedule."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import dagster as dg

from domain.consent import reason_held
from domain.notifications import event_id, webhook_body
from domain.old_webhook import reflector_body
from domain.results import Transcript, WebhookDelivery, ZulipMessage
from domain.rooms import Room
from reflector_assets.assets.asset import check, recording_asset, result
from reflector_assets.assets.step import step
from reflector_assets.policies import retry_delay
from resources.database.consents import Consents
from resources.database.deliveries import Deliveries, Delivery
from resources.database.rooms import Rooms
from resources.outgoing.mode import OutgoingMode
from resources.outgoing.webhook import Attempt, Webhook

DELIVERED = "delivered"
# The limit for a receiver's Retry-After.
LONGEST_WAIT_S = 3600.0


@recording_asset(
    revision=1,
    group="publication",
    kinds={"webhook"},
    checks=[(DELIVERED, "The room's receiver has accepted the webhook; a warning while attempts are left.")],
)
def webhook_delivery(
    context: dg.AssetExecutionContext,
    zulip_message: ZulipMessage,  # noqa: ARG001 - receivers may look the message up in Zulip
    transcript: Transcript,
    rooms: Rooms,
    deliveries: Deliveries,
    webhook: Webhook,
    leaving: OutgoingMode,
    consents: Consents,
) -> dg.MaterializeResult[WebhookDelivery]:
    """The state of the room's webhook; a failed attempt is followed by another and doesn't fail the run."""
    delivery: Delivery | None = None
    with step(context, "webhook_delivery") as work:
        room = rooms.of_meeting(transcript.room_name)
        skipped = leaving.reason_held_back() or transcript.published_elsewhere
        if skipped is None and (holding := consents.holding(transcript.id)):
            consents.set_held(transcript.id, held=True)
            skipped = reason_held(holding)
        if skipped is None and (room is None or not room.webhook_url):
            skipped = "the room's webhook_url isn't set"
            deliveries.give_up(transcript.id, "webhook", skipped)
        if skipped is None and room is not None and room.webhook_url:
            delivery = deliver(transcript, room, room.webhook_url, deliveries, webhook, leaving)
    value = as_value(delivery) if delivery else WebhookDelivery(sent=False, note=skipped)
    waits = delivery is not None and delivery.state == "waiting"
    problems = [value.note or "it waits for its next attempt"] if delivery and not value.sent else []
    return result(
        value,
        work,
        {
            "sent": value.sent,
            "status_code": value.status_code,
            "attempts_made": value.attempt,
            "next_at": value.next_at,
            "event_id": value.event_id,
            "note": value.note,
        },
        checks=[check(DELIVERED, problems, {"attempts": value.attempt, "status_code": value.status_code}, warn=waits)],
    )


def deliver(
    transcript: Transcript,
    room: Room,
    url: str,
    deliveries: Deliveries,
    webhook: Webhook,
    leaving: OutgoingMode,
    clock: Callable[[], float] = time.time,
) -> Delivery:
    """Make an attempt if one is due, and record its outcome."""
    key = event_id(transcript)
    delivery = deliveries.create(key, "webhook", transcript.id, newest_only=True, now=clock())
    claimed = deliveries.claim(key, now=clock())
    if claimed is None:
        return delivery
    at, language = claimed.created_at, room.language or leaving.language
    if leaving.webhook_format == "reflector":
        body = reflector_body(transcript, room, at=at, language=language, page_url=leaving.page_url)
    else:
        body = webhook_body(transcript, room.name, at=at, language=language, page_url=leaving.page_url)
    secret = room.webhook_secret.get_secret_value() if room.webhook_secret else None
    attempt = webhook.send(url, secret, body, retry=claimed.attempts - 1, now=clock())
    return record(deliveries, claimed, attempt, now=clock())


def record(deliveries: Deliveries, claimed: Delivery, attempt: Attempt, now: float) -> Delivery:
    """Record the outcome of an attempt: sent, refused, given up, or waiting for the next attempt."""
    status, reason = attempt.status, attempt.reason
    if attempt.outcome != "later":
        return deliveries.settle(claimed, attempt.outcome, status_code=status, reason=reason, now=now)
    delay = retry_delay("webhook_delivery", claimed.attempts)
    if delay is None:
        reason = f"given up after {claimed.attempts} attempts: {reason}"
        return deliveries.settle(claimed, "given_up", status_code=status, reason=reason, now=now)
    delay = max(delay, min(attempt.retry_after or 0.0, LONGEST_WAIT_S))
    return deliveries.settle(claimed, "waiting", status_code=status, reason=reason, due_at=now + delay, now=now)


def as_value(delivery: Delivery) -> WebhookDelivery:
    """Return the asset's value for a delivery."""
    due = datetime.fromtimestamp(delivery.due_at, UTC).isoformat(timespec="seconds") if delivery.due_at else None
    return WebhookDelivery(
        sent=delivery.state == "sent",
        status_code=delivery.status_code,
        attempt=delivery.attempts,
        next_at=due if delivery.state == "waiting" else None,
        event_id=delivery.key,
        note=delivery.reason,
    )
