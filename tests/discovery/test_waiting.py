"""A tick of the sensor waits for arrivals, and ends with its code server. With a real receiver and a real daemon."""

# pyright: basic

import random
import signal
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from testing.daemon import Daemon, open_instance, until
from testing.hosts.daily_host import DailyHost
from testing.hosts.daily_oddities import plain_recording, ready_event
from testing.parts.receiver import Receiver
from tests.discovery.world import SECRET, inbox_of, other_event, queueing, runs_by_recording

pytestmark = pytest.mark.slow(15)
# The longest that the setting allows.
WAIT_S = 30


def ticks(instance: dg.DagsterInstance) -> list[Any]:
    """Return the ticks of the sensor discovery, oldest first."""
    for state in instance.all_instigator_state():
        if state.instigator_name == "discovery":
            return list(instance.get_ticks(state.instigator_origin_id, state.selector_id))[::-1]
    return []


def test_a_tick_waits_takes_what_arrives_and_ends_with_the_code_server(tmp_path: Path) -> None:
    recording = plain_recording(random.Random(8), 0)
    with DailyHost(recordings=[], rate=None) as host:
        deployment = queueing(tmp_path, host, REFLECTOR_INBOX_WAIT=str(WAIT_S), REFLECTOR_POLL_INTERVAL="3600")
        inbox = inbox_of(deployment)
        with open_instance(deployment) as instance, Receiver(deployment) as receiver, Daemon(deployment) as daemon:
            until(lambda: ticks(instance), what="the first tick")
            for event in (other_event("started", recording), ready_event(recording)):
                assert host.send(f"{receiver.url}/v1/daily/webhook", event, SECRET) == 200
                until(lambda: not inbox.waiting(1) or runs_by_recording(instance), what="judged")
            until(lambda: len(ticks(instance)) == 2, what="the second tick")
            until(lambda: inbox.of_recording(recording["id"])[-1].state == "accepted", what="evaluated")
            assert daemon.code is not None
            daemon.code.send_signal(signal.SIGTERM)
            until(lambda: ticks(instance)[1].is_completed, what="the end of the second tick")
            took, waited = ticks(instance)[:2]
            [run] = instance.get_runs()
            assert (took.status.value, took.run_ids) == ("SUCCESS", [run.run_id]), "one tick saw both arrivals"
            assert waited.status.value == "SKIPPED"
            assert waited.skip_reason.endswith("when the code server was stopped")
