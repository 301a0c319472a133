"""From Daily's webhook to a partition, a run and a transcript. With a real receiver and a real daemon."""

# pyright: basic

import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from testing.daemon import Daemon, open_instance, until
from testing.hosts.daily_host import DailyHost
from testing.hosts.daily_oddities import plain_recording, ready_event
from testing.parts.receiver import Receiver
from tests.discovery.world import SECRET, every_order, everything, inbox_of, partitions, queueing, runs_by_recording

pytestmark = pytest.mark.slow(25)


def test_the_same_event_fifty_times_in_every_order_beside_polling(tmp_path: Path) -> None:
    orders = every_order(seed=5)
    rng = random.Random(6)
    lost = plain_recording(rng, 100)
    with DailyHost(recordings=[lost, *(recording for recording, _ in orders)], rate=None) as host:
        deployment = queueing(tmp_path, host)
        with (
            open_instance(deployment) as instance,
            Receiver(deployment) as receiver,
            Daemon(deployment, forked=True),
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
            until(lambda: partitions(instance) == expected and not inbox.waiting(1))
            # More looks of both sensors, and the event once more: nothing follows.
            assert host.send(url, again, SECRET) == 200
            polled = len(host.requests)
            until(lambda: len(host.requests) > polled + 2, what="polled again")
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
