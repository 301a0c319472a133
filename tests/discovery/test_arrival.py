"""Recordings arrive by polling alone: none is lost, doubled or invented. With a real daemon and a real HTTP API."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from testing.daemon import Daemon, open_instance, until
from testing.hosts.daily_host import DailyHost
from testing.hosts.daily_oddities import odd_recordings
from tests.discovery.world import everything, inbox_of, partitions, queueing, runs_by_recording

pytestmark = pytest.mark.slow(120)


def test_a_thousand_recordings_of_all_kinds(tmp_path: Path) -> None:
    """Exactly the finished raw-tracks ones arrive, once each, also when everything is killed in between."""
    recordings, expected = odd_recordings(1234, seed=4)
    # Most are cloud recordings: each run that Dagster makes takes it some tenths of a second.
    cloud = {recording_id for number, recording_id in enumerate(sorted(expected)) if number % 20}
    expected -= cloud
    for recording in recordings:
        if _id(recording) in cloud:
            recording["type"] = "cloud"
    with DailyHost(recordings=recordings) as host:
        deployment = queueing(tmp_path, host)
        inbox = inbox_of(deployment)
        with open_instance(deployment) as instance:
            with Daemon(deployment) as daemon:
                until(lambda: len(everything(inbox)) > 300, what="a few pages")
                for process in daemon.family():
                    os.kill(process.pid, signal.SIGKILL)
            assert len(everything(inbox)) < 1234, "it was to be killed in the middle"
            with Daemon(deployment):
                until(lambda: len(everything(inbox)) == 1234, what="the whole list")
                until(lambda: not inbox.waiting(1) and partitions(instance) >= expected, what="all taken in")
                until(lambda: set(runs_by_recording(instance)) >= expected, what="a run for each")
            assert partitions(instance) == expected
            assert set(runs_by_recording(instance).values()) == {1}
        states = {item.state for item in everything(inbox) if item.recording_id in expected}
        assert states == {"accepted"}
        odd = [item for item in everything(inbox) if item.recording_id not in expected]
        assert all(item.reason for item in odd)
        assert host.throttled == 0, "Daily takes two requests a second"


def _id(recording: dict[str, Any]) -> str | None:
    return one if isinstance(one := recording.get("id"), str) else None
