"""Relays of Daily's webhooks to the old system: every webhook in shadow mode, a failed recording's as a fallback."""

import time
from typing import Any

from dagster import ConfigurableResource

from domain import backoff
from domain.daily import READY
from domain.errors import InvalidInput, NotFound
from domain.old_events import acceptable, event_of_listed
from resources.database.deliveries import Deliveries, Delivery, Kind
from resources.database.inbox import RELAY, Inbox
from resources.old_system.client import OldSystem

# Seconds before the next attempt, doubling up to the longest wait, and after which a relay is given up.
FIRST_WAIT_S, LONGEST_WAIT_S, PATIENCE_S = 2.0, 600.0, 86400.0
FALLBACK = "fallback:"


class Relays(ConfigurableResource[Any]):
    """Webhooks to relay; every call of `deliver_due` makes one attempt for each one that is due."""

    inbox: Inbox
    deliveries: Deliveries
    old: OldSystem

    def create_fallback(self, recording_id: str) -> None:
        """Queue a recording's webhook for the old system; repeated calls queue it once."""
        self.deliveries.create(f"{FALLBACK}{recording_id}", "fallback", recording_id)

    def deliver_due(self, kind: Kind, limit: int = 20, now: float | None = None) -> int:
        """Make one attempt for each relay that is due; return their number."""
        at = time.time() if now is None else now
        due = self.deliveries.due(kind, at, limit)
        for delivery in due:
            if claimed := self.deliveries.claim(delivery.key, now=at):
                self._attempt(claimed, at)
        return len(due)

    def _attempt(self, claimed: Delivery, now: float) -> None:
        try:
            body = self._body(claimed)
        except (NotFound, InvalidInput) as error:
            self.deliveries.settle(claimed, "refused", reason=error.what, now=now)
            return
        attempt = self.old.relay(body, now)
        if attempt.outcome != "later":
            self.deliveries.settle(claimed, attempt.outcome, status_code=attempt.status, reason=attempt.reason, now=now)
            return
        wait = max(backoff.delay(claimed.attempts, FIRST_WAIT_S, LONGEST_WAIT_S), attempt.retry_after or 0.0)
        given_up = now + wait - claimed.created_at > PATIENCE_S
        self.deliveries.settle(
            claimed,
            "given_up" if given_up else "waiting",
            status_code=attempt.status,
            reason=attempt.reason,
            due_at=None if given_up else now + wait,
            now=now,
        )

    def _body(self, delivery: Delivery) -> bytes:
        """Return the webhook's body as Daily sent it, with values that the old system needs and Daily may leave out.

        For a polled recording, construct the equivalent webhook.
        """
        if delivery.kind == "relay":
            return acceptable(self.inbox.by_key(delivery.key.removeprefix(RELAY)).body)
        items = self.inbox.of_recording(delivery.recording_id or "")
        webhook = next((item for item in items if item.event_type == READY and item.source == "webhook"), None)
        if webhook is not None:
            return acceptable(webhook.body)
        listed = next((item for item in items if item.source == "poll"), None)
        if listed is None:
            raise NotFound("the recording didn't come from Daily, so there is no webhook to relay")
        return event_of_listed(listed.body)
