"""What is passed on to the old system: once each, as it came, also when it is down for a while."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from resources.database.database import Database
from resources.database.deliveries import Deliveries
from resources.database.inbox import Inbox, of_poll, of_webhook
from resources.old_system.client import OldSystem
from resources.old_system.relays import Relays
from testing.deployment import SAMPLE
from testing.hosts.old_host import OldHost

pytestmark = pytest.mark.slow(25)

EVENT = (SAMPLE / "webhook.json").read_bytes()
LISTED = json.loads((SAMPLE / "recording.json").read_text())
ID = str(LISTED["id"])


@pytest.fixture
def relays(tmp_path: Path, old: OldHost) -> Relays:
    database = Database(url=f"sqlite:///{tmp_path / 'reflector.db'}")
    return Relays(
        inbox=Inbox(database=database, relays=True),
        deliveries=Deliveries(database=database),
        old=OldSystem(url=old.url, api_key=old.api_key, secret=old.secret, timeout=1),
    )


def test_a_webhook_is_passed_on_once_as_it_came(relays: Relays, old: OldHost) -> None:
    body = EVENT.replace(b",", b" ,")
    for _ in range(3):
        relays.inbox.put([of_webhook(body)])
        relays.deliver_due("relay")
    assert old.relayed() == [body]
    relays.inbox.put([of_poll(ID, json.dumps(LISTED).encode())])
    assert relays.deliver_due("relay") == 0, "the old system polls for itself"


def test_while_the_old_system_is_down_webhooks_wait_their_turn(relays: Relays, old: OldHost) -> None:
    old.fail(1, 503, retry_after=30)
    old.reset(1, begun=False)
    old.hang(1)
    old.drip(1)
    relays.inbox.put([of_webhook(EVENT)])
    now, waits = time.time() + 1, list[float]()
    for _ in range(5):
        relays.deliver_due("relay", now=now)
        [delivery] = relays.deliveries.newest()
        if delivery.state != "waiting":
            break
        assert delivery.due_at is not None
        assert relays.deliver_due("relay", now=delivery.due_at - 0.1) == 0
        waits.append(delivery.due_at - now)
        now = delivery.due_at
    assert waits == pytest.approx([30, 4, 8, 16], abs=0.01)
    [delivery] = relays.deliveries.newest()
    assert (delivery.state, delivery.attempts) == ("sent", 5)
    assert old.relayed() == [EVENT]


def test_what_it_refuses_or_never_takes_is_reported(relays: Relays, old: OldHost) -> None:
    old.fail(1, 422, "no such room")
    relays.inbox.put([of_webhook(EVENT)])
    relays.deliver_due("relay")
    [refused] = relays.deliveries.newest()
    assert (refused.state, refused.status_code) == ("refused", 422)
    assert "no such room" in (refused.reason or "")
    old.fail(1000, 500)
    relays.deliveries.retry(refused.key)
    old.window = 2 * 86400
    now = time.time() + 1
    for _ in range(200):
        [delivery] = relays.deliveries.newest()
        if delivery.state != "waiting":
            break
        now = max(now, delivery.due_at or now)
        relays.deliver_due("relay", now=now)
    [delivery] = relays.deliveries.newest()
    assert delivery.state == "given_up"
    assert 86400 - 1200 < now - delivery.created_at < 86400


def test_two_who_pass_on_do_it_once(relays: Relays, old: OldHost) -> None:
    old.latency = 0.1
    relays.inbox.put([of_webhook(EVENT.replace(b'"id"', b'"n": %d, "id"' % n)) for n in range(1)])
    with ThreadPoolExecutor(4) as several:
        list(several.map(relays.deliver_due, ["relay"] * 4))
    assert len(old.relayed()) == 1


def test_without_relays_nothing_waits(relays: Relays, old: OldHost) -> None:
    Inbox(database=relays.inbox.database).put([of_webhook(EVENT)])
    assert relays.deliver_due("relay") == 0
    assert old.requests == []


def test_a_fallback_is_the_original_webhook_once(relays: Relays, old: OldHost) -> None:
    plain = Inbox(database=relays.inbox.database)
    started = json.dumps({"type": "recording.started", "id": "s", "payload": {"recording_id": ID}}).encode()
    plain.put([of_webhook(started), of_poll(ID, json.dumps(LISTED).encode()), of_webhook(EVENT)])
    for _ in range(2):
        relays.create_fallback(ID)
        relays.deliver_due("fallback")
    assert old.relayed() == [EVENT]


def test_the_fallback_of_a_recording_that_was_polled_is_the_webhook_that_it_would_have_been(
    relays: Relays, old: OldHost
) -> None:
    relays.inbox.put([of_poll(ID, json.dumps(LISTED).encode())])
    relays.create_fallback(ID)
    relays.deliver_due("fallback")
    [made], reported = [json.loads(body) for body in old.relayed()], json.loads(EVENT)
    assert made["type"] == reported["type"]
    for field in ("type", "recording_id", "room_name", "start_ts", "duration", "status", "tracks"):
        assert made["payload"][field] == reported["payload"][field], field


def test_what_the_old_system_would_refuse_is_completed_or_not_sent(relays: Relays, old: OldHost) -> None:
    event = json.loads(EVENT)
    event["payload"] |= {"duration": 244.6, "status": None}
    lacking = json.dumps({**event, "id": "lacking"}).encode()
    relays.inbox.put([of_webhook(lacking), of_webhook(b'{"type": "meeting.ended", "id": "m", "payload": {}}')])
    relays.deliver_due("relay")
    [made] = [json.loads(body)["payload"] for body in old.relayed()]
    assert (made["duration"], made["status"], made["recording_id"]) == (245, "finished", ID)
    assert [(one.state, one.reason) for one in relays.deliveries.newest("refused")] == [
        ("refused", "the old system takes no events of type 'meeting.ended'")
    ]


def test_what_did_not_come_from_daily_has_no_fallback(relays: Relays, old: OldHost) -> None:
    relays.create_fallback("imported")
    relays.deliver_due("fallback")
    [delivery] = relays.deliveries.newest()
    assert (delivery.state, delivery.reason) == (
        "refused",
        "the recording didn't come from Daily, so there is no webhook to relay",
    )
    assert old.requests == []
