"""A deployment beside Daily's stand-in whose runs stay in the queue: what arrives can be counted without processing."""

import itertools
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import dagster as dg

from reflector_assets import tags
from reflector_assets.partitions import RECORDINGS
from reflector_assets.wiring import opened
from resources.database.database import Database
from resources.database.inbox import Inbox, Item
from testing.deployment import Deployment, deploy
from testing.hosts.daily_host import DailyHost
from testing.hosts.daily_oddities import DOMAIN, plain_recording, ready_event

# Base64, as Daily gives them.
SECRET = "c2VjcmV0IG9mIHRoZSB0ZXN0cywgMzIgYnl0ZXMhIQ=="


def queueing(home: Path, host: DailyHost, **env: str) -> Deployment:
    """Lay out a deployment that never takes a run out of its queue."""
    deployment = deploy(
        home,
        **{
            **host.env,
            "DAILY_WEBHOOK_SECRET": SECRET,
            "DAILY_SUBDOMAIN": DOMAIN,
            "REFLECTOR_POLL_INTERVAL": "1",
            **env,
        },
    )
    config = home / "dagster" / "dagster.yaml"
    config.write_text(config.read_text().replace("max_concurrent_runs: 4", "max_concurrent_runs: 0"))
    return deployment


def inbox_of(deployment: Deployment) -> Inbox:
    """The deployment's inbox, from the test's own process."""
    deployment.data.mkdir(parents=True, exist_ok=True)
    with opened(Inbox(database=Database(url=f"sqlite:///{deployment.data / 'reflector.db'}"))) as inbox:
        return inbox


def everything(inbox: Inbox) -> list[Item]:
    return inbox.items(limit=100_000)


def partitions(instance: dg.DagsterInstance) -> set[str]:
    return set(instance.get_dynamic_partitions(RECORDINGS))


def runs_by_recording(instance: dg.DagsterInstance) -> Counter[str]:
    return Counter(run.tags[tags.PARTITION] for run in instance.get_runs())


def other_event(kind: str, recording: dict[str, Any]) -> dict[str, Any]:
    """The webhook that says that a recording has started, or failed."""
    payload = {"recording_id": recording["id"], "room_name": recording["room_name"], "start_ts": recording["start_ts"]}
    if kind == "error":
        payload |= {"error_msg": "storage refused", "action": "recording-err", "instance_id": "1"}
    return {"version": "1.1.0", "type": f"recording.{kind}", "id": f"{kind}-{recording['id']}", "payload": payload}


def every_order(seed: int) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Recordings with their events started, ready and error, one recording for each order of the three."""
    rng = random.Random(seed)
    made: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    for number, order in enumerate(itertools.permutations(("started", "ready", "error"))):
        recording = plain_recording(rng, number)
        events = [ready_event(recording) if kind == "ready" else other_event(kind, recording) for kind in order]
        made.append((recording, json.loads(json.dumps(events))))
    return made
