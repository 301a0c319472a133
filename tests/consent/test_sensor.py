"""What is requested after a denial, and when again: the sensor evaluated by hand, its requests run in this process."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from reflector_assets import definitions, tags
from reflector_assets.settings.main import Settings
from resources.store.s3 import S3Store
from sensors import consents, discovery
from sensors.keep_up_to_date import request_for
from testing.hosts.daily_oddities import DOMAIN
from tests.consent.world import World, world

pytestmark = pytest.mark.slow(10)


class Follower:
    """The sensor with its cursor, which survives in the daemon's database, and the run keys that Dagster knows."""

    def __init__(self, over: World, **settings: Any) -> None:
        self.world, self.cursor, self.keys = over, None, set[str | None]()
        self.sensor = consents.build("process", definitions.graph, Settings.model_validate(settings))

    def requests(self) -> list[dg.RunRequest]:
        resources = {name: getattr(self.world, name) for name in ("consents", "daily_api", "old_meetings")}
        with dg.build_sensor_context(self.world.instance, cursor=self.cursor, resources=resources) as context:
            result: Any = self.sensor(context)
        if isinstance(result, dg.SkipReason):
            return []
        self.cursor = result.cursor
        for request in result.dynamic_partitions_requests or ():
            self.world.instance.add_dynamic_partitions("recordings", list(request.partition_keys))
        found = [request for request in result.run_requests or () if request.run_key not in self.keys]
        self.keys |= {request.run_key for request in found}
        return found

    def tick(self, **others: Any) -> list[str]:
        """Evaluate the sensor, run what it requests, and say for which recordings."""
        found = self.requests()
        for request in found:
            self.world.run([key.to_user_string() for key in request.asset_selection or ()], **others)
        return [str(request.partition_key) for request in found]

    def wait(self, seconds: float) -> None:
        """Have so much time go by for what waits."""
        cursor = json.loads(str(self.cursor))
        for pending in cursor["pending"].values():
            pending["ask_at"] -= seconds
        self.cursor = json.dumps(cursor)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


@pytest.fixture
def short(here: World) -> World:
    """A recording that was begun and failed before it had words: its audio is at Daily."""
    here.run(["recording"])
    return here


def test_a_denial_is_followed_once(short: World) -> None:
    follower = Follower(short)
    assert follower.tick() == []
    short.deny(user="a")
    assert follower.tick() == [short.id]
    assert short.sound() == []
    assert [follower.tick() for _ in range(3)] == [[]] * 3
    follower.cursor = None
    assert follower.requests() == [], "also when the cursor is lost"
    short.consents.record("another-meeting", None, given=False)
    short.consents.record(short.session, "b", given=True)
    assert follower.requests() == []


def test_it_waits_while_the_recording_is_at_work_and_leaves_what_that_run_did(short: World) -> None:
    job = dg.Definitions(
        assets=definitions.assets, jobs=[definitions.process], resources=short.resources()
    ).resolve_job_def("process")
    begun = dg.DagsterRunStatus.STARTED
    run = short.instance.create_run_for_job(job, tags={tags.PARTITION: short.id}, status=begun)
    follower = Follower(short)
    short.deny()
    assert [follower.tick() for _ in range(2)] == [[], []]
    short.run(["consent_cleanup"])
    short.instance.report_run_failed(run)
    assert follower.tick() == []


def test_one_that_was_denied_before_and_then_failed_is_followed(here: World) -> None:
    follower = Follower(here)
    here.deny()
    assert follower.tick() == [], "nothing was begun: its run will end with the deletion"
    here.gpu.fail(50, 400)
    assert not here.run().success
    assert follower.tick() == [here.id]
    assert here.sound() == []


def test_a_deletion_that_fails_is_requested_again_later(short: World) -> None:
    follower = Follower(short)
    short.deny()
    wrong = S3Store(bucket="daily", endpoint_url="nowhere", access_key_id="a", secret_access_key="b", region="c")
    assert follower.tick(daily_bucket=wrong) == [short.id]
    assert short.instance.get_latest_materialization_event(dg.AssetKey("consent_cleanup")) is None
    for wait in (consents.FIRST_WAIT_S, consents.NEXT_WAITS_S):
        follower.wait(wait - 60)
        assert follower.tick() == []
        follower.wait(60)
        assert len(follower.requests()) == 1
    follower.wait(consents.NEXT_WAITS_S)
    assert follower.tick() == [short.id]
    assert short.sound() == []
    follower.wait(consents.NEXT_WAITS_S)
    assert follower.tick() == []


def test_in_shadow_nothing_is_requested_and_nothing_is_forgotten(short: World) -> None:
    short.deny()
    shadow = Follower(short, REFLECTOR_MODE="shadow", REFLECTOR_OLD_URL="https://old.example.com")
    assert shadow.tick() == []
    live = Follower(short)
    live.cursor = shadow.cursor
    assert live.tick() == [short.id]


def test_without_audio_only_text_is_brought_up_to_date(here: World) -> None:
    assert here.run().success
    here.deny()
    here.run(["consent_cleanup"])
    older = [
        node._replace(code_version="0") if node.name in {"padded_tracks", "mixed_audio", "title"} else node
        for node in definitions.graph
    ]
    graph = type(definitions.graph)(older)
    asked: list[str] = []

    def gone(recording_id: str) -> bool:
        asked.append(recording_id)
        return here.store.exists(here.key("audio_deleted.json"))

    found = request_for(here.instance, graph, here.id, 1e9, audio_is_gone=gone)
    assert found is not None
    assert [key.to_user_string() for key in found.asset_selection or ()] == ["title"]
    assert asked == [here.id]
    assert request_for(here.instance, definitions.graph, here.id, 1e9, audio_is_gone=gone) is None
    assert asked == [here.id], "nobody asks while nothing of audio is stale"
    # Other text is no reason to look at consent again.
    assert here.run(["title"]).success
    here.store.write(here.key("title.json"), b'{"title": "Another", "method": "by hand"}')
    assert here.run(["transcript"]).success
    found = request_for(here.instance, definitions.graph, here.id, 1e9, audio_is_gone=gone)
    assert found is not None
    assert [key.to_user_string() for key in found.asset_selection or ()] == ["zulip_message", "webhook_delivery"]


def test_what_lost_its_audio_before_it_had_words_is_left_alone(short: World) -> None:
    short.deny()
    short.run(["participants", "consent_cleanup"])
    assert request_for(short.instance, definitions.graph, short.id, 1e9) is not None
    assert request_for(short.instance, definitions.graph, short.id, 1e9, audio_is_gone=lambda _: True) is None


def test_a_retired_recording_is_kept_found_and_still_loses_its_audio(here: World) -> None:
    here.inbox.settle([1], "accepted")
    assert here.run().success
    here.instance.delete_dynamic_partition("recordings", here.id)
    settings = Settings.model_validate({"DAILY_SUBDOMAIN": DOMAIN, "REFLECTOR_INBOX_WAIT": 0})
    sensor = discovery.build("process", definitions.graph, settings)
    here.inbox.settle([1], "received")
    with dg.build_sensor_context(here.instance, resources={"inbox": here.inbox, "consents": here.consents}) as context:
        result: Any = sensor(context)
    assert (result.run_requests, result.dynamic_partitions_requests) == ([], [])
    assert here.inbox.item(1).reason == "the recording was retired"
    here.deny()
    assert Follower(here).tick() == [here.id]
    assert here.sound() == []
