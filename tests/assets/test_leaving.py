"""How a finished transcript leaves: to Zulip and to the room's webhook, once, along a schedule, and not at all."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from domain.notifications import event_id
from reflector_assets.assets.webhook import deliver
from reflector_assets.policies import retry_delay
from resources.outgoing.mode import OutgoingMode
from testing import PATIENCE_S
from testing.deployment import ROOT
from testing.hosts.host import Answer
from testing.hosts.webhook_host import WebhookHost
from testing.hosts.zulip_host import TOO_LATE, ZulipHost
from tests.assets.outlets import PAGE, Outlets, checks
from tests.domain.finished import finished

NOW = 1_800_000_000.0


@pytest.fixture
def outlets(tmp_path: Path) -> Iterator[Outlets]:
    with ZulipHost() as zulip, WebhookHost(secret="hush") as receiver:
        found = Outlets(tmp_path, zulip, receiver)
        with found.instance:
            yield found
        assert receiver.refused == []
        assert zulip.refused == []


def test_a_transcript_is_posted_and_sent_once_however_often_it_runs(outlets: Outlets) -> None:
    outlets.set_all()
    first = outlets.run()
    assert first.success
    assert checks(first) == {"posted": "passed", "delivered": "passed"}
    [message] = outlets.zulip.messages.values()
    assert (message.stream, message.topic) == ("general", "notes")
    assert f"{PAGE}/transcripts/{outlets.transcript.id}" in message.content
    [event] = outlets.receiver.events()
    assert event["transcript"]["title"] == "Weekly meeting"
    reported = outlets.webhook_delivery()
    assert (reported.sent, reported.status_code, reported.attempt, reported.event_id) == (
        True,
        204,
        1,
        event["event_id"],
    )
    assert outlets.run().success
    assert outlets.webhook_delivery() == reported
    assert (outlets.zulip.posted, len(outlets.receiver.requests)) == (1, 1)


def test_changed_content_edits_the_message_and_is_another_event(outlets: Outlets) -> None:
    outlets.set_all()
    outlets.run()
    posted = outlets.zulip_message()
    outlets.transcribed(finished(title="Better title", revision=3))
    assert outlets.run().success
    assert outlets.zulip_message() == posted
    assert outlets.zulip.says()[0].startswith("## Better title")
    assert outlets.zulip.posted == 1
    first, second = outlets.receiver.events()
    assert first["event_id"] != second["event_id"]
    assert ("correction" in first, second["correction"]) == (False, {"number": 3})


def test_a_room_that_wants_nothing_gets_nothing_and_is_reported_as_such(outlets: Outlets) -> None:
    result = outlets.run()
    assert checks(result) == {"posted": "passed", "delivered": "passed"}
    assert outlets.zulip_message().note == "the room's zulip_auto_post isn't set"
    assert outlets.webhook_delivery().note == "the room's webhook_url isn't set"
    outlets.set_room(zulip_auto_post=True)
    outlets.run()
    assert outlets.zulip_message().note == "the room's zulip_stream isn't set"
    assert outlets.zulip.requests == []


def test_nothing_leaves_about_what_the_old_system_published(outlets: Outlets) -> None:
    outlets.set_all()
    outlets.transcribed(finished(taken_over="https://old.example.com/transcripts/1"))
    assert outlets.run().success
    assert "the old system, which published it" in (outlets.zulip_message().note or "")
    assert "the old system, which published it" in (outlets.webhook_delivery().note or "")
    assert (outlets.zulip.requests, outlets.receiver.requests) == ([], [])


@pytest.mark.parametrize("mode", ["shadow", "off"])
def test_in_other_modes_nothing_leaves(outlets: Outlets, mode: str) -> None:
    outlets.set_all()
    outlets.leaving = OutgoingMode.model_validate({"mode": mode, "page_url": PAGE})
    assert outlets.run().success
    assert outlets.webhook_delivery().note == f"REFLECTOR_MODE is {mode}: nothing leaves"
    assert outlets.zulip_message().note == f"REFLECTOR_MODE is {mode}: nothing leaves"
    assert outlets.zulip.requests == []
    assert outlets.receiver.requests == []
    assert outlets.deliveries.newest() == []


def test_what_zulip_refuses_fails_a_check_and_the_webhook_goes_out(outlets: Outlets) -> None:
    outlets.set_all()
    outlets.zulip.fail(1, 400, "Channel 'general' does not exist")
    refused = outlets.run()
    assert refused.success
    assert checks(refused) == {"posted": "ERROR", "delivered": "passed"}
    assert "does not exist" in (outlets.zulip_message().note or "")
    assert outlets.run("zulip_message").success
    outlets.transcribed(finished(title="Too late"))
    outlets.zulip.fail(1, 400, TOO_LATE)
    late = outlets.run("zulip_message")
    assert checks(late) == {"posted": "passed"}
    assert TOO_LATE in (outlets.zulip_message().note or "")
    assert outlets.zulip.posted == 1


def test_an_attempt_that_fails_waits_and_fails_no_run(outlets: Outlets) -> None:
    outlets.set_all()
    outlets.receiver.fail(1, 503)
    begin = time.time()
    result = outlets.run()
    end = time.time()
    assert result.success
    assert checks(result) == {"posted": "passed", "delivered": "WARN"}
    reported = outlets.webhook_delivery()
    assert (reported.sent, reported.status_code, reported.attempt) == (False, 503, 1)
    assert reported.next_at is not None
    assert begin + 58 <= datetime.fromisoformat(reported.next_at).timestamp() <= end + 62
    assert outlets.run("webhook_delivery").success
    assert len(outlets.receiver.requests) == 1, "it isn't due yet"
    outlets.deliveries.retry(outlets.transcript.id)
    assert checks(outlets.run("webhook_delivery")) == {"delivered": "passed"}
    assert [event["event_id"] for event in outlets.receiver.events()] == [reported.event_id] * 2


def test_a_refusal_is_for_good(outlets: Outlets) -> None:
    outlets.set_all()
    outlets.receiver.fail(1, 410, "gone for good")
    result = outlets.run()
    assert checks(result)["delivered"] == "ERROR"
    assert "gone for good" in (outlets.webhook_delivery().note or "")
    outlets.run("webhook_delivery")
    assert len(outlets.receiver.requests) == 1
    assert outlets.webhook_delivery().next_at is None


def test_a_webhook_that_is_taken_from_the_room_ends_what_waits(outlets: Outlets) -> None:
    outlets.set_all()
    outlets.receiver.fail(1, 503)
    outlets.run()
    outlets.set_room()
    outlets.run("webhook_delivery")
    assert [one.state for one in outlets.deliveries.newest()] == ["given_up"]


def attempt(outlets: Outlets, now: float):
    room = outlets.rooms.room("weekly")
    clock = lambda: now  # noqa: E731
    parts = (outlets.deliveries, outlets.webhook, outlets.leaving)
    return deliver(outlets.transcript, room, room.webhook_url or "", *parts, clock=clock)


def test_the_whole_schedule(outlets: Outlets) -> None:
    """The daemon and all processes may be gone between any two attempts: only the database is read."""
    outlets.set_all()
    outlets.receiver.fail(1000, 500)
    outlets.receiver.secret = None
    outlets.set_all()
    waits, now = list[float](), NOW
    while True:
        reported = attempt(outlets, now)
        assert attempt(outlets, now) == reported, "it isn't due"
        if reported.due_at is None:
            break
        waits.append(reported.due_at - now)
        now = reported.due_at
    assert (reported.state, reported.attempts) == ("given_up", 31)
    assert waits == [retry_delay("webhook_delivery", attempt) for attempt in range(1, 31)]
    assert waits[:7] == [60, 120, 240, 480, 960, 1920, 3600]
    assert 23 * 3600 < sum(waits) < 26 * 3600
    assert outlets.receiver.retries() == list(range(31))
    assert len({request.raw for request in outlets.receiver.requests}) == 1, "the body is the same each time"


def test_a_receivers_retry_after_is_honoured_up_to_an_hour(outlets: Outlets) -> None:
    outlets.receiver.secret = None
    outlets.set_all()
    outlets.receiver.fail(1, 429, retry_after=600)
    outlets.receiver.fail(1, 503, retry_after=999999)
    first = attempt(outlets, NOW)
    assert first.due_at == NOW + 600
    assert attempt(outlets, NOW + 600).due_at == NOW + 600 + 3600


def test_who_dies_in_an_attempt_doesnt_keep_it_and_newer_content_goes_instead(outlets: Outlets) -> None:
    outlets.receiver.secret = None
    outlets.set_all()
    key = event_id(outlets.transcript)
    outlets.deliveries.create(key, "webhook", outlets.transcript.id, now=NOW)
    assert outlets.deliveries.claim(key, now=NOW) is not None
    assert attempt(outlets, NOW + 60).state == "waiting"
    assert outlets.receiver.requests == []
    outlets.transcribed(finished(title="Better title"))
    assert attempt(outlets, NOW + 61).state == "sent"
    assert outlets.deliveries.get(key).state == "superseded"
    assert [event["transcript"]["title"] for event in outlets.receiver.events()] == ["Better title"]


@pytest.mark.slow
def test_two_processes_deliver_once(outlets: Outlets) -> None:
    outlets.receiver.secret = None
    outlets.set_all()
    outlets.receiver.latency = 0.5
    code = (
        "import sys, time\n"
        "from reflector_assets.assets.webhook import deliver\n"
        "from resources.database.database import Database\n"
        "from resources.database.deliveries import Deliveries\n"
        "from resources.outgoing.mode import OutgoingMode\n"
        "from resources.outgoing.http import Outgoing\n"
        "from resources.database.rooms import Rooms\n"
        "from resources.outgoing.webhook import Webhook\n"
        "from tests.domain.finished import finished\n"
        f"database = Database(url={outlets.url!r})\n"
        "room = Rooms(database=database).room('weekly')\n"
        "webhook = Webhook(outgoing=Outgoing(allow_http=True, allowed_networks='127.0.0.0/8'))\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        f"parts = Deliveries(database=database), webhook, OutgoingMode(page_url={PAGE!r})\n"
        "deliver(finished(), room, room.webhook_url, *parts)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()
    attempt(outlets, time.time())
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert len(outlets.receiver.requests) == 1


def test_no_secret_and_no_query_reaches_metadata_or_the_store(outlets: Outlets) -> None:
    outlets.set_all()
    outlets.receiver.plan(1, lambda _: Answer(302, b"", {"Location": "https://elsewhere/?token=shown"}))
    result = outlets.run()
    kept = "".join(path.read_text() for path in Path(outlets.store.root).rglob("*.json"))
    events = str([event for event in result.all_events if event.event_specific_data])
    for secret in ("hush", "of-the-receiver", "token=shown", outlets.zulip.key):
        assert secret not in kept + events
    assert "redirects to https://elsewhere/" in (outlets.webhook_delivery().note or "")
