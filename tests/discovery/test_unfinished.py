"""A recording that Daily has not finished comes again. With a real daemon and a real HTTP API."""

import random
from pathlib import Path

import pytest

from testing.daemon import Daemon, open_instance, until
from testing.hosts.daily_host import DailyHost
from testing.hosts.daily_oddities import plain_recording
from tests.discovery.world import everything, inbox_of, partitions, queueing

pytestmark = pytest.mark.slow(15)


def test_an_unfinished_recording_comes_again(tmp_path: Path) -> None:
    rng = random.Random(7)
    going_on, processed, deleted = (plain_recording(rng, number) for number in range(3))
    finished = dict(going_on)
    going_on |= {"status": "in-progress", "duration": None, "tracks": None}
    processed["duration"] = None
    deleted |= {"status": "in-progress", "duration": None, "tracks": None}
    with DailyHost(recordings=[going_on, processed, deleted], rate=None) as host:
        deployment = queueing(tmp_path, host)
        inbox = inbox_of(deployment)
        with open_instance(deployment) as instance, Daemon(deployment, forked=True):
            until(lambda: [item for item in everything(inbox) if item.ask_at], what="put off")
            until(lambda: len(everything(inbox)) == 3 and not inbox.waiting(1))
            assert partitions(instance) == set()
            host.recordings[:] = [finished, {**processed, "duration": 61.5}]
            until(lambda: partitions(instance) == {finished["id"], processed["id"]}, what="finished since")
            [gone] = [item for item in everything(inbox) if item.recording_id == deleted["id"]]
            until(lambda: inbox.item(gone.seq).state == "failed", what="Daily no longer has this recording")
