"""What isn't kept for ever: reported first, and gone only when that is asked for."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from domain.recording import value_key
from reflector_assets import definitions, tags
from reflector_assets.eventlog.overview import recordings_overview
from reflector_assets.operations.retention import PAGE, Retention
from reflector_assets.operations.runs import known
from reflector_assets.partitions import RECORDINGS
from reflector_assets.settings.main import Settings
from resources.database.ledger import Ledger
from sensors import retention
from testing.deployment import Deployment
from tests.consent.world import World, failures, world

pytestmark = pytest.mark.slow(12)

NEVER: dict[str, Any] = {}
BOTH = {"PUBLIC_DATA_RETENTION_DAYS": 90, "REFLECTOR_RETIRE_DAYS": 365}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        made.inbox.settle([1], "accepted")
        yield made


def looking(over: World, settings: dict[str, Any]) -> Retention:
    chosen, source = Settings.model_validate(settings), over.resources()["source"]
    ledger = Ledger(database=over.inbox.database)
    return Retention(over.instance, over.store, over.bucket, source, over.inbox, ledger, chosen)


def due(look: Retention, days: float) -> list[str]:
    """What is due so many days from now."""
    return [one.what for one in look.due(time.time() + days * 86400)]


def test_audio_goes_when_its_days_are_over_and_the_text_stays(here: World) -> None:
    assert here.run().success
    look = looking(here, BOTH)
    assert [due(look, days) for days in (0, 89, 91)] == [[], [], ["audio"]]
    assert due(looking(here, NEVER), 1e4) == []
    shadow = {"REFLECTOR_MODE": "shadow", "REFLECTOR_OLD_URL": "https://old.example.com"}
    assert due(looking(here, BOTH | shadow), 91) == []
    sound, before = here.sound(), here.texts()
    assert len(sound) == 7, "looking changes nothing"
    [one] = look.due(time.time() + 91 * 86400)
    assert look.apply(one).objects == 7
    assert here.sound() == []
    assert here.texts() == before
    assert due(look, 91) == []
    said = failures(here.run(["mixed_audio"]))["mixed_audio"]
    assert "was deleted (retention: older than 90 days)" in said
    assert here.run(["consent_cleanup"]).success
    assert here.cleanup()["value"] == {"audio_deleted": True, "reason": "retention: older than 90 days"}


def test_a_deletion_that_fails_is_reported_and_due_again(here: World) -> None:
    assert here.run(["recording"]).success
    look = looking(here, BOTH)
    [one] = look.due(time.time() + 91 * 86400)
    in_the_way = here.home / "daily" / here.keys[0]
    in_the_way.unlink()
    in_the_way.mkdir()
    reported = look.apply(one)
    assert reported.failed
    assert here.keys[0] in reported.failed
    assert here.id in reported.failed
    in_the_way.rmdir()
    [again] = look.due(time.time() + 91 * 86400)
    assert look.apply(again).failed is None
    assert here.sound() == []


def test_a_finished_recording_is_retired_and_still_shown(here: World) -> None:
    assert here.run().success
    look = looking(here, {"REFLECTOR_RETIRE_DAYS": 365})
    [one] = look.due(time.time() + 366 * 86400)
    assert look.apply(one).failed is None
    assert here.instance.get_dynamic_partitions(RECORDINGS) == []
    assert known(here.instance, here.id, here.store) == here.id
    assert list(recordings_overview(here.instance, here.store)) == []
    [row] = recordings_overview(here.instance, here.store, retired=True)
    assert (row.id, row.state) == (here.id, "retired")
    assert len(here.texts()) == 5
    assert len(here.sound()) == 7


def test_what_is_at_work_new_or_unfinished_stays(here: World) -> None:
    look = looking(here, BOTH)
    assert due(look, 1e4) == [], "it was never begun"
    assert here.run(["recording"]).success
    assert due(look, 1e4) == ["audio"], "without a transcript it isn't retired"
    [one] = look.due(time.time() + 91 * 86400)
    job = dg.Definitions(
        assets=definitions.assets, jobs=[definitions.process], resources=here.resources()
    ).resolve_job_def("process")
    here.instance.create_run_for_job(job, tags={tags.PARTITION: here.id}, status=dg.DagsterRunStatus.STARTED)
    assert due(look, 1e4) == []
    assert look.apply(one).failed == "a run of the recording is in progress"
    assert len(here.sound()) == 4


@pytest.mark.parametrize("settings", [NEVER, BOTH])
def test_the_schedule_runs_only_where_days_are_set(here: World, settings: dict[str, Any]) -> None:
    schedule = retention.build(Settings.model_validate(settings))
    with dg.build_schedule_context(here.instance) as context:
        tick = schedule.evaluate_tick(context)
    assert len(tick.run_requests or []) == len(settings) // 2
    assert bool(tick.skip_message) is not bool(settings)
    resources = {name: here.resources()[name] for name in ("store", "daily_bucket", "source", "inbox")}
    assert retention.job.execute_in_process(instance=here.instance, resources=resources).success


def test_the_command_reports_and_does_nothing_by_itself(deployment: Deployment) -> None:
    deployment.env |= {"PUBLIC_DATA_RETENTION_DAYS": "1"}
    assert deployment.json("retention") == {"applied": False, "due": []}
    assert deployment.json("retention", "--apply") == {"applied": True, "due": []}


def test_all_are_looked_at_however_often_some_were_made(here: World) -> None:
    """A page of old recordings, one of which was made so often that the others' times aren't among the newest."""
    often, seldom = "often", [f"seldom-{number}" for number in range(3)]
    here.instance.add_dynamic_partitions(RECORDINGS, [*seldom, often, "never"])
    for name in (*seldom, *[often] * PAGE):
        here.instance.report_runless_asset_event(dg.AssetMaterialization("recording", partition=name))
    assert here.run(["recording"]).success
    for name in (*seldom, often):
        value = here.store.read(value_key("recording", here.id))
        here.store.write(value_key("recording", name), value)
        here.store.write(value_key("transcript", name), b"{}")
    look = looking(here, {"REFLECTOR_RETIRE_DAYS": 365})
    assert {one.id for one in look.due(time.time() + 366 * 86400)} == {*seldom, often}
    assert due(look, 364) == []


def test_a_recording_that_cant_be_read_is_reported_and_stays(here: World) -> None:
    assert here.run().success
    look = looking(here, {"REFLECTOR_RETIRE_DAYS": 365})
    folder = Path(here.store.location(f"recordings/{here.id}"))
    folder.rename(folder.with_name("elsewhere"))
    # Reading this link fails like a folder without permissions, also for root.
    folder.symlink_to("x" * 300)
    [one] = look.due(time.time() + 366 * 86400)
    failed = look.apply(one).failed
    assert f"recording {here.id}: " in (failed or "")
    assert here.instance.get_dynamic_partitions(RECORDINGS) == [here.id]
