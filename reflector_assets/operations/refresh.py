"""Refreshes recordings on request: what is stale and why, what it would cost, and the request itself."""

import time
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

import dagster as dg

from domain.corrections.gathered import Corrections
from domain.errors import PermanentError
from domain.recording import check_recording_id
from reflector_assets import staleness
from reflector_assets.partitions import pages
from reflector_assets.records import made_at, plain
from reflector_assets.staleness import AssetGraph, AssetState


class Cost(NamedTuple):
    """The usage of the last materializations: wall and GPU seconds, LLM calls and tokens."""

    seconds: float
    gpu_seconds: float
    llm_calls: int
    tokens: int


class StaleRecording(NamedTuple):
    """A recording with its stale assets and the reason of each; `cost` is None if none was ever materialized.

    `problem` is why they can't be determined, if so.
    """

    id: str
    reasons: dict[str, str]
    cost: Cost | None
    problem: str | None = None


def stale_recordings(
    instance: dg.DagsterInstance,
    graph: AssetGraph,
    since: float | None,
    audio_is_gone: Callable[[str], bool] = lambda _: False,
    files_of: Callable[[str], Collection[str]] | None = None,
    corrections: Callable[[str], Corrections | None] = lambda _: None,
) -> Iterator[StaleRecording]:
    """Yield stale recordings, newest first, whose `recording` was materialized at most `since` seconds ago."""
    for recording_id in (one for page in pages(instance, ascending=False) for one in page):
        try:
            check_recording_id(recording_id)
            edits = corrections(recording_id)
            found = staleness.states(instance, graph, recording_id, audio_is_gone, files_of, edits)
        except (PermanentError, OSError, ValueError) as error:
            yield StaleRecording(recording_id, {}, None, str(error))
            continue
        made = next((state.record for state in found if state.asset == "recording"), None)
        if since is not None and made is not None and time.time() - made_at(made) > since:
            continue
        if reasons := {state.asset: state.reason for state in found if state.reason}:
            yield StaleRecording(recording_id, reasons, _cost(found))


def request(instance: dg.DagsterInstance, recording_id: str) -> None:
    """Request that the sensor brings a recording up to date, regardless of its age and of failed runs."""
    instance.report_runless_asset_event(
        dg.AssetObservation("recording", partition=recording_id, description="brought up to date on request")
    )


def _cost(found: list[AssetState]) -> Cost | None:
    """Return the usage of the stale assets' last materializations."""
    usages = [
        plain(state.record.asset_materialization.metadata)
        for state in found
        if state.reason and state.record and state.record.asset_materialization
    ]
    if not usages:
        return None

    def total(*names: str) -> float:
        return sum(float(usage.get(name) or 0) for usage in usages for name in names)

    return Cost(
        round(total("wall_seconds"), 1),
        round(total("gpu_seconds"), 1),
        int(total("llm_calls")),
        int(total("prompt_tokens", "completion_tokens")),
    )
