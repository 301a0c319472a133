"""Where each second of a recording goes, from Dagster's events and the stand-ins' calls; times in epoch seconds."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import dagster as dg

from reflector_assets import tags
from reflector_assets.records import ATTEMPT_ENDS

SERVICES = "waiting for GPU and LLM"
STEPS = "work of steps"
STARTING = "starting steps' processes"
BETWEEN = "between steps"
SENSOR = "until the sensor requests the run"
QUEUE = "in the queue"
WORKER = "starting the run's process"
SERVER = "starting the first step's process"
PARTS = (SENSOR, QUEUE, WORKER, SERVER, SERVICES, STEPS, STARTING, BETWEEN)
Span = tuple[float, float]


@dataclass(frozen=True)
class Timeline:
    """Seconds from a recording's appearance to its first step, and to its run's end; `parts` add up to the latter."""

    first_step: float
    seconds: float
    parts: dict[str, float]


def timeline(instance: dg.DagsterInstance, recording_id: str, appeared: float, calls: Iterable[Span]) -> Timeline:
    """Divide the only run of a recording into parts; each moment belongs to the first part that covers it."""
    (run,) = instance.get_runs(dg.RunsFilter(tags={tags.PARTITION: recording_id}))
    events: dict[dg.DagsterEventType, float] = {}
    begun: dict[str, float] = {}
    worked: dict[str, float] = {}
    starting: list[Span] = []
    working: list[Span] = []
    worker_started = 0.0
    for entry in instance.all_logs(run.run_id):
        event = entry.dagster_event
        if event is None:
            continue
        at, step = entry.timestamp, entry.step_key or ""
        if event.event_type == dg.DagsterEventType.STEP_WORKER_STARTING:
            begun[step] = at
        elif event.event_type == dg.DagsterEventType.STEP_WORKER_STARTED:
            worker_started = worker_started or at
        elif event.event_type == dg.DagsterEventType.STEP_START:
            starting.append((begun.pop(step, at), at))
            worked[step] = at
        elif event.event_type in ATTEMPT_ENDS:
            working.append((worked.pop(step, at), at))
        elif event.event_type is not None:
            events.setdefault(event.event_type, at)
    enqueued, dequeued = events[dg.DagsterEventType.RUN_ENQUEUED], events[dg.DagsterEventType.RUN_STARTING]
    started, end = events[dg.DagsterEventType.RUN_START], events[dg.DagsterEventType.RUN_SUCCESS]
    spans = {
        SENSOR: [(appeared, enqueued)],
        QUEUE: [(enqueued, dequeued)],
        WORKER: [(dequeued, started)],
        SERVER: [(min(begin for begin, _ in starting), worker_started)],
        SERVICES: list(calls),
        STEPS: working,
        STARTING: starting,
        BETWEEN: [(appeared, end)],
    }
    first = min(end for _, end in starting)
    return Timeline(first - appeared, end - appeared, shares(spans, appeared, end))


def shares(spans: dict[str, list[Span]], begin: float, end: float) -> dict[str, float]:
    """Assign each moment to the first part that has a span over it; return seconds by part."""
    marks = sorted({begin, end, *(at for part in spans.values() for span in part for at in span if begin < at < end)})
    found = dict.fromkeys(spans, 0.0)
    for left, right in pairwise(marks):
        part = next((name for name, all_of in spans.items() if any(a <= left and right <= b for a, b in all_of)), None)
        if part is not None:
            found[part] += right - left
    return found
