"""What the sensor requests, and what it doesn't: evaluated by hand over a small graph."""

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from reflector_assets import tags
from reflector_assets.operations import refresh
from reflector_assets.operations.runs import RETRY_FAILED
from sensors.keep_up_to_date import request_for
from testing.deployment import new_instance
from tests.scenarios.small import ALL, Small

pytestmark = pytest.mark.slow(20)

A, B = "first", "second"
EVERYTHING = (A, set(ALL))


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    with dg.DagsterInstance.ephemeral() as instance:  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
        graph = Small(instance, tmp_path)
        graph.add(A)
        yield graph


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Small, Path]]:
    """A finished recording, and a sensor that has seen it, with the folder of its instance."""
    home = tmp_path_factory.mktemp("finished")
    with new_instance(home) as instance:
        made = Small(instance, home / "values")
        made.add(A)
        assert made.settle() == [EVERYTHING]
        made.tried.clear()
        yield made, home


@pytest.fixture
def done(finished: tuple[Small, Path], tmp_path: Path) -> Iterator[Small]:
    """A copy of the same: to make it takes longer than most tests."""
    made, home = finished
    with new_instance(tmp_path, home) as instance:
        yield made.copy(instance, tmp_path / "values")


def set_reach(small: Small, reach: str) -> None:
    small.settings = small.settings.model_copy(update={"reach": reach})


def test_a_new_recording_is_requested_once_and_goes_before_refreshes(small: Small) -> None:
    [request] = small.requests()
    assert request.partition_key == A
    assert request.tags[tags.PRIORITY] == "10"
    assert small.requests() == [], "it was asked for already"


def test_each_of_several_new_recordings_gets_a_run(small: Small) -> None:
    small.add(B)
    assert sorted(small.settle()) == [EVERYTHING, (B, set(ALL))]


def test_nothing_happens_while_nothing_changes_not_even_when_the_cursor_is_lost(done: Small) -> None:
    assert [done.tick() for _ in range(5)] == [[]] * 5
    done.cursor = None
    assert [done.tick() for _ in range(3)] == [[]] * 3
    assert done.tried == []


def test_a_code_change_runs_that_asset_and_what_its_new_content_reaches(done: Small) -> None:
    done.code["title"] = "2"
    done.content["title"] = "A better title"
    assert done.settle() == [(A, {"title"}), (A, {"document"})]
    assert [asset for _, asset in done.made[-2:]] == ["title", "document"]


def test_a_code_change_without_effect_ends_at_the_asset(done: Small) -> None:
    done.code["topics"] = "2"
    assert done.settle() == [(A, {"topics"})]


def test_a_run_that_was_resumed_without_parts_of_the_work_is_requested_anew(small: Small) -> None:
    small.broken, small.kind = {"words"}, "Incomplete"
    assert small.tick() == [EVERYTHING]
    small.broken.clear()
    assert small.settle() == [(A, {"words", "topics", "title", "summary", "document"})]
    assert small.stale(A) == {}


def test_code_can_go_back_and_forth(done: Small) -> None:
    for version in ("2", "1", "2"):
        done.code["title"] = version
        assert done.settle() == [(A, {"title"})]


def test_a_change_far_down_waits_for_what_lies_between(done: Small) -> None:
    done.code |= {"topics": "2", "document": "2"}
    done.content["topics"] = "another cut"
    done.content["title"] = "another title"
    assert done.settle() == [(A, {"topics"}), (A, {"title", "document"})]


def test_a_permanent_failure_is_one_run_until_its_code_changes(small: Small) -> None:
    small.broken = {"title"}
    assert small.tick() == [EVERYTHING]
    assert [small.tick() for _ in range(20)] == [[]] * 20
    small.cursor = None
    assert small.settle() == []
    small.code["title"] = "2"
    assert small.settle() == [(A, {"title", "document"})]
    assert small.tried.count((A, "title")) == 2
    small.broken.clear()
    small.code["title"] = "3"
    assert small.settle() == [(A, {"title", "document"})]
    assert small.stale(A) == {}


def test_code_that_failed_is_tried_again_when_it_comes_back_after_other_code(done: Small) -> None:
    done.broken = {"title"}
    for version in ("2", "3"):
        done.code["title"] = version
        assert done.settle() == [(A, {"title"})]
    done.broken.clear()
    done.code["title"] = "2"
    assert done.settle() == [(A, {"title"})]
    assert done.stale(A) == {}


def test_a_failed_asset_is_not_tried_again_because_its_siblings_were_made(done: Small) -> None:
    done.broken = {"title"}
    done.code |= {"summary": "2", "title": "2"}
    done.content["summary"] = "another summary"
    assert done.settle() == [(A, {"summary", "title"})]
    assert done.stale(A).keys() == {"title", "document"}


def test_a_failed_asset_is_not_tried_again_because_other_code_changed(done: Small) -> None:
    done.broken = {"title"}
    done.code["title"] = "2"
    done.settle()
    for asset in ("summary", "words", "summary"):
        done.code[asset] += "+"
        assert done.settle() == [(A, {asset})]
    assert done.tried.count((A, "title")) == 1


def test_a_failed_asset_is_tried_again_when_its_input_changed(done: Small) -> None:
    done.broken = {"title"}
    done.code["title"] = "2"
    done.settle()
    done.broken.clear()
    done.code["topics"] = "2"
    done.content["topics"] = "another cut"
    done.settle()
    assert done.stale(A) == {}


def test_a_failed_recording_is_tried_again_when_another_import_took_its_place(small: Small) -> None:
    small.broken = {"tracks"}
    small.settle()
    small.broken.clear()
    # What `reflector import --replace` reports.
    small.instance.report_runless_asset_event(dg.AssetMaterialization("recording", partition=A))
    assert small.settle() == [EVERYTHING]
    assert small.stale(A) == {}


def test_another_import_that_fails_as_well_is_one_more_run(small: Small) -> None:
    small.broken = {"recording"}
    small.settle()
    small.instance.report_runless_asset_event(dg.AssetMaterialization("recording", partition=A))
    assert small.settle() == [EVERYTHING]


def test_a_failure_of_a_run_by_hand_is_repeated_only_with_other_code(done: Small) -> None:
    done.broken = {"title"}
    done.run(A, ["title", "document"], tagged=False)
    done.content["topics"] = "another cut"
    done.run(A, ["topics", "title"], tagged=False)
    assert done.settle() == []
    done.broken.clear()
    done.code["title"] = "2"
    # The document is up to date, but Dagster shows it as failed since the first run.
    assert done.settle() == [(A, {"title"}), (A, {"document"})]


def test_what_failed_with_code_that_was_taken_back_is_made_once_more(done: Small) -> None:
    done.broken = {"title"}
    done.code["title"] = "2"
    assert done.settle() == [(A, {"title"})]
    done.code["title"] = "1"
    assert done.stale(A) == {}
    assert done.settle() == [(A, {"title"})]
    assert done.settle() == [], "it failed with this code, too"
    for version in ("2", "1"):
        done.code["title"] = version
        assert done.settle() == [(A, {"title"})]
        done.broken.clear()
    assert done.settle() == []


def test_a_recording_at_work_is_left_alone_and_looked_at_again_when_its_run_ends(done: Small) -> None:
    run = done.instance.create_run_for_job(done.job(), tags={tags.PARTITION: A}, status=dg.DagsterRunStatus.STARTED)
    done.code["title"] = "2"
    assert done.settle() == []
    done.instance.report_run_canceled(run)
    assert done.settle() == [(A, {"title"})]


def test_a_run_that_dagster_will_resume_is_left_to_it(done: Small) -> None:
    run = done.instance.create_run_for_job(done.job(), tags={tags.PARTITION: A, tags.WILL_RETRY: "true"})
    done.code["title"] = "2"
    done.instance.report_run_failed(run)
    assert done.settle() == []


def test_a_run_that_dagster_forgot_to_resume_is_requested_anew(done: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    run = done.instance.create_run_for_job(done.job(), tags={tags.PARTITION: A, tags.WILL_RETRY: "true"})
    done.code["title"] = "2"
    done.instance.report_run_failed(run)
    assert done.settle() == []
    monkeypatch.setattr("reflector_assets.operations.runs.RESUME_DEADLINE_S", 0.0)
    assert done.settle()[0] == (A, {"title"})
    forgotten = done.instance.get_run_by_id(run.run_id)
    assert forgotten
    assert forgotten.tags[tags.WILL_RETRY] == "false", "Dagster must not resume it besides"


@pytest.mark.parametrize("redundant", [False, True])
@pytest.mark.parametrize(("message", "requested"), [(RETRY_FAILED, True), ("Retrying the run", False)])
def test_a_killed_run_that_dagster_could_not_retry_is_requested_anew(
    done: Small, message: str, requested: bool, redundant: bool
) -> None:
    done.code["title"] = "2"
    code = ",".join(f"{asset}={done.code.get(asset, '1')}" for asset in ALL)
    run_tags = {tags.PARTITION: A, tags.WILL_RETRY: "false", tags.CODE: code}
    run = done.instance.create_run_for_job(done.job(), tags=run_tags)
    if redundant:
        # Somebody cancels it while the first one works.
        done.instance.report_run_canceled(done.instance.create_run_for_job(done.job(), tags=run_tags))
    done.instance.report_run_failed(run)
    done.instance.report_engine_event(message, run)
    assert bool(done.requests()) == requested


def test_reach_none_leaves_finished_recordings_alone_but_makes_new_ones(done: Small) -> None:
    set_reach(done, "none")
    done.code["title"] = "2"
    assert done.settle() == []
    done.cursor = None
    assert done.settle() == []
    done.add(B)
    assert done.settle() == [(B, set(ALL))]


def test_new_content_spreads_however_far_code_changes_reach(done: Small) -> None:
    set_reach(done, "none")
    done.content["topics"] = "another cut"
    done.run(A, ["topics"], tagged=False)
    assert done.settle() == [(A, {"title"})]


def test_code_changes_reach_as_far_back_as_the_recording_is_young(done: Small) -> None:
    done.code["title"] = "2"
    time.sleep(0.3)
    assert request_for(done.instance, done.graph(), A, reach=0.2) is None
    found = request_for(done.instance, done.graph(), A, reach=3600)
    assert found
    assert [key.to_user_string() for key in found.asset_selection or ()] == ["title"]


def test_a_request_reaches_any_recording_and_goes_behind_new_ones(done: Small) -> None:
    set_reach(done, "none")
    done.code["title"] = "2"
    done.settle()
    refresh.request(done.instance, A)
    [request] = done.requests()
    assert request.tags[tags.PRIORITY] == "-10"


def test_a_request_is_followed_to_the_end_out_of_reach_too(done: Small) -> None:
    set_reach(done, "none")
    done.code |= {"topics": "2", "document": "2"}
    refresh.request(done.instance, A)
    assert done.settle() == [(A, {"topics"}), (A, {"document"})]
    assert done.stale(A) == {}


def test_a_request_tries_what_failed_once_more_and_then_leaves_it(small: Small) -> None:
    small.broken = {"title"}
    small.settle()
    refresh.request(small.instance, A)
    assert small.settle() == [(A, {"title", "document"})]


def test_a_request_is_kept_while_the_recording_is_at_work(done: Small) -> None:
    set_reach(done, "none")
    run = done.instance.create_run_for_job(done.job(), tags={tags.PARTITION: A}, status=dg.DagsterRunStatus.STARTED)
    done.code["title"] = "2"
    refresh.request(done.instance, A)
    assert done.settle() == []
    done.instance.report_run_failed(run)
    # Dagster shows what that run was to make as failed.
    assert done.settle() == [(A, {"title"}), (A, {*ALL} - {"title"})]


def test_a_request_that_was_served_counts_no_more_when_the_cursor_is_lost(done: Small) -> None:
    set_reach(done, "none")
    done.code["title"] = "2"
    refresh.request(done.instance, A)
    assert done.settle() == [(A, {"title"})]
    done.code["title"] = "3"
    done.cursor = None
    assert done.settle() == []


def test_a_deleted_recording_is_forgotten(done: Small) -> None:
    done.instance.delete_dynamic_partition("recordings", A)
    done.code["title"] = "2"
    assert done.settle() == []


def test_a_recording_that_is_added_after_the_newest_was_deleted_is_found(done: Small) -> None:
    done.instance.delete_dynamic_partition("recordings", A)
    done.add(B)
    assert done.settle() == [(B, set(ALL))]


def test_more_recordings_than_a_page_are_all_found(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("changes", "keep_up_to_date"):
        monkeypatch.setattr(f"sensors.{module}.PAGE", 20)
    ids = [f"r{n}" for n in range(20 + 3)]
    small.add(*ids)
    requested = [str(request.partition_key) for _ in range(4) for request in small.requests()]
    assert sorted(requested) == sorted([A, *ids])
