"""The sensor that keeps recordings up to date; it checks only those that changed."""

import hashlib
import time
from collections.abc import Callable, Collection, Sequence
from functools import cache, partial

import dagster as dg

from domain.corrections.gathered import Corrections
from domain.errors import InvalidInput, PermanentError
from domain.recording import check_recording_id
from domain.steps import CORRECTIONS, NEED_AUDIO
from reflector_assets import staleness, tags
from reflector_assets.log_entries import KEEP_UP_TO_DATE
from reflector_assets.operations.runs import (
    at_work,
    code_tags,
    is_about_to_be_resumed,
    is_to_be_repeated,
    last_runs,
    prevent_resumption,
)
from reflector_assets.partitions import RECORDINGS
from reflector_assets.records import made_at
from reflector_assets.settings.main import Settings
from reflector_assets.staleness import AssetGraph, AssetState, Node
from resources.database.corrections import CorrectionHistory
from resources.database.inbox import Inbox
from sensors.changes import PAGE, Cursor, began_at, changed_recordings
from sensors.sensor import sensor

SENSOR = KEEP_UP_TO_DATE
# Checking one recording takes 0.05 s on SQLite and 0.2 s on PostgreSQL; the sensor's limit is 60 s.
TICK_BUDGET_S = 20.0


def build(
    job_name: str,
    graph: AssetGraph,
    settings: Settings,
    audio_is_gone: Callable[[str], bool] = lambda _: False,
    files_of: Callable[[str], Collection[str]] | None = None,
    corrections: CorrectionHistory | None = None,
) -> dg.SensorDefinition:
    """Return the sensor for a job over this graph; a setting limits the age of recordings that code changes affect.

    Corrections are gathered until they were quiet for a time.
    """

    @sensor(
        "Requests the stale assets of each recording that changed: it is new, its source was replaced, a run ended, a "
        "refresh was requested, it was corrected, or code changed. A sensor and not an automation condition, because "
        "conditions are evaluated over all partitions of all assets, and lose a change whose run failed: the page of "
        f"its target, the job {job_name}, has the reasons and links.",
        job_name=job_name,
    )
    def keep_up_to_date(context: dg.SensorEvaluationContext, inbox: Inbox) -> dg.SensorResult:
        instance = context.instance
        cursor = Cursor.model_validate_json(context.cursor) if context.cursor else Cursor()
        deadline = time.monotonic() + TICK_BUDGET_S
        edited = cursor.gathering.due(corrections, settings.corrections_quiet) if corrections else []
        cursor.waiting = list(dict.fromkeys([*edited, *cursor.problems.due(), *cursor.waiting]))
        if len(cursor.waiting) < PAGE and not cursor.problems.is_full:
            changed = changed_recordings(instance, cursor, graph, settings)
            cursor.waiting = list(dict.fromkeys([*cursor.waiting, *changed]))
        requests: list[dg.RunRequest] = []
        postponed: list[str] = []
        examined = 0
        while cursor.waiting and time.monotonic() < deadline:
            recording_id = cursor.waiting.pop(0)
            if refusal := _refusal(recording_id):
                context.log.error(refusal)
                continue
            examined += 1
            with cursor.problems.isolate(recording_id, context.log):
                if inbox.is_pending(recording_id) or is_about_to_be_resumed(instance, recording_id):
                    # The discovery sensor is about to request its first run, or Dagster its next.
                    postponed.append(recording_id)
                    continue
                requested = cursor.on_request.get(recording_id)
                is_quiet = not cursor.gathering.waits_for(recording_id)
                request = request_for(
                    instance,
                    graph,
                    recording_id,
                    settings.reach_seconds,
                    requested=requested,
                    code_since=cursor.code_since,
                    audio_is_gone=audio_is_gone,
                    files_of=files_of,
                    edits=corrections.gathered(recording_id) if corrections and is_quiet else None,
                )
                if request:
                    prevent_resumption(instance, recording_id)
                    requests.append(request)
                elif requested and not at_work(instance, recording_id):
                    del cursor.on_request[recording_id]
        cursor.waiting += postponed
        summary = cursor.problems.summary() or f"{examined} recordings changed, no run needed"
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else summary,
            cursor=cursor.model_dump_json(),
        )

    return keep_up_to_date


def _refusal(recording_id: str) -> str | None:
    """Return why no run is ever requested for a partition key; None if it can be a recording's id."""
    try:
        check_recording_id(recording_id)
    except InvalidInput as error:
        return f"{error} No run is requested: delete this partition on Dagster's page of the asset `recording`."
    return None


def request_for(
    instance: dg.DagsterInstance,
    graph: AssetGraph,
    recording_id: str,
    reach: float,
    *,
    requested: float | None = None,
    code_since: float = 0.0,
    audio_is_gone: Callable[[str], bool] = lambda _: False,
    files_of: Callable[[str], Collection[str]] | None = None,
    edits: Corrections | None = None,
) -> dg.RunRequest | None:
    """Return the run that a recording needs; None if it is fresh, in progress, out of reach, or would fail again.

    `reach` is in seconds. `requested` is the time of a requested refresh, to which neither the recording's age nor
    earlier failures matter. `code_since` is the time of the last code change, for failed runs without a code tag. If
    `audio_is_gone`, assets that need audio aren't requested. By `files_of`, assets whose files are gone are requested,
    too; raise PermanentError if that isn't the way to get them back. `edits` are the corrections to be gathered.
    """
    if not instance.has_dynamic_partition(RECORDINGS, recording_id) or at_work(instance, recording_id):
        return None
    runs = last_runs(instance, recording_id)
    found = staleness.states(instance, graph, recording_id, audio_is_gone, files_of, edits)
    gone = [state.asset for state in found if state.reason == staleness.GONE]
    if gone and not requested:
        _refuse_lost(found, runs)
    new = all(state.record is None for state in found)
    ready = [
        name
        for name in staleness.runnable(graph, found)
        if requested or _in_reach(found, reach) or _input_changed(found, name) or name in gone
    ]
    edited_at = edits.at if edits else 0.0
    ready = _without_failed(instance, graph, found, ready, runs, requested or 0.0, code_since, edited_at)
    if not ready and (requested or _in_reach(found, reach)):
        ready = _shown_as_failed(graph, found, runs, code_since)
        if NEED_AUDIO.intersection(ready) and audio_is_gone(recording_id):
            ready = [name for name in ready if name not in NEED_AUDIO]
    if not ready:
        return None
    restored = ",".join(name for name in ready if name in gone)
    priority = tags.NEW if new else tags.BACKFILL if requested else tags.REFRESH
    if CORRECTIONS in ready:
        priority = tags.CORRECTION
    state = f"{recording_id}|{staleness.fingerprint(graph, found)}|{runs[0].dagster_run.run_id if runs else ''}"
    return dg.RunRequest(
        partition_key=recording_id,
        asset_selection=[dg.AssetKey(name) for name in ready],
        # Dagster runs each key once. It includes the last run, because otherwise a revert of the code would not run.
        run_key=hashlib.sha256(state.encode()).hexdigest()[:32],
        tags={
            tags.PRIORITY: priority,
            **code_tags(graph, ready),
            **({tags.RESTORED: restored} if restored else {}),
        },
    )


def _refuse_lost(found: list[AssetState], runs: Sequence[dg.RunRecord]) -> None:
    """Raise PermanentError if a recording's files are elsewhere rather than lost: other results, or another disk."""
    if all(state.reason == staleness.GONE for state in found if state.record):
        raise PermanentError(
            "Dagster knows what was made of it, but none of its files is in the store",
            hint="Check REFLECTOR_DATA_DIR or TRANSCRIPT_STORAGE_*; `reflector run ID` makes again what is lost.",
        )
    restored = {run.dagster_run.run_id: run.dagster_run.tags.get(tags.RESTORED, "").split(",") for run in runs}
    for state in found:
        if state.reason == staleness.GONE and state.record and state.asset in restored.get(state.record.run_id, ()):
            raise PermanentError(
                f"{state.asset} was made again, and its file is gone again",
                hint="All code servers and workers must share one store. `reflector run ID` makes it again.",
            )


def _in_reach(found: list[AssetState], reach: float) -> bool:
    """Return True if code changes affect this recording, by the age of its `recording` asset."""
    made = next((state.record for state in found if state.asset == "recording"), None)
    return made is None or time.time() - made_at(made) <= reach


def _input_changed(found: list[AssetState], asset: str) -> bool:
    reason = next(state.reason for state in found if state.asset == asset) or ""
    return reason.endswith(("changed", "is new")) and reason != staleness.CODE_CHANGED


def _without_failed(
    instance: dg.DagsterInstance,
    graph: AssetGraph,
    found: list[AssetState],
    ready: list[str],
    runs: Sequence[dg.RunRecord],
    requested: float,
    code_since: float,
    edited_at: float,
) -> list[str]:
    """Leave out assets that failed with the same code and inputs, and assets downstream of them.

    Assets downstream of one that will run stay.
    """
    # Several assets have the same last run.
    given_up = cache(partial(is_to_be_repeated, instance))
    made = {state.asset: state.record for state in found}
    selected: set[str] = set()
    failed: set[str] = set()
    for node in graph:
        if node.name not in ready:
            continue
        if failed.intersection(node.reads) or selected.intersection(node.reads):
            left_out = bool(failed.intersection(node.reads))
        else:
            inputs = [record for name in (node.name, *node.reads) if (record := made[name])]
            since = max(requested, edited_at) if node.name == CORRECTIONS else requested
            left_out = _has_failed(node, inputs, runs, since, code_since, given_up)
        (failed if left_out else selected).add(node.name)
    return [name for name in ready if name in selected]


def _has_failed(
    node: Node,
    inputs: list[dg.EventLogRecord],
    runs: Sequence[dg.RunRecord],
    requested: float,
    code_since: float,
    given_up: Callable[[str], bool],
) -> bool:
    """Return True if an asset's last run failed or was canceled with the same code and inputs.

    A run without a code tag (started on Dagster's pages, for example) is taken to have run the code of its time.
    """
    last = next((run for run in runs if _selects(run.dagster_run, node.name)), None)
    if last is None or last.dagster_run.status not in (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED):
        return False
    if last.dagster_run.tags.get(tags.WILL_RETRY) == "true" or given_up(last.dagster_run.run_id):
        # It was killed, and Dagster hasn't resumed it.
        return False
    began = began_at(last)
    if began < requested or _ran_other_code(node, last, code_since):
        return False
    return not any(made.run_id != last.dagster_run.run_id and made_at(made) > began for made in inputs)


def _shown_as_failed(
    graph: AssetGraph, found: list[AssetState], runs: Sequence[dg.RunRecord], code_since: float
) -> list[str]:
    """Return the fresh assets whose last run failed with other code, which isn't loaded any more.

    Dagster shows an asset as failed until it is materialized again. It takes no paid call: the answers are cached.
    """
    fresh = {state.asset: state.record for state in found if state.record and not state.reason}
    shown: list[str] = []
    for node in graph:
        record = fresh.get(node.name)
        last = next((run for run in runs if _selects(run.dagster_run, node.name)), None)
        if record is None or last is None or last.dagster_run.status != dg.DagsterRunStatus.FAILURE:
            continue
        if record.timestamp < began_at(last) and _ran_other_code(node, last, code_since):
            shown.append(node.name)
    return shown


def _ran_other_code(node: Node, run: dg.RunRecord, code_since: float) -> bool:
    """Return True if a run executed an asset with other code than is loaded."""
    code = _code(run.dagster_run)
    return code[node.name] != str(node.code_version) if code else began_at(run) < code_since


def _selects(run: dg.DagsterRun, asset: str) -> bool:
    if code := _code(run):
        return asset in code
    return run.asset_selection is None or dg.AssetKey(asset) in run.asset_selection


def _code(run: dg.DagsterRun) -> dict[str, str]:
    """Return the code versions in a run's code tag; empty if it has none."""
    return dict(pair.split("=", 1) for pair in tags.value(run.tags, tags.CODE).split(",") if "=" in pair)
