"""Deliveries: claimed by one, recorded by who claimed, replaced by newer content; on SQLite and PostgreSQL."""

import threading
from typing import Any

import pytest

from domain.errors import NotFound
from resources.database.database import Database
from resources.database.deliveries import LEASE_S, Deliveries, Delivery
from resources.outgoing.http import Outgoing
from resources.outgoing.webhook import Webhook
from testing.deployment import Deployment
from testing.hosts.host import Answer
from testing.hosts.webhook_host import WebhookHost
from tests.domain.finished import finished

pytest_plugins = ["tests.service.databases"]

NOW = 1_800_000_000.0
BODY: dict[str, Any] = {
    "event": "test",
    "event_id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    "timestamp": "2026-03-23T08:00:00+00:00",
    "message": "hällo",
    "room": {"id": "weekly", "name": "weekly"},
}


@pytest.fixture
def deliveries(database_url: str) -> Deliveries:
    return Deliveries(database=Database(url=database_url))


def claimed(deliveries: Deliveries, key: str, now: float) -> Delivery:
    found = deliveries.claim(key, now=now)
    assert found is not None
    return found


def test_it_is_due_at_once_claimed_by_one_and_free_again_when_that_one_died(deliveries: Deliveries) -> None:
    made = deliveries.create("e1", "webhook", "rec-1", now=NOW)
    assert (made.state, made.attempts, made.due_at, made.created_at) == ("waiting", 0, NOW, NOW)
    assert deliveries.create("e1", "webhook", "rec-1", now=NOW + 5) == made
    assert claimed(deliveries, "e1", NOW).attempts == 1
    assert deliveries.claim("e1", now=NOW + 1) is None
    assert deliveries.due("webhook", NOW + 1, 10) == []
    assert [one.key for one in deliveries.due("webhook", NOW + LEASE_S, 10)] == ["e1"]
    assert deliveries.due("relay", NOW + LEASE_S, 10) == []
    assert claimed(deliveries, "e1", NOW + LEASE_S).attempts == 2


def test_of_many_who_claim_at_once_one_gets_it(deliveries: Deliveries) -> None:
    deliveries.create("e1", "webhook", "rec-1", now=NOW)
    begin, got = threading.Barrier(8), list[Delivery]()

    def work() -> None:
        begin.wait()
        if found := deliveries.claim("e1", now=NOW):
            got.append(found)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1


def test_who_lost_its_claim_records_nothing(deliveries: Deliveries) -> None:
    deliveries.create("e1", "webhook", "rec-1", now=NOW)
    slow = claimed(deliveries, "e1", NOW)
    quick = claimed(deliveries, "e1", NOW + LEASE_S)
    assert deliveries.settle(slow, "refused", now=NOW + 200).state == "waiting"
    done = deliveries.settle(quick, "sent", status_code=200, now=NOW + 200)
    assert (done.state, done.status_code, done.settled_at, done.due_at) == ("sent", 200, NOW + 200, None)
    assert deliveries.claim("e1", now=NOW + 900) is None


def test_newer_content_replaces_what_waits_and_older_content_can_come_back(deliveries: Deliveries) -> None:
    deliveries.create("old", "webhook", "rec-1", newest_only=True, now=NOW)
    deliveries.create("other", "webhook", "rec-2", newest_only=True, now=NOW)
    under_way = claimed(deliveries, "old", NOW)
    deliveries.create("new", "webhook", "rec-1", newest_only=True, now=NOW + 1)
    assert deliveries.get("old").state == "superseded"
    assert deliveries.get("other").state == "waiting"
    later = deliveries.settle(under_way, "waiting", due_at=NOW + 60, now=NOW + 2)
    assert later.state == "superseded", "an attempt that failed meanwhile doesn't bring it back"
    deliveries.create("old", "webhook", "rec-1", newest_only=True, now=NOW + 3)
    assert [deliveries.get(key).state for key in ("old", "new")] == ["waiting", "superseded"]
    deliveries.create("old", "webhook", "rec-1", newest_only=True, now=NOW + 4)
    assert deliveries.get("old").created_at == NOW + 3


def test_a_retry_begins_a_schedule_anew(deliveries: Deliveries) -> None:
    for number, key in enumerate(("e1", "e2")):
        deliveries.create(key, "webhook", "rec-1", now=NOW + number)
        deliveries.settle(claimed(deliveries, key, NOW + 2), "refused", status_code=404, now=NOW + 2)
    [again] = deliveries.retry("rec-1", now=NOW + 9)
    assert (again.key, again.state, again.attempts, again.due_at) == ("e2", "waiting", 0, NOW + 9)
    [named] = deliveries.retry("e1", now=NOW + 9)
    assert named.key == "e1"
    with pytest.raises(NotFound, match="nothing"):
        deliveries.retry("nothing")
    deliveries.give_up("rec-1", "webhook", "no\0 reason", now=NOW + 9)
    assert {one.state for one in deliveries.of("rec-1")} == {"given_up"}


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        *((status, "sent") for status in (200, 201, 202, 204)),
        *((status, "refused") for status in (301, 302, 307, 308, 400, 401, 403, 404, 409, 410, 413, 422)),
        *((status, "later") for status in (408, 425, 429, 500, 502, 503, 504)),
    ],
)
def test_what_an_answer_means(status: int, outcome: str) -> None:
    with WebhookHost(secret="s€cret") as host:
        host.plan(1, lambda _: Answer(status, b"why", {"Retry-After": "7", "Location": "https://new/?a=b"}))
        webhook = Webhook(outgoing=Outgoing(allow_http=True, allowed_networks="127.0.0.0/8"))
        reported = webhook.send(host.hook, "s€cret", BODY, retry=3)
        assert host.refused == []
        assert host.retries() == [3]
    assert (reported.outcome, reported.status) == (outcome, status)
    if 300 <= status < 400:
        assert "redirects to https://new/ (" in (reported.reason or "")


def test_a_forbidden_address_is_refused_and_a_receiver_that_is_away_is_tried_again() -> None:
    with WebhookHost() as host:
        assert Webhook(outgoing=Outgoing(allow_http=True)).send(host.hook, None, BODY).outcome == "refused"
        assert host.requests == []
    away = Webhook(outgoing=Outgoing(allow_http=True, allowed_networks="127.0.0.0/8")).send(host.hook, None, BODY)
    assert (away.outcome, away.status) == ("later", None)
    assert "of-the-receiver" not in (away.reason or "")


@pytest.mark.slow
def test_people_try_a_webhook_and_list_and_retry_deliveries(deployment: Deployment) -> None:
    deployment.env |= {"REFLECTOR_ALLOW_HTTP": "true", "REFLECTOR_ALLOWED_NETWORKS": "127.0.0.0/8"}
    with WebhookHost(secret="hush") as host:
        assert deployment.reflector("webhook", "test", "weekly").returncode == 1
        deployment.reflector("rooms", "set", "weekly", "--webhook-url", host.hook, "--webhook-secret", "hush")
        assert deployment.json("webhook", "test", "weekly")["status_code"] == 204
        [event] = host.events()
        assert (event["event"], event["room"]["name"]) == ("test", "weekly")
        host.fail(1, 410, "gone for good")
        done = deployment.reflector("webhook", "test", "weekly")
        assert done.returncode == 1
        assert "410" in done.stderr
        assert host.refused == []
    deliveries = Deliveries(database=Database(url=f"sqlite:///{deployment.data / 'reflector.db'}"))
    deliveries.create("e1", "webhook", finished().id, now=NOW)
    deliveries.settle(claimed(deliveries, "e1", NOW), "refused", status_code=404, reason="[red]why", now=NOW)
    [row] = deployment.json("deliveries", "list", "--state", "refused")
    assert (row["delivery"], row["status_code"], row["reason"]) == ("e1", 404, "[red]why")
    assert deployment.reflector("deliveries", "list").returncode == 0
    [row] = deployment.json("deliveries", "retry", finished().id)
    assert (row["state"], row["attempts"]) == ("waiting", 0)
    assert deployment.reflector("deliveries", "retry", "unknown").returncode == 1
