"""`reflector trace`: one recording's history from its arrival to the deletion of its audio, in the order of time."""

import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from domain.errors import NotFound
from reflector_assets.eventlog.history import History, HistoryEntry
from reflector_assets.operations import refresh
from testing.deployment import Deployment
from tests.consent.world import World, world

pytestmark = pytest.mark.slow(12)

SIGNED = "https://bucket.example.com/audio.webm?X-Amz-Signature=c2VjcmV0"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A track fails at first; then consent is denied, and somebody asks for another run."""
    with world(tmp_path_factory.mktemp("world")) as found:
        [item] = found.inbox.items()
        found.inbox.settle([item.seq], "accepted")
        found.gpu.fail(1, 503, f"could not fetch {SIGNED}", retry_after=0)
        assert found.run().success
        found.deny(user="somebody@example.com")
        found.consents.record(found.id, "other", given=True)
        refresh.request(found.instance, found.id)
        assert found.run(["consent_cleanup"]).success
        delivery = found.resources()["deliveries"].create("event-1", "webhook", found.id)
        claimed = found.resources()["deliveries"].claim(delivery.key)
        found.resources()["deliveries"].settle(claimed, "refused", status_code=410, reason=f"gone from {SIGNED}")
        yield found


def history(world: World, recording_id: str | None = None) -> list[HistoryEntry]:
    resources = world.resources()
    return History(
        world.instance, world.store, world.inbox, world.consents, resources["deliveries"], resources["messages"]
    ).of(recording_id or world.id)


def test_it_reports_everything_in_the_order_of_time(made: World) -> None:
    reported = history(made)
    assert [one.at for one in reported] == sorted(one.at for one in reported)
    said = [(one.what, one.text) for one in reported]
    texts = "\n".join(text for _, text in said)
    first = [text for what, text in said if what == "arrival"]
    assert first == ["poll brought an entry of Daily's list (item 1)", "item 1 was accepted"]
    requested = [text for what, text in said if what == "run" and "requested" in text]
    assert requested[0].startswith("a user requested a run of action_items, consent_cleanup")
    assert requested[1] == "a user requested a run of consent_cleanup"
    assert ("told", "brought up to date on request") in said
    again = [one for one in reported if one.details.get("status") == "retrying"]
    assert [one.text.split(" after")[0] for one in again] == [
        "track_transcripts, transcribe_track of track 0: attempt 1 failed, will be retried"
    ]
    assert "track_transcripts, transcribe_track of track 0: attempt 2 done" in texts
    assert "padded_tracks was made" in texts
    assert f"somebody@example.com denied keeping the audio of {made.session}" in texts
    assert f"other agreed to keep the audio of {made.id}" in texts
    assert any(what == "audio" and "deletion of the audio began: consent" in text for what, text in said)
    assert ("audio", "the audio is deleted: none of it is listed any more") in said
    assert "the webhook is refused after 1 attempts with HTTP 410: gone from" in texts
    assert [text for what, text in said if what == "run"][-1] == "the run ended: success"


def test_no_signature_is_in_it(made: World) -> None:
    everything = json.dumps([one._asdict() for one in history(made)])
    assert "https://bucket.example.com/audio.webm?..." in everything
    assert "c2VjcmV0" not in everything


def test_a_failed_check_is_reported_with_its_problems(tmp_path: Path) -> None:
    with world(tmp_path) as found:
        found.gpu.words = lambda call: []  # pyright: ignore[reportAttributeAccessIssue]
        assert found.run().success
        checks = [one.text for one in history(found) if one.what == "check"]
        assert any("merged_words: speech_present failed" in text and "no words at all" in text for text in checks)


def test_the_requester_of_a_run_is_reported(made: World) -> None:
    from reflector_assets.eventlog.history import requested_by

    def run(**tags: str) -> dg.DagsterRun:
        return dg.DagsterRun("process", tags={f"dagster/{name}": value for name, value in tags.items()})

    assert requested_by(run(sensor_name="discovery")) == "the sensor discovery"
    assert requested_by(run(backfill="abc")) == "the backfill abc"
    resumed = run(sensor_name="discovery", parent_run_id="0123456789", retry_number="2")
    assert requested_by(resumed) == "Dagster's retry 2 of run 01234567"
    assert requested_by(run(parent_run_id="0123456789")) == "a retry of run 01234567"


def test_what_nobody_knows_is_not_found(made: World) -> None:
    with pytest.raises(NotFound, match="nothing is known"):
        history(made, "absent")


def test_the_command_prints_lines_or_one_document(deployment: Deployment) -> None:
    assert deployment.reflector("trace", "absent").returncode == 1
    from testing.deployment import SAMPLE, SAMPLE_ID

    deployment.reflector("import", str(SAMPLE))
    deployment.reflector("run", SAMPLE_ID, "--select", "recording")
    reported = deployment.json("trace", SAMPLE_ID)
    assert [one["what"] for one in reported][:2] == ["run", "run"]
    done = deployment.reflector("trace", SAMPLE_ID)
    assert done.returncode == 0
    assert "recording: attempt 1 done" in done.stdout
