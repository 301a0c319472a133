"""Where each second of a recording went, from Dagster's own events and the stand-ins' calls; epoch seconds."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import dagster as dg

from reflector_assets import tags
from reflector_assets.records import ATTEMPT_ENDS

SERVICES = "waiting for GPU and LLM"
STEPS = "steps' own work"
STARTING = "starting steps' processes"
BETWEEN = "between steps"
SENSOR = "until the sensor asks for a run"
QUEUE = "in the queue"
WORKER = "starting the run's process"
SERVER = "starting the server of steps"
PARTS = (SENSOR, QUEUE, WORKER, SERVER, SERVICES, STEPS, STARTING, BETWEEN)
Span = tuple[float, float]


@dataclass(frozen=True)
class Timeline:
    """Seconds from a recording's appearance to its run's end; `parts` are the shares of it, and add up to it."""

    seconds: float
    parts: dict[str, float]


def timeline(instance: dg.DagsterInstance, recording_id: str, appeared: float, calls: Iterable[Span]) -> Timeline:
    """Cut up the only run of a recording: each moment belongs to the first of these that goes on."""
    (run,) = instance.get_runs(dg.RunsFilter(tags={tags.PARTITION: recording_id}))
    once: dict[dg.DagsterEventType, float] = {}
    begun: dict[str, float] = {}
    worked: dict[str, float] = {}
    starting: list[Span] = []
    working: list[Span] = []
    first_step = 0.0
    for entry in instance.all_logs(run.run_id):
        event = entry.dagster_event
        if event is None:
            continue
        at, step = entry.timestamp, entry.step_key or ""
        if event.event_type == dg.DagsterEventType.STEP_WORKER_STARTING:
            begun[step] = at
        elif event.event_type == dg.DagsterEventType.STEP_WORKER_STARTED:
            first_step = first_step or at
        elif event.event_type == dg.DagsterEventType.STEP_START:
            starting.append((begun.pop(step, at), at))
            worked[step] = at
        elif event.event_type in ATTEMPT_ENDS:
            working.append((worked.pop(step, at), at))
        elif event.event_type is not None:
            once.setdefault(event.event_type, at)
    enqueued, taken, started, end = (
        once[kind]
        for kind in (
            dg.DagsterEventType.RUN_ENQUEUED,
            dg.DagsterEventType.RUN_STARTING,
            dg.DagsterEventType.RUN_START,
            dg.DagsterEventType.RUN_SUCCESS,
        )
    )
    first_begun = min(begin for begin, _ in starting)
    spans = {
        SENSOR: [(appeared, enqueued)],
        QUEUE: [(enqueued, taken)],
        WORKER: [(taken, started)],
        SERVER: [(first_begun, first_step)],
        SERVICES: list(calls),
        STEPS: working,
        STARTING: starting,
        BETWEEN: [(appeared, end)],
    }
    return Timeline(end - appeared, shares(spans, appeared, end))


def shares(spans: dict[str, list[Span]], begin: float, end: float) -> dict[str, float]:
    """Give each moment to the first part, in their order, that has a span over it; returns seconds by part."""
    marks = sorted({begin, end, *(at for part in spans.values() for span in part for at in span if begin < at < end)})
    found = dict.fromkeys(spans, 0.0)
    for left, right in pairwise(marks):
        part = next((name for name, all_of in spans.items() if any(a <= left and right <= b for a, b in all_of)), None)
        if part is not None:
            found[part] += right - left
    return found
