"""Runs a recording's stale assets from the command line, and queries its runs."""

import hashlib
import math
import time
import uuid
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import cache
from typing import Any, NamedTuple

import dagster as dg

from domain.corrections.gathered import Corrections
from domain.errors import Incomplete, InvalidInput, NotFound
from domain.recording import check_recording_id, value_key
from reflector_assets import staleness, tags
from reflector_assets.eventlog.steps import failure_reason, step_events
from reflector_assets.operations import orphaned_runs
from reflector_assets.partitions import RECORDINGS
from reflector_assets.records import IN_PROGRESS, plain
from reflector_assets.runtime.instance import daemon_is_up
from reflector_assets.runtime.run_process import alive, process_tag
from resources.database.inbox import Inbox
from resources.store.base import Store

# Dagster resumes a killed run within seconds, but misses one whose failure it reads before the run's tag says that it
# will be resumed: after this time the run is requested again.
RESUME_DEADLINE_S = 120.0
# The number of runs that are searched for the last one of an asset.
RECENT_RUNS = 20
# The message of Dagster's event.
RETRY_FAILED = "Failed to retry run"


class Outcome(NamedTuple):
    """The outcome of a command: its last run, and the assets that were materialized, were fresh, or failed."""

    run_id: str | None
    materialized: list[str]
    fresh: list[str]
    failed: dict[str, str]


def known(instance: dg.DagsterInstance, recording_id: str, store: Store | None = None) -> str:
    """Return the id of a recording that exists, or has a transcript in `store`; raise InvalidInput or NotFound."""
    check_recording_id(recording_id)
    if not (
        instance.has_dynamic_partition(RECORDINGS, recording_id)
        or (store is not None and store.exists(value_key("transcript", recording_id)))
    ):
        raise NotFound(
            "there is no such recording",
            recording=recording_id,
            hint="`reflector list` shows all recordings; `reflector import FOLDER` adds one.",
        )
    return recording_id


def select(assets: Sequence[dg.AssetsDefinition], selection: str | None) -> set[str]:
    """Resolve a selection in Dagster's syntax, such as `title+`; None selects all assets. Raise InvalidInput."""
    if selection is None:
        return {spec.key.to_user_string() for definition in assets for spec in definition.specs}
    try:
        parts = [dg.AssetSelection.from_string(part.strip()) for part in selection.split(",")]
        resolved: list[Any] = [part.resolve(assets) for part in parts]  # pyright: ignore[reportUnknownMemberType]
    except dg.DagsterError:
        resolved = []
    keys: set[str] = {key.to_user_string() for part in resolved for key in part}
    if not keys:
        raise InvalidInput(
            f"the selection {selection!r} names no asset", hint="`dagster asset list` shows their names."
        )
    return keys


def bring_up_to_date(
    instance: dg.DagsterInstance,
    defs: dg.Definitions,
    graph: staleness.AssetGraph,
    recording_id: str,
    *,
    only: set[str],
    force: bool = False,
    audio_is_gone: Callable[[str], bool] = lambda _: False,
    files_of: Callable[[str], Collection[str]] | None = None,
    corrections: Callable[[str], Corrections | None] = lambda _: None,
    progress: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Outcome:
    """Run a recording's stale assets in this process until none is left; `force` also runs fresh ones, once.

    `only` are the assets to bring up to date; inputs of theirs whose files are gone (`files_of`) are made again, too.
    New content can make further assets stale, so there can be several consecutive runs. Waits for a run of this
    recording that is in progress; raise InvalidInput if that one can't start. If `audio_is_gone`, assets that need
    audio run only when nothing else is selected, and then fail with that reason. `corrections` returns those that
    stand, which are applied. `progress` is entered once there is
    something to run or to wait for.
    """
    materialized: list[str] = []
    run_id: str | None = None
    with ExitStack() as stack:
        show = cache(lambda: stack.enter_context(progress()))
        while True:
            if (busy := in_progress(instance, recording_id)) is not None:
                show()
                _wait_for(instance, busy)
                continue
            edits = corrections(recording_id)
            found = staleness.states(instance, graph, recording_id, audio_is_gone, files_of, edits)
            if force and run_id is None:
                possible = only - staleness.without_audio(graph, found) if audio_is_gone(recording_id) else only
                needed = staleness.with_lost_inputs(graph, found, possible or only)
                ready = [name for name in graph.names() if name in needed]
            else:
                stale = {state.asset for state in found if state.reason and state.asset in only}
                needed = staleness.with_lost_inputs(graph, found, stale)
                ready = [one for one in staleness.runnable(graph, found) if one in needed and one not in materialized]
            if not ready:
                fresh = [s.asset for s in found if s.asset in only and s.asset not in materialized]
                return Outcome(run_id, materialized, fresh, {})
            show()
            run_id = str(uuid.uuid4())
            with alive(instance, run_id):
                result = defs.resolve_job_def("process").execute_in_process(
                    instance=instance,
                    partition_key=recording_id,
                    asset_selection=[dg.AssetKey(name) for name in ready],
                    run_id=run_id,
                    raise_on_error=False,
                    run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                    tags={
                        **code_tags(graph, ready),
                        tags.PROCESS: process_tag(run_id),
                        **({tags.FORCE: "true"} if force else {}),
                    },
                )
            done = {
                key.to_user_string() for event in result.get_asset_materialization_events() if (key := event.asset_key)
            }
            materialized += [name for name in graph.names() if name in done]
            if not result.success:
                fresh = [s.asset for s in found if s.reason is None and s.asset in only and s.asset not in materialized]
                failures = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
                failed = {event.asset: event.reason or "failed" for event in step_events(failures)}
                step, reason = failure_reason(instance, run_id)
                return Outcome(run_id, materialized, fresh, failed or {step or "the run": reason})


def _wait_for(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Wait for a run of another process; raise InvalidInput if it is queued and Dagster's daemon isn't running."""
    while (now := instance.get_run_by_id(run.run_id)) is not None and not now.is_finished:
        if now.status == dg.DagsterRunStatus.QUEUED and not daemon_is_up(instance):
            raise InvalidInput(
                f"run {run.run_id} is queued, and Dagster's daemon, which would start it, isn't running",
                recording=run.tags.get(tags.PARTITION),
                hint="Start the daemon with `make dev`, or terminate the run on Dagster's runs page.",
            )
        if not orphaned_runs.end_if_orphaned(instance, now):
            time.sleep(1.0)


def in_progress(instance: dg.DagsterInstance, recording_id: str) -> dg.DagsterRun | None:
    """Return a recording's run in progress, if any, after ending orphaned ones."""
    runs = instance.get_runs(dg.RunsFilter(tags={tags.PARTITION: recording_id}, statuses=IN_PROGRESS))
    return next((run for run in runs if not orphaned_runs.end_if_orphaned(instance, run)), None)


def at_work(instance: dg.DagsterInstance, recording_id: str, inbox: Inbox | None = None) -> bool:
    """Return True if a run of a recording is in progress or about to be resumed, or its first one is in the inbox."""
    if in_progress(instance, recording_id) is not None or is_about_to_be_resumed(instance, recording_id):
        return True
    return inbox is not None and inbox.is_pending(recording_id)


def last_runs(instance: dg.DagsterInstance, recording_id: str) -> list[dg.RunRecord]:
    """Return a recording's last runs: those in progress, then the others, the one that ended last first.

    A run that was created later can have ended earlier: a redundant one that somebody cancels while another works.
    """
    runs = instance.get_run_records(dg.RunsFilter(tags={tags.PARTITION: recording_id}), limit=RECENT_RUNS)
    return sorted(runs, key=lambda run: run.end_time or math.inf, reverse=True)


def is_about_to_be_resumed(instance: dg.DagsterInstance, recording_id: str) -> bool:
    """Return True if the last run died with its process and Dagster has recently announced that it resumes it."""
    last = last_runs(instance, recording_id)
    if not last or last[0].dagster_run.tags.get(tags.WILL_RETRY) != "true":
        return False
    ended = last[0].end_time or last[0].update_timestamp.timestamp()
    return time.time() - ended < RESUME_DEADLINE_S


def is_to_be_repeated(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Return True if a failed run says nothing about the code and the recording.

    Dagster gave up retrying a killed one, as it does when it can't reach the code server, or it lacked what a new run
    has (Incomplete): it was resumed without parts of the work, or the partition was deleted and is there again.
    """
    kinds = {dg.DagsterEventType.ENGINE_EVENT, dg.DagsterEventType.STEP_FAILURE}
    entries = [one.event_log_entry for one in instance.get_records_for_run(run_id, of_type=kinds).records]
    return any(one.message == RETRY_FAILED or _is_incomplete(one.dagster_event) for one in entries)


def _is_incomplete(event: dg.DagsterEvent | None) -> bool:
    if event is None or event.event_type != dg.DagsterEventType.STEP_FAILURE:
        return False
    failure = event.step_failure_data.user_failure_data
    return failure is not None and plain(failure.metadata).get("kind") == Incomplete.__name__


def prevent_resumption(instance: dg.DagsterInstance, recording_id: str) -> None:
    """Have Dagster not resume the last run, since another run is requested: it would be resumed besides."""
    for last in [record.dagster_run for record in last_runs(instance, recording_id)[:1]]:
        if last.tags.get(tags.WILL_RETRY) == "true" and last.is_finished:
            instance.report_engine_event(RETRY_FAILED, last)
            instance.add_run_tags(last.run_id, {tags.WILL_RETRY: "false"})


def awaits_first_run(instance: dg.DagsterInstance, recording_id: str) -> bool:
    """Return True if a recording has no run yet and Dagster's daemon is running, which will request one."""
    if instance.get_runs_count(dg.RunsFilter(tags={tags.PARTITION: recording_id})):
        return False
    return instance.has_dynamic_partition(RECORDINGS, recording_id) and daemon_is_up(instance)


def code_tags(graph: staleness.AssetGraph, assets: Sequence[str]) -> dict[str, str]:
    """Return the tags with the code versions of these assets."""
    code = ",".join(f"{node.name}={node.code_version}" for node in graph if node.name in assets)
    return {tags.CODE: code, tags.CODE_HASH: hashlib.sha256(code.encode()).hexdigest()[:8]}
