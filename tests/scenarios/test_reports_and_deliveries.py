"""The sensors that have due webhooks delivered and operators informed, evaluated by hand over small graphs."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from reflector_assets import tags
from reflector_assets.operations.runs import RETRY_FAILED
from reflector_assets.settings.main import Settings
from resources.database.database import Database
from resources.database.deliveries import Deliveries
from resources.outgoing.zulip import Zulip
from resources.outgoing.zulip_messages import Messages
from resources.store.base import LocalStore
from sensors import deliveries as due
from sensors import failures
from testing.hosts.zulip_host import ZulipHost
from tests.scenarios.small import Small

pytestmark = pytest.mark.slow(7)

A, B = "first", "second"


class Looking:
    """Both sensors over one instance and one database."""

    def __init__(self, small: Small, folder: Path, zulip: ZulipHost, **settings: str) -> None:
        self.small, self.cursor = small, None
        given = {"ZULIP_DAG_STREAM": "operations", "ZULIP_DAG_TOPIC": "Reflector", "REFLECTOR_DAGSTER_URL": "https://d"}
        self.settings = Settings.model_validate(zulip.env | given | settings)
        database = Database(url=f"sqlite:///{folder / 'reflector.db'}")
        self.deliveries = Deliveries(database=database)
        client = Zulip(realm=zulip.url, email=zulip.email, api_key=zulip.key, timeout=2)
        self.resources: dict[str, Any] = {
            "deliveries": self.deliveries,
            "messages": Messages(database=database, zulip=client),
            "store": LocalStore(root=str(folder / "store")),
        }

    def due(self) -> list[dg.RunRequest]:
        result = self._evaluate(due.build("process", self.small.graph(), self.settings), "deliveries")
        return [] if isinstance(result, dg.SkipReason) else list(result.run_requests)

    def tell(self) -> str:
        sensor = failures.build(self.settings, settled_after=0)
        return self._evaluate(sensor, "messages", "store").skip_message

    def _evaluate(self, sensor: dg.SensorDefinition, *names: str) -> Any:
        resources = {name: self.resources[name] for name in names}
        with dg.build_sensor_context(instance=self.small.instance, cursor=self.cursor, resources=resources) as context:
            result = sensor(context)
            self.cursor = context.cursor
        return result


@pytest.fixture
def zulip() -> Iterator[ZulipHost]:
    with ZulipHost() as host:
        yield host


@pytest.fixture
def looking(tmp_path: Path, zulip: ZulipHost) -> Iterator[Looking]:
    with dg.DagsterInstance.ephemeral() as instance:  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
        small = Small(instance, tmp_path)
        small.add(A, B)
        yield Looking(small, tmp_path, zulip)


def test_each_due_delivery_gets_one_run_of_the_one_asset(looking: Looking) -> None:
    now = time.time()
    looking.deliveries.create("e1", "webhook", A, now=now - 10)
    looking.deliveries.create("e2", "webhook", B, now=now + 60)
    looking.deliveries.create("e3", "relay", B, now=now - 10)
    [request] = looking.due()
    assert request.partition_key == A
    assert request.asset_selection == [dg.AssetKey("webhook_delivery")]
    assert looking.due()[0].run_key == request.run_key, "requested twice, it runs once"
    claimed = looking.deliveries.claim("e1", now=now)
    assert claimed is not None
    assert looking.due() == [], "somebody is at it"
    looking.deliveries.settle(claimed, "waiting", due_at=now - 1, now=now)
    [second] = looking.due()
    assert second.run_key != request.run_key
    looking.deliveries.retry("e1", now=now - 1)
    assert looking.due()[0].run_key not in {request.run_key, second.run_key}


def test_a_recording_at_work_waits(looking: Looking) -> None:
    looking.deliveries.create("e1", "webhook", A, now=time.time() - 10)
    run = looking.small.instance.create_run_for_job(looking.small.job(), tags={tags.PARTITION: A})
    assert looking.due() == []
    looking.small.instance.report_run_canceled(run)
    assert len(looking.due()) == 1


def test_what_no_run_can_deliver_is_asked_for_each_hour_and_given_up_after_a_day(looking: Looking) -> None:
    now = time.time()
    looking.deliveries.create("e1", "webhook", A, now=now - 1800)
    looking.deliveries.create("e2", "webhook", B, now=now - 5400)
    keys = [str(request.run_key) for request in looking.due()]
    assert sorted(key.rsplit(":", 1)[-1] for key in keys) == ["0", "1"]
    looking.deliveries.create("e3", "webhook", A, now=now - 2 * 86400)
    looking.deliveries.create("e4", "webhook", "deleted", now=now - 60)
    looking.due()
    assert looking.deliveries.get("e3").state == "given_up"
    assert looking.deliveries.get("e4").reason == "there is no such recording any more"


@pytest.mark.parametrize("mode", ["off", "shadow"])
def test_in_other_modes_nothing_is_requested_or_reported(
    tmp_path: Path, looking: Looking, zulip: ZulipHost, mode: str
) -> None:
    other = Looking(looking.small, tmp_path, zulip, REFLECTOR_MODE=mode, REFLECTOR_OLD_URL="https://old")
    other.deliveries.create("e1", "webhook", A, now=time.time() - 10)
    fail(other)
    assert other.due() == []
    assert mode in other.tell()
    assert zulip.requests == []


def fail(looking: Looking, recording_id: str = A, **more: str) -> str:
    looking.small.broken = {"title"}
    return looking.small.run(recording_id, more=more).run_id


def test_a_failure_is_reported_once_and_another_one_edits_the_message(looking: Looking, zulip: ZulipHost) -> None:
    first = fail(looking)
    assert looking.tell() == "1 permanent failures reported"
    [said] = zulip.says()
    assert said.startswith("**Recording first failed**")
    assert "* Step: title" in said
    assert f"(https://d/runs/{first})" in said
    assert "title is broken" in said
    [message] = zulip.messages.values()
    assert (message.stream, message.topic) == ("operations", "Reflector")
    assert looking.tell() == "0 permanent failures reported"
    second = fail(looking)
    fail(looking, B)
    assert looking.tell() == "2 permanent failures reported"
    assert len(zulip.says()) == 2
    assert second in zulip.says()[0]
    looking.cursor = None
    looking.tell()
    assert zulip.posted == 2, "a lost cursor tells nothing twice"
    assert zulip.refused == []


def test_what_dagster_will_try_again_and_what_is_no_recordings_isnt_told(looking: Looking, zulip: ZulipHost) -> None:
    fail(looking, **{tags.WILL_RETRY: "true"})
    run = looking.small.instance.create_run_for_job(looking.small.job())
    looking.small.instance.report_run_failed(run)
    assert looking.tell() == "0 permanent failures reported"
    assert zulip.requests == []


def test_what_is_repeated_because_dagster_could_not_retry_it_isnt_told(looking: Looking, zulip: ZulipHost) -> None:
    run = looking.small.instance.get_run_by_id(fail(looking, **{tags.WILL_RETRY: "false"}))
    looking.small.instance.report_engine_event(RETRY_FAILED, run)
    assert looking.tell() == "0 permanent failures reported"
    assert zulip.requests == []


def test_a_crash_is_reported_in_plain_words(looking: Looking, zulip: ZulipHost) -> None:
    run = looking.small.instance.create_run_for_job(looking.small.job(), tags={tags.PARTITION: A})
    looking.small.instance.report_engine_event("Step title terminated by signal 9 (SIGKILL).", run)
    looking.small.instance.report_run_failed(run, "the run's process is gone")
    looking.tell()
    assert "was killed, most likely because memory ran out" in zulip.says()[0]


@pytest.mark.parametrize("trouble", [503, 401])
def test_while_zulip_is_down_nothing_is_lost_and_it_is_left_alone(
    looking: Looking, zulip: ZulipHost, trouble: int
) -> None:
    fail(looking, A)
    fail(looking, B)
    zulip.fail(1, trouble)
    before = time.time()
    assert str(trouble) in looking.tell()
    after = time.time()
    assert "sent again later" in looking.tell()
    assert len(zulip.requests) == 1
    cursor = failures.Cursor.model_validate_json(looking.cursor or "")
    assert before + 30 <= cursor.not_before <= after + 30
    cursor.not_before = 0.0
    for problem in cursor.problems.root.values():
        problem.not_before = 0.0
    looking.cursor = cursor.model_dump_json()
    # What may have been posted isn't looked for before the claim is over.
    said = looking.tell()
    assert ("another process" in said) == (trouble == 503)
    if trouble == 401:
        assert said == "2 permanent failures reported"
        assert zulip.posted == 2


def test_without_a_stream_nobody_is_notified(tmp_path: Path, looking: Looking, zulip: ZulipHost) -> None:
    other = Looking(looking.small, tmp_path, zulip, ZULIP_DAG_STREAM="")
    fail(other)
    assert "ZULIP_DAG_STREAM" in other.tell()
    assert zulip.requests == []
