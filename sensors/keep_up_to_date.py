"""The sensor that keeps recordings up to date: it asks only about those to which something happened."""

import hashlib
import time
from collections.abc import Callable, Sequence

import dagster as dg

from reflector_assets import staleness, tags
from reflector_assets.operations.runs import at_work, code_tag, is_about_to_be_resumed
from reflector_assets.partitions import RECORDINGS
from reflector_assets.settings.main import Settings
from reflector_assets.staleness import AssetGraph, AssetState, Node
from resources.database.inbox import Inbox
from sensors.changes import PAGE, Cursor, began_at, happened

SENSOR = "keep_up_to_date"
# Looking at one recording takes 0.05 s on SQLite and 0.2 s on PostgreSQL; the sensor's own limit is 60 s.
TICK_BUDGET_S = 20.0
# So far back goes the search for the run that was last to make an asset.
RECENT_RUNS = 20


def build(
    job_name: str,
    graph: AssetGraph,
    settings: Settings,
    audio_is_gone: Callable[[str], bool] = lambda _: False,
) -> dg.SensorDefinition:
    """Make the sensor for a job over this graph; how far back code changes reach is a setting."""

    @dg.sensor(
        name=SENSOR,
        job_name=job_name,
        minimum_interval_seconds=1,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Requests exactly the stale assets of each recording to which something happened: it is new, "
        "a run of it ended, or code changed.",
    )
    def keep_up_to_date(context: dg.SensorEvaluationContext, inbox: Inbox) -> dg.SensorResult:
        instance = context.instance
        cursor = Cursor.model_validate_json(context.cursor) if context.cursor else Cursor()
        deadline = time.monotonic() + TICK_BUDGET_S
        if len(cursor.waiting) < PAGE:
            cursor.waiting = list(dict.fromkeys([*cursor.waiting, *happened(instance, cursor, graph, settings)]))
        requests: list[dg.RunRequest] = []
        held: list[str] = []
        while cursor.waiting and time.monotonic() < deadline:
            recording_id = cursor.waiting.pop(0)
            if inbox.is_pending(recording_id) or is_about_to_be_resumed(instance, recording_id):
                # The discovery sensor is about to request its first run, or Dagster its next.
                held.append(recording_id)
                continue
            asked = cursor.on_request.get(recording_id)
            reach = settings.reach_seconds
            since = cursor.code_since
            request = request_for(
                instance, graph, recording_id, reach, asked=asked, code_since=since, audio_is_gone=audio_is_gone
            )
            if request:
                requests.append(request)
            elif asked and not at_work(instance, recording_id):
                del cursor.on_request[recording_id]
        cursor.waiting += held
        return dg.SensorResult(run_requests=requests, cursor=cursor.model_dump_json())

    return keep_up_to_date


def request_for(
    instance: dg.DagsterInstance,
    graph: AssetGraph,
    recording_id: str,
    reach: float,
    *,
    asked: float | None = None,
    code_since: float = 0.0,
    audio_is_gone: Callable[[str], bool] = lambda _: False,
) -> dg.RunRequest | None:
    """The run that one recording needs, or None: it is fresh, at work, out of reach, or failed just so.

    `reach` is in seconds. `asked` is when somebody asked for it: then neither its age matters nor what failed before.
    `code_since` is when code changed last, for failed runs that don't say which code they ran. Nothing of audio is
    requested where `audio_is_gone`.
    """
    if not instance.has_dynamic_partition(RECORDINGS, recording_id) or at_work(instance, recording_id):
        return None
    runs = instance.get_run_records(dg.RunsFilter(tags={tags.PARTITION: recording_id}), limit=RECENT_RUNS)
    found = staleness.states(instance, graph, recording_id, audio_is_gone)
    new = all(state.record is None for state in found)
    ready = [
        name
        for name in staleness.runnable(graph, found)
        if asked or _in_reach(found, reach) or _input_changed(found, name)
    ]
    ready = _without_failed(graph, found, ready, runs, asked or 0.0, code_since)
    if not ready:
        return None
    priority = tags.NEW if new else tags.BACKFILL if asked else tags.REFRESH
    state = f"{recording_id}|{staleness.fingerprint(graph, found)}|{runs[0].dagster_run.run_id if runs else ''}"
    return dg.RunRequest(
        partition_key=recording_id,
        asset_selection=[dg.AssetKey(name) for name in ready],
        # A key that ran once never runs again. It holds the last run, too: a revert of the code would be blocked else.
        run_key=hashlib.sha256(state.encode()).hexdigest()[:32],
        tags={tags.PRIORITY: priority, tags.CODE: code_tag(graph, ready)},
    )


def _in_reach(found: list[AssetState], reach: float) -> bool:
    """Say whether code changes reach this recording: by the time of its `recording` asset."""
    made = next((state.record for state in found if state.asset == "recording"), None)
    return made is None or time.time() - made.timestamp <= reach


def _input_changed(found: list[AssetState], asset: str) -> bool:
    reason = next(state.reason for state in found if state.asset == asset) or ""
    return reason.endswith(("changed", "is new")) and reason != staleness.CODE_CHANGED


def _without_failed(
    graph: AssetGraph,
    found: list[AssetState],
    ready: list[str],
    runs: Sequence[dg.RunRecord],
    asked: float,
    code_since: float,
) -> list[str]:
    """Leave out what failed just so, and what reads that; what reads something that will run gets its chance."""
    made = {state.asset: state.record for state in found}
    going: set[str] = set()
    failed: set[str] = set()
    for node in graph:
        if node.name not in ready:
            continue
        if failed.intersection(node.reads) or going.intersection(node.reads):
            left_out = bool(failed.intersection(node.reads))
        else:
            inputs = [record for name in (node.name, *node.reads) if (record := made[name])]
            left_out = _failed_just_so(node, inputs, runs, asked, code_since)
        (failed if left_out else going).add(node.name)
    return [name for name in ready if name in going]


def _failed_just_so(
    node: Node, inputs: list[dg.EventLogRecord], runs: Sequence[dg.RunRecord], asked: float, code_since: float
) -> bool:
    """Say whether the last run that was to make an asset failed, or was ended by hand, with its code and inputs.

    A run that doesn't say what code it ran (from Dagster's pages, say) ran the code of its time.
    """
    last = next((run for run in runs if _was_to_make(run.dagster_run, node.name)), None)
    if last is None or last.dagster_run.status not in (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED):
        return False
    if last.dagster_run.tags.get(tags.WILL_RETRY) == "true":
        # It died with its process, and Dagster has not resumed it.
        return False
    began, code = began_at(last), _code(last.dagster_run)
    if began < asked or (code[node.name] != str(node.code_version) if code else began < code_since):
        return False
    return not any(made.run_id != last.dagster_run.run_id and made.timestamp > began for made in inputs)


def _was_to_make(run: dg.DagsterRun, asset: str) -> bool:
    if code := _code(run):
        return asset in code
    return run.asset_selection is None or dg.AssetKey(asset) in run.asset_selection


def _code(run: dg.DagsterRun) -> dict[str, str]:
    """The code version of each asset that a run was for; empty when it doesn't say."""
    return dict(pair.split("=", 1) for pair in run.tags.get(tags.CODE, "").split(",") if "=" in pair)
