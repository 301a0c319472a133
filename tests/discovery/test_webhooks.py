"""From Daily's webhook to a partition, a run and a transcript. With a real receiver and a real daemon."""

import json
import random
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import SAMPLE, SAMPLE_ID, deploy
from tests.daemon import Daemon, open_instance, until
from tests.discovery.world import (
    SECRET,
    every_order,
    everything,
    inbox_of,
    partitions,
    queueing,
    ready_event,
    runs_by_recording,
)
from tests.hosts.daily_host import DailyHost
from tests.hosts.daily_oddities import plain_recording
from tests.parts.receiver import Receiver

PATIENCE = 280
pytestmark = [pytest.mark.timeout(900), pytest.mark.slow(140)]


def test_a_webhook_while_the_daemon_is_stopped_ends_in_a_transcript(tmp_path: Path) -> None:
    """Nothing else is done by anybody: 200 for the webhook, then the daemon starts."""
    described = json.loads((SAMPLE / "recording.json").read_text())
    people = json.loads((SAMPLE / "participants.json").read_text())["data"]
    bucket = tmp_path / "bucket"
    for track in described["tracks"]:
        target = bucket / track["s3Key"]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SAMPLE / "tracks" / f"{target.name}.webm", target)
    session = described["mtgSessionId"]
    with DailyHost(recordings=[described], participants={session: people}) as host:
        deployment = deploy(
            tmp_path / "deployment",
            DAILY_API_URL=host.api_url,
            DAILY_API_KEY=host.key,
            DAILY_WEBHOOK_SECRET=SECRET,
            REFLECTOR_DAILY_FOLDER=str(bucket),
            REFLECTOR_POLL_INTERVAL="3600",
        )
        with Receiver(deployment) as receiver:
            event = ready_event(described)
            assert host.send(f"{receiver.url}/v1/daily/webhook", event, SECRET) == 200
            assert host.send(f"{receiver.url}/v1/daily/webhook", event, "b3RoZXI=") == 401
        open_instance(deployment).dispose()
        with Daemon(deployment):
            until(lambda: [row["state"] for row in deployment.json("list")] == ["ended"], PATIENCE, "a transcript")
    transcript = deployment.json("show", SAMPLE_ID)
    assert {person["name"] for person in transcript["participants"]} == {"Ada", "Ben", "Chloe"}
    assert len(transcript["segments"]) > 30


def test_the_same_event_fifty_times_in_every_order_beside_polling(tmp_path: Path) -> None:
    orders = every_order(seed=5)
    rng = random.Random(6)
    lost = plain_recording(rng, 100)
    with DailyHost(recordings=[lost, *(recording for recording, _ in orders)], rate=None) as host:
        deployment = queueing(tmp_path, host)
        with (
            open_instance(deployment) as instance,
            Receiver(deployment) as receiver,
            Daemon(deployment),
            ThreadPoolExecutor(8) as connections,
        ):
            url = f"{receiver.url}/v1/daily/webhook"
            sent = [[host.send(url, event, SECRET) for event in events] for _, events in orders]
            assert sent == [[200, 200, 200]] * len(orders)
            again = ready_event(orders[0][0])
            answers = list(connections.map(lambda _: host.send(url, again, SECRET), range(50)))
            assert answers == [200] * 50
            expected = {lost["id"], *(recording["id"] for recording, _ in orders)}
            inbox = inbox_of(deployment)
            until(lambda: partitions(instance) == expected and not inbox.waiting(1), PATIENCE)
            # More looks of both sensors, and the event once more: nothing follows.
            assert host.send(url, again, SECRET) == 200
            polled = len(host.requests)
            until(lambda: len(host.requests) > polled + 2, PATIENCE, "polled again")
            time.sleep(6)
            assert partitions(instance) == expected
            assert runs_by_recording(instance) == dict.fromkeys(expected, 1)
        by_state = {(item.event_type, item.state) for item in everything(inbox) if item.source == "webhook"}
        assert by_state == {
            ("recording.started", "ignored"),
            ("recording.ready-to-download", "accepted"),
            ("recording.error", "ignored"),
        }
        ready = [item for item in everything(inbox) if item.event_type == "recording.ready-to-download"]
        assert len(ready) == len(orders), "a redelivered event is one item"
