"""Events out of Dagster's own log: each once and in order, whoever reads when, and whatever became of the runs."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from domain.errors import InvalidInput
from domain.events import Event
from reflector_assets import tags
from testing import PATIENCE_S
from testing.deployment import new_instance
from tests.scenarios.telling import ID, STEPS, Telling

pytestmark = pytest.mark.slow(10)


@pytest.fixture
def reported(tmp_path: Path) -> Iterator[Telling]:
    with new_instance(tmp_path) as instance:
        yield Telling(instance, tmp_path / "data")


def contents(events: list[Event]) -> list[str]:
    """What isn't progress, in short."""
    short = {"STATUS": "value", "FINAL_TITLE": "title", "TOPIC": "id", "TRANSCRIPT": "text"}
    return [
        f"{event.event} {event.data.get(short.get(event.event, ''), '')}".strip()
        for event in events
        if event.event != "PIPELINE_PROGRESS"
    ]


def progress(events: list[Event], step: str) -> list[tuple[str, int | None]]:
    return [
        (event.data["step_status"], event.data.get("attempt"))
        for event in events
        if event.event == "PIPELINE_PROGRESS" and event.data["current_step"] == step
    ]


def statuses(events: list[Event]) -> list[Any]:
    return [event.data["value"] for event in events if event.event == "STATUS"]


FIRST = [
    "STATUS processing",
    "TRANSCRIPT Hello world.",
    "TOPIC topic-1",
    "TOPIC topic-2",
    "FINAL_TITLE Weekly planning",
    "FINAL_LONG_SUMMARY",
    "FINAL_SHORT_SUMMARY",
    "STATUS ended",
]


def test_a_run_reports_what_its_assets_cause_in_their_order(reported: Telling) -> None:
    assert reported.run().success
    events = reported.log().read()
    assert contents(events) == FIRST
    assert progress(events, "title") == [("pending", None), ("in_progress", 1), ("completed", 1)]
    assert [event.at for event in events] == sorted(event.at for event in events)


def test_content_that_was_made_again_is_reported_once_as_it_is_now(reported: Telling) -> None:
    reported.run()
    log = reported.log()
    live = log.read()
    reported.title = "Quarterly planning"
    reported.run("title", "summary", "transcript")
    live += log.read()
    # Who was there saw both titles; who comes late sees the newest. The summaries' content stayed.
    assert [one for one in contents(live) if "TITLE" in one] == [
        "FINAL_TITLE Weekly planning",
        "FINAL_TITLE Quarterly planning",
    ]
    late = reported.log().read()
    assert [one for one in contents(late) if "TITLE" in one] == ["FINAL_TITLE Quarterly planning"]
    assert statuses(late) == statuses(live) == ["processing", "ended", "processing", "ended"]


def test_a_step_that_is_tried_again_says_so_and_one_that_fails_for_good_ends_in_error(reported: Telling) -> None:
    reported.broken["title"] = 1
    reported.run()
    events = reported.log().read()
    assert progress(events, "title") == [
        *[("pending", None), ("in_progress", 1), ("pending", 2), ("in_progress", 2), ("completed", 2)]
    ]
    assert statuses(events) == ["processing", "ended"]

    reported.broken["summary"] = 9
    reported.run("summary", "transcript")
    log = reported.log()
    events = log.read()
    assert progress(events, "summary")[-1] == ("failed", 2)
    # What comes after a failed step stays to be done.
    assert progress(events, "transcript")[-1] == ("pending", None)
    assert statuses(events) == ["processing", "ended", "processing"], "it isn't known yet whether it is resumed"
    for run in reported.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE])):
        reported.instance.add_run_tags(run.run_id, {tags.WILL_RETRY: "false"})
    [error] = log.read()
    assert error.data == {"value": "error", "step": "summary", "reason": "summary is broken"}

    reported.broken.clear()
    reported.run("summary", "transcript")
    assert statuses(log.read()) == ["processing", "ended"]


def test_a_run_that_is_resumed_is_no_error(reported: Telling) -> None:
    reported.broken["title"] = 9
    reported.run(tags={tags.WILL_RETRY: "true"})
    reported.broken.clear()
    reported.run(*STEPS[STEPS.index("title") :])
    assert statuses(reported.log().read()) == ["processing", "ended"]


def test_a_run_that_was_killed_after_its_last_step_is_no_error(reported: Telling) -> None:
    reported.run()
    run = reported.instance.create_run_for_job(_instant(), tags={tags.PARTITION: ID, tags.WILL_RETRY: "false"})
    reported.instance.report_run_failed(run, "killed")
    # This one was for nothing that it made: it is an error.
    assert statuses(reported.log().read()) == ["processing", "ended", "error"]


def test_a_delivery_after_the_end_is_no_new_beginning(reported: Telling) -> None:
    reported.run()
    reported.run("webhook_delivery")
    assert statuses(reported.log().read()) == ["processing", "ended"]
    reported.broken["webhook_delivery"] = 9
    reported.run("webhook_delivery", tags={tags.WILL_RETRY: "false"})
    reported.broken.clear()
    reported.run("webhook_delivery")
    assert statuses(reported.log().read()) == ["processing", "ended", "error", "processing", "ended"]


def test_every_place_goes_on_exactly_where_it_was_even_where_runs_overlap(reported: Telling) -> None:
    log = reported.log()
    live: list[Event] = []
    reported.run()
    live += log.read()
    reported.gates = {"summary": threading.Event()}
    held = threading.Thread(target=reported.run)
    held.start()
    assert reported.reached["summary"].wait(PATIENCE_S)
    live += log.read()
    # A second run begins and ends while the first one is held.
    reported.run("title", "webhook_delivery", gates=False)
    live += log.read()
    reported.gates["summary"].set()
    held.join()
    live += log.read()
    reported.run("webhook_delivery")
    live += log.read()

    assert len({event.id for event in live}) == len(live)
    late = reported.log()
    replayed = late.read()
    places = {event.id.split("~", maxsplit=1)[0]: number for number, event in enumerate(live)}
    assert {event.id.split("~", maxsplit=1)[0] for event in replayed} == set(places)
    for number, seen in enumerate(live):
        rest = [*filter(late.after(seen.id), replayed)]
        assert {places[event.id.split("~", maxsplit=1)[0]] for event in rest} == set(range(number + 1, len(live)))
    # Each run's own events come in their order.
    for run in {event.id.split(".")[0] for event in replayed}:
        order = [places[e.id.split("~", maxsplit=1)[0]] for e in replayed if e.id.split(".")[0] == run]
        assert order == sorted(order)


def test_what_is_no_id_is_reported(reported: Telling) -> None:
    log = reported.log()
    for wrong in ("", "x", "1.2", "1.2.3~", "1.2.-3", "1.2.3\n", "9" * 40 + ".1.1", "\uff11.2.3"):
        with pytest.raises(InvalidInput, match="is no event's id"):
            log.after(wrong)


def test_what_other_processes_may_still_write_before_it_is_waited_for(reported: Telling) -> None:
    reported.read_delay = 3600
    log = reported.log()
    reported.run("recording")
    assert log.read() == []
    log.read_delay = 0
    assert contents(log.read()) == ["STATUS processing"]


def test_values_that_are_gone_or_made_by_other_code_are_left_out(reported: Telling) -> None:
    reported.run()
    reported.store.delete(f"recordings/{ID}/title.json")
    reported.store.write(f"recordings/{ID}/summary.json", b'{"other": 1}')
    assert contents(reported.log().read()) == [one for one in FIRST if not one.startswith("FINAL")]


def _instant() -> dg.JobDefinition:
    @dg.op
    def nothing() -> None: ...

    @dg.job  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
    def instant() -> None:
        nothing()

    return instant
