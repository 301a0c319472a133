"""The progress of a run: PIPELINE_PROGRESS events from changes of its steps (spec: the assets)."""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from domain.events import PipelineProgress, StepStatus
from domain.steps import STEPS


class StepEvent(NamedTuple):
    """A change of one step; `timestamp` is in epoch seconds.

    `op` names a step of an asset with several steps, and `track` counts the steps of a fan-out from 0. `seconds` is set
    when the step has ended, `reason` when an attempt has failed.
    """

    asset: str
    step_key: str
    status: Literal["started", "retrying", "done", "failed", "skipped"]
    timestamp: float
    track: int | None = None
    op: str | None = None
    seconds: float | None = None
    reason: str | None = None


class RunProgress:
    """The steps of one run; `made` are the materialized assets of the recording, from any run.

    `steps` are all assets in topological order, `attempts` returns the maximum number of attempts of a step (or, within
    an asset, of the op with that name).
    """

    def __init__(self, run_id: str, steps: Sequence[str], attempts: Callable[[str], int], made: set[str]) -> None:
        self._run_id, self._steps, self._attempts, self._made = run_id, steps, attempts, made
        self._status: dict[str, StepStatus] = {}
        self._tries: dict[str, int] = {}
        self._tracks: int | None = None
        self._tracks_done: set[int] = set()
        self._completed: set[str] = set()

    @property
    def planned(self) -> set[str]:
        """The assets that the run makes or has made."""
        return set(self._status)

    @property
    def complete(self) -> bool:
        """Return True if the run has made all of its planned assets."""
        return bool(self._status) and set(self._status) <= self._completed

    def plan(self, asset: str) -> Iterator[PipelineProgress]:
        """Record that the run will make an asset."""
        if asset in self._steps and asset not in self._status:
            self._status[asset] = "pending"
            yield self._event(asset, "pending")

    def found_track(self) -> None:
        """Record one more track of the fan-out."""
        self._tracks = (self._tracks or 0) + 1

    def made(self, asset: str) -> None:
        """Record that an asset was materialized."""
        self._made.add(asset)
        self._completed.add(asset)

    def step(self, change: StepEvent) -> Iterator[PipelineProgress]:
        """Apply a step's change; the final failure of a track's step also fails its asset."""
        if change.asset not in self._steps or change.status == "skipped":
            return
        attempt = self._tries[change.step_key] = self._tries.get(change.step_key, 0) + (change.status == "started")
        if change.track is not None:
            yield from self._track(change, attempt)
        elif change.status == "started" and self._status.get(change.asset) != "in_progress":
            yield self._event(change.asset, "in_progress", change.op, attempt)
        elif change.status == "retrying":
            yield self._event(change.asset, "pending", change.op, attempt + 1, reason=change.reason)
        elif change.status == "done" and (change.op is None or change.asset in self._completed):
            yield self._event(change.asset, "completed", change.op, attempt)
        elif change.status == "failed":
            yield self._event(change.asset, "failed", change.op, attempt, reason=change.reason)

    def _track(self, change: StepEvent, attempt: int) -> Iterator[PipelineProgress]:
        assert change.track is not None
        status: StepStatus = "in_progress"
        if change.status == "done":
            status = "completed"
            self._tracks_done.add(change.track)
        elif change.status == "failed":
            status = "failed"
        elif change.status == "retrying":
            status, attempt = "pending", attempt + 1
        yield self._event(change.asset, status, change.op, attempt, change.reason, track=change.track)
        if status == "failed" and self._status.get(change.asset) != "failed":
            yield self._event(change.asset, "failed", reason=change.reason)

    def _event(
        self,
        asset: str,
        status: StepStatus,
        op: str | None = None,
        attempt: int | None = None,
        reason: str | None = None,
        *,
        track: int | None = None,
    ) -> PipelineProgress:
        if track is None:
            self._status[asset] = status
        return PipelineProgress(
            workflow_id=self._run_id,
            current_step=asset,
            step_index=self._steps.index(asset) + 1,
            total_steps=len(self._steps),
            step_status=status,
            percent=self._percent(),
            track_index=None if track is None else track + 1,
            track_count=self._tracks if asset == "track_transcripts" else None,
            attempt=attempt,
            max_attempts=self._attempts(op or asset) if attempt else None,
            reason=reason,
        )

    def _percent(self) -> float:
        done = sum(STEPS[asset].weight * self._share(asset) for asset in self._steps)
        return round(100 * done / sum(STEPS[asset].weight for asset in self._steps), 1)

    def _share(self, asset: str) -> float:
        """Return the completed share of an asset, 0 to 1; an asset that the run will make again counts as 0."""
        if asset in self._completed or (asset not in self._status and asset in self._made):
            return 1.0
        if asset == "track_transcripts" and self._tracks:
            return len(self._tracks_done) / self._tracks
        return 0.0
