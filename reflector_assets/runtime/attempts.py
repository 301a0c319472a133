"""The attempts at a step in the event log, from which an executor learns how one ended whose process is gone."""

import dagster as dg
from dagster import DagsterEvent, DagsterEventType

from reflector_assets.records import ATTEMPT_BEGINS, ATTEMPT_ENDS

# Events about a step that are logged outside of its attempts.
OUTSIDE_ATTEMPTS = {
    DagsterEventType.ENGINE_EVENT,
    DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
}


def has_begun(instance: dg.DagsterInstance, run_id: str, step_key: str, number: int) -> bool:
    """Return True if an attempt at a step (0 is the first) has begun, whether or not it has ended."""
    return bool(attempt(instance, run_id, step_key, number, ATTEMPT_BEGINS | ATTEMPT_ENDS))


def attempt(
    instance: dg.DagsterInstance, run_id: str, step_key: str, number: int, kinds: set[DagsterEventType] | None = None
) -> list[DagsterEvent]:
    """Return the logged events of one attempt at a step, all or those of `kinds`, which must include the ends."""
    attempts: list[list[DagsterEvent]] = [[]]
    for entry in instance.all_logs(run_id, of_type=kinds):
        event = entry.dagster_event
        if event is None or event.step_key != step_key or event.event_type in OUTSIDE_ATTEMPTS:
            continue
        attempts[-1].append(event)
        if event.is_step_up_for_retry:
            attempts.append([])
    return attempts[number] if number < len(attempts) else []


def if_ended(events: list[DagsterEvent]) -> list[DagsterEvent]:
    """Return an attempt's events if it has ended, else an empty list."""
    return events if any(event.event_type in ATTEMPT_ENDS for event in events) else []
