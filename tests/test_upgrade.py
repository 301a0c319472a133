"""A deployment that the code of commit cfbc997 wrote starts on the present code with its data, runs and cursors.

tests/data/deployment-cfbc997.tar.xz has what that code left after three recordings from Daily: one finished, whose
webhook is still to be delivered; one finished, whose consent was denied; one failed in its second track. `answers.json`
in it has the answers of the old code's HTTP API and commands, `daily.json` Daily's list of recordings. Paths of the
machine were replaced in the databases; some runs were ended and retried by run monitoring.
"""

import json
import sqlite3
import tarfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import dagster as dg
import pytest
from alembic.script import ScriptDirectory

from reflector_assets import tags
from resources.database.database import MIGRATIONS, VERSION_TABLE
from testing.daemon import Daemon, open_instance, until
from testing.deployment import Deployment, deploy
from testing.hosts.daily_host import DailyHost
from testing.hosts.daily_oddities import DOMAIN
from testing.hosts.gpu_host import GPUHost
from testing.hosts.llm_host import LLMHost
from testing.hosts.webhook_host import WebhookHost
from testing.parts.receiver import SECRET, Receiver

ARCHIVE = Path(__file__).parent / "data" / "deployment-cfbc997.tar.xz"
# Fields of answers that were added since then.
ADDED = {
    *("marks", "evidence", "summary_evidence"),
    *("errors", "revision", "reviewed", "older", "conflicts", "may_edit", "doubtful"),
    *("texts_after_names", "texts_after_words", "vocabulary", "old_id", "shared"),
    *("by_hand", "may_share"),
}
# Sensors that the present code stops by default without their settings.
STOPPED = {"fall_back", "tell_failures"}
TOKEN, WEBHOOK_SECRET = "token-of-the-upgraded-service", "the-secret-of-the-receiver"

pytestmark = pytest.mark.slow(20)


@dataclass
class Upgraded:
    """The deployment with the present code; `answers` are the old code's, by command or request."""

    deployment: Deployment
    instance: dg.DagsterInstance
    gpu: GPUHost
    answers: dict[str, Any]
    delivered: str
    denied: str
    failed: str

    def materializations(self) -> dict[tuple[str, str], int]:
        """Return how often each asset of each recording was materialized."""
        found: dict[tuple[str, str], int] = {}
        for key in self.instance.all_asset_keys():
            counts = self.instance.get_materialized_partitions(key)
            for recording in counts:
                records = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[recording])
                found[key.to_user_string(), recording] = len(
                    self.instance.fetch_materializations(records, limit=100).records
                )
        return found

    def runs(self) -> dict[str, str]:
        """Return the recording of each run by the run's id."""
        return {run.run_id: run.tags[tags.PARTITION] for run in self.instance.get_runs()}


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    home = tmp_path_factory.mktemp("upgraded")
    with GPUHost() as gpu, LLMHost(model="test-model") as llm, DailyHost(rate=None) as daily:
        deployment = deploy(
            home,
            **gpu.env,
            **llm.env,
            **daily.env,
            DAILY_SUBDOMAIN=DOMAIN,
            DAILY_WEBHOOK_SECRET=SECRET,
            REFLECTOR_POLL_INTERVAL="15",
            REFLECTOR_API_TOKEN=TOKEN,
            REFLECTOR_ALLOW_HTTP="true",
            REFLECTOR_ALLOWED_NETWORKS="127.0.0.0/8",
        )
        with tarfile.open(ARCHIVE) as archive:
            archive.extractall(home, filter="data")
        listed = json.loads((home / "daily.json").read_text())
        daily.recordings, daily.participants = listed["recordings"], listed["participants"]
        answers = json.loads((home / "answers.json").read_text())
        # Daily lists the newest first.
        failed, denied, delivered = (one["id"] for one in daily.recordings)
        with open_instance(deployment) as instance:
            yield Upgraded(deployment, instance, gpu, answers, delivered, denied, failed)


def test_commands_and_api_answer_as_before(upgraded: Upgraded) -> None:
    found: dict[str, Any] = {}
    with Receiver(upgraded.deployment) as receiver:
        for question in upgraded.answers:
            program, _, rest = question.partition(" ")
            if program == "reflector":
                found[question] = upgraded.deployment.json(*rest.split())
                continue
            answer = receiver.client.get(receiver.url + rest, headers={"Authorization": f"Bearer {TOKEN}"})
            kind = answer.headers["Content-Type"]
            body = answer.json() if "json" in kind else answer.text if "text" in kind else len(answer.content)
            found[question] = [answer.status_code, body]
    for question, answer in upgraded.answers.items():
        assert _stored(question, found[question]) == _stored(question, answer), question
    states = {one["id"]: one["state"] for one in upgraded.answers["GET /v1/transcripts"][1]["items"]}
    assert states == {upgraded.delivered: "ended", upgraded.denied: "ended", upgraded.failed: "error"}


def test_migrations_are_at_the_newest(upgraded: Upgraded) -> None:
    upgraded.deployment.json("inbox", "list")
    with closing(sqlite3.connect(upgraded.deployment.data / "reflector.db")) as database:
        versions = database.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchall()
    assert versions == [(ScriptDirectory(str(MIGRATIONS)).get_current_head(),)]


def test_finished_recordings_are_up_to_date(upgraded: Upgraded) -> None:
    before = upgraded.runs()
    done = upgraded.deployment.json("run", upgraded.delivered)
    assert (done["run_id"], done["materialized"], done["failed"]) == (None, [], [])
    assert {"track_transcripts", "topics", "summary", "transcript"} <= set(done["fresh"])
    assert upgraded.deployment.json("run", upgraded.denied)["materialized"] == []
    assert upgraded.runs() == before


def test_sensors_go_on_at_their_cursors_and_the_webhook_is_delivered(upgraded: Upgraded) -> None:
    states = _sensors(upgraded.instance)
    before, items = upgraded.runs(), upgraded.deployment.json("inbox", "list")
    with WebhookHost(secret=WEBHOOK_SECRET) as hook:
        [room] = upgraded.deployment.json("rooms", "list")
        for command in (
            ("rooms", "set", room["name"], "--webhook-url", hook.hook),
            ("deliveries", "retry", upgraded.delivered),
        ):
            done = upgraded.deployment.reflector(*command)
            assert done.returncode == 0, done.stderr
        with Daemon(upgraded.deployment, forked=True):
            began = time.time()
            running = [state for name, state in states.items() if name not in STOPPED]
            until(lambda: all(_ticks(upgraded.instance, state, began) for state in running))
            until(hook.events)
            until(lambda: all(run.is_finished for run in upgraded.instance.get_runs()))
            # A tick that the end of the daemon interrupts fails.
            ticks = [tick for state in states.values() for tick in _ticks(upgraded.instance, state, began)]
    assert [event["transcript"]["id"] for event in hook.events()] == [upgraded.delivered]
    # No sensor lost its state, failed, or requested any other run; two are new.
    assert set(_sensors(upgraded.instance)) == {*states, "set_pool_limits", "delete_recordings"}
    assert [name for name in STOPPED if _ticks(upgraded.instance, states[name], began)] == []
    assert [tick.error for tick in ticks if tick.error] == []
    new = [run for run in upgraded.instance.get_runs() if run.run_id not in before]
    assert all(run.asset_selection == {dg.AssetKey("webhook_delivery")} for run in new)
    # The delivery's run was interrupted by the old daemon's end: Dagster retries it, and the sensor, which doesn't
    # request one beside a run in progress, may do so at the same moment.
    origins = ["retry" if run.parent_run_id in before else run.tags.get("dagster/sensor_name") for run in new]
    assert sorted(map(str, origins)) in (["deliver_webhooks"], ["retry"], ["deliver_webhooks", "retry"]), origins
    assert upgraded.deployment.json("inbox", "list") == items
    assert upgraded.gpu.requests == []


def test_a_failed_recording_resumes(upgraded: Upgraded) -> None:
    before = upgraded.materializations()
    done = upgraded.deployment.json("run", upgraded.failed)
    assert done["failed"] == []
    assert {"track_transcripts", "transcript"} <= set(done["materialized"])
    assert {"recording", "padded_tracks"} <= set(done["fresh"])
    [call] = upgraded.gpu.requests
    assert call.name.endswith("1.webm"), "the other track was transcribed before"
    assert upgraded.deployment.json("show", upgraded.failed)["id"] == upgraded.failed
    after = upgraded.materializations()
    assert {key for key, count in after.items() if count != before.get(key, 0)} == {
        (asset, upgraded.failed) for asset in done["materialized"]
    }


def _stored(question: str, answer: Any) -> Any:
    """Leave out of an answer the messages that are worded when it is requested."""
    if question.startswith("GET") and answer[0] != 200:
        return answer[0]
    if question.startswith("reflector trace"):
        return [{key: one[key] for key in ("at", "what", "run_id")} for one in answer]
    if question.startswith("reflector consent"):
        # Only added since then.
        return {key: value for key, value in answer.items() if key != "matched"}
    return _without_added(answer)


def _without_added(answer: Any) -> Any:
    if isinstance(answer, list):
        return [_without_added(one) for one in cast("list[Any]", answer)]
    if isinstance(answer, dict):
        fields = cast("dict[str, Any]", answer)
        return {key: _without_added(value) for key, value in fields.items() if key not in ADDED}
    return answer


def _sensors(instance: dg.DagsterInstance) -> dict[str, Any]:
    """Return the stored states of all sensors by name; the one schedule runs at night only."""
    states = instance.all_instigator_state()
    return {state.name: state for state in states if state.instigator_type.value == "SENSOR"}


def _ticks(instance: dg.DagsterInstance, state: Any, since: float) -> list[Any]:
    """Return the finished ticks of a sensor that began after a time."""
    found = instance.get_ticks(state.instigator_origin_id, state.selector_id, after=since)
    return [tick for tick in found if tick.is_completed]
