"""The whole pipeline in shadow mode: everything is computed, nothing leaves but relays and fetches."""

import json
import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from reflector_assets import tags
from reflector_assets.settings.main import Settings
from resources.database.consents import Consents
from resources.database.database import Database
from resources.database.deliveries import Deliveries
from resources.database.inbox import Inbox, of_webhook
from resources.old_system.client import OldSystem
from resources.old_system.relays import Relays
from sensors import discovery, fallback
from testing.audio_files import babble, opus_track
from testing.daemon import until
from testing.databases import migrated
from testing.deployment import SAMPLE, Deployment, deploy
from testing.hosts.gpu_host import GPUHost
from testing.hosts.old_host import OldHost
from testing.hosts.old_world import OldTopicRow, OldTranscriptRow
from testing.hosts.webhook_host import WebhookHost
from testing.hosts.zulip_host import ZulipHost
from testing.parts.receiver import SECRET, Receiver
from tests.discovery.world import inbox_of
from tests.scenarios.small import Small

ID = "weekly-20260323080000"
EVENT = (SAMPLE / "webhook.json").read_bytes()
SAID = "We agree on the budget . I will send the slides"


def words(_: Any) -> list[dict[str, Any]]:
    return [{"word": f" {word}", "start": n * 0.1, "end": n * 0.1 + 0.09} for n, word in enumerate(SAID.split())]


def shadowing(home: Path, old: OldHost, **env: str) -> Deployment:
    env |= {"REFLECTOR_MODE": "shadow", "REFLECTOR_EXECUTOR": "in_process", "DAILY_WEBHOOK_SECRET": old.secret}
    return deploy(home, **old.env, **env)


def imported(deployment: Deployment, folder: Path) -> None:
    """Import a recording of the room `weekly`, of two seconds."""
    folder.mkdir()
    opus_track(folder / "Ada.webm", babble(2.0, seed=1))
    assert deployment.reflector("import", str(folder)).returncode == 0


def add_theirs(old: OldHost, **other: Any) -> OldTranscriptRow:
    """Add the old system's transcript of that recording."""
    said = [OldTopicRow("One", [(0, "We agreed on the budget", 0.0, 1.0)])]
    more: dict[str, Any] = {"title": "Something else", "topics": said, "duration": 2.0, **other}
    return old.world.add_transcript(old.world.add_meeting(ID, time.time()), "of Daily", created_at=time.time(), **more)


@pytest.mark.slow(30)
def test_everything_is_computed_and_compared_and_nothing_leaves(tmp_path: Path, old: OldHost) -> None:
    theirs = add_theirs(old)
    with GPUHost(words=words) as gpu, ZulipHost() as zulip, WebhookHost() as receiver:
        deployment = shadowing(
            tmp_path / "deployment",
            old,
            **gpu.env,
            **zulip.env,
            ZULIP_DAG_STREAM="operations",
            REFLECTOR_ALLOW_HTTP="true",
            REFLECTOR_ALLOWED_NETWORKS="127.0.0.0/8",
        )
        imported(deployment, tmp_path / ID)
        room = ["--webhook-url", receiver.hook, "--zulip-stream", "general", "--zulip-topic", "x", "--zulip-auto-post"]
        assert deployment.reflector("rooms", "set", "weekly", *room).returncode == 0
        assert deployment.reflector("consent", "deny", ID).returncode == 0
        done = deployment.json("run", ID)
        assert done["failed"] == []
        assert {"consent_cleanup", "zulip_message", "webhook_delivery", "shadow_comparison"} <= set(
            done["materialized"]
        )
        assert zulip.requests == []
        assert receiver.requests == []
        assert (deployment.folder(ID) / "audio.mp3").is_file(), "nothing is deleted"
        found = json.loads((deployment.folder(ID) / "shadow_comparison.json").read_text())
        assert (found["their_id"], found["their_url"]) == (theirs.id, f"{old.url}/transcripts/{theirs.id}")
        assert (found["ours"]["words"], found["theirs"]["words"]) == (10, 5)
        assert found["theirs"]["topics"] == 1
        # "agreed" is otherwise, and five words are too many: six of five.
        assert found["word_error_rate"] == pytest.approx(6 / 5)
        assert set(old.fetched()) == {theirs.id}
        reported = deployment.json("shadow", "report")
        assert (reported["recordings"], reported["compared"], reported["same_titles"]) == (1, 1, 0)
        assert reported["by_recording"] == [found]
        assert "120.0 %" in deployment.reflector("shadow", "report").stdout
        tried = deployment.json("shadow", "try", ID)
        assert tried == {"checked": "rooms' transcripts can be read", "by_recording": [found]}
        assert deployment.json("run", ID)["materialized"] == [], "it is compared once"


@pytest.mark.slow
def test_what_cannot_be_compared_waits_and_fails_nothing(tmp_path: Path, old: OldHost) -> None:
    with GPUHost(words=words) as gpu:
        deployment = shadowing(tmp_path / "deployment", old, **gpu.env)
        deployment.env["REFLECTOR_OLD_API_KEY"] = "not-the-key"
        imported(deployment, tmp_path / ID)
        theirs = add_theirs(old, status="error")
        assert deployment.json("run", ID)["failed"] == []
        [waits] = [one for one in deployment.json("deliveries", "list") if one["kind"] == "comparison"]
        assert waits["state"] == "waiting"
        assert "answered 401" in waits["reason"]
        assert "REFLECTOR_OLD_API_KEY" in waits["reason"]
        assert "not-the-key" not in waits["reason"]
        deployment.env |= old.env

        def again() -> dict[str, Any]:
            assert deployment.json("deliveries", "retry", ID)[0]["state"] == "waiting"
            assert deployment.json("run", ID, "--select", "shadow_comparison", "--force")["failed"] == []
            [delivery] = deployment.json("deliveries", "list")
            return delivery

        assert "isn't done with it (error)" in again()["reason"]
        theirs.status, said = "ended", theirs.topics
        theirs.topics = []
        assert "without words" in again()["reason"]
        theirs.topics = said
        assert again()["state"] == "sent"
    # Only the wrong key was refused.
    assert {one.status for one in old.requests} == {200, 401}


@pytest.mark.slow(10)
def test_the_receiver_relays_while_dagster_is_down(tmp_path: Path, old: OldHost) -> None:
    deployment = shadowing(tmp_path, old)
    deployment.env["DAILY_WEBHOOK_SECRET"] = old.secret = SECRET
    old.fail(1, 503)
    with Receiver(deployment) as receiver:
        assert receiver.post(EVENT).status_code == 200
        until(old.relayed, what="relayed after a failure")
        assert receiver.post(EVENT).status_code == 200
        receiver.stop()
        receiver.start()
        second = EVENT.replace(b'"id": "', b'"id": "second-', 1)
        assert receiver.post(second).status_code == 200
        until(lambda: len(old.relayed()) > 1, what="the second")
    assert old.relayed() == [EVENT, second]


def test_in_mode_off_recordings_are_only_noted(deployment: Deployment) -> None:
    inbox, small = inbox_of(deployment), deployment.home / "small"
    inbox.put([of_webhook(EVENT)])
    with dg.DagsterInstance.ephemeral() as instance:  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
        graph = Small(instance, small).graph()

        def look(mode: str) -> tuple[int, str, str | None]:
            given: dict[str, object] = {
                "REFLECTOR_MODE": mode,
                "REFLECTOR_OLD_URL": "https://old",
                "REFLECTOR_INBOX_WAIT": 0,
            }
            settings = Settings.model_validate(given)
            resources: dict[str, Any] = {"inbox": inbox, "consents": Consents(database=inbox.database)}
            with dg.build_sensor_context(instance=instance, resources=resources) as context:
                result = discovery.build("process", graph, settings)(context)
            assert isinstance(result, dg.SensorResult)
            [item] = inbox.items()
            return len(result.run_requests or []), item.state, item.reason

        assert look("off")[:2] == (0, "ignored")
        [item] = inbox.items()
        assert "REFLECTOR_MODE is off" in (item.reason or "")
        inbox.replay([item.seq])
        assert look("live")[0] == 1


def test_a_recording_that_fails_for_good_falls_back_once(tmp_path: Path, old: OldHost) -> None:
    database = Database(url=migrated(tmp_path / "reflector.db"))
    relays = Relays(
        inbox=Inbox(database=database),
        deliveries=Deliveries(database=database),
        old=OldSystem(url=old.url, secret=old.secret, timeout=2),
    )
    relays.inbox.put([of_webhook(EVENT)])
    recording_id = json.loads(EVENT)["payload"]["recording_id"]
    with dg.DagsterInstance.ephemeral() as instance:  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
        small = Small(instance, tmp_path)
        small.add(recording_id)
        small.broken = {"title"}
        cursor: str | None = None

        def look(**settings: str) -> str:
            nonlocal cursor
            given = Settings.model_validate({**old.env, "REFLECTOR_FALLBACK": "true", **settings})
            sensor = fallback.build(given, settled_after=0)
            with dg.build_sensor_context(instance=instance, cursor=cursor, resources={"relays": relays}) as context:
                skip = sensor(context)
                cursor = context.cursor
            assert isinstance(skip, dg.SkipReason)
            return skip.skip_message or ""

        small.run(recording_id, more={tags.WILL_RETRY: "true"})
        assert look() == "0 failed permanently, 0 relayed"
        small.run(recording_id)
        assert look(REFLECTOR_MODE="shadow") == "REFLECTOR_MODE is shadow"
        assert "isn't set" in look(REFLECTOR_FALLBACK="false")
        assert old.requests == []
        old.fail(1, 503)
        assert look() == "1 failed permanently, 1 relayed"
        assert old.relayed() == []
        [delivery] = relays.deliveries.newest()
        assert (delivery.kind, delivery.state) == ("fallback", "waiting")
        relays.deliver_due("fallback", now=(delivery.due_at or 0) + 1)
        small.run(recording_id)
        assert look() == "1 failed permanently, 0 relayed"
        assert old.relayed() == [EVENT]
