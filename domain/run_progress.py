"""How far a run is: its steps' changes, told as PIPELINE_PROGRESS (spec: the assets)."""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from domain.events import PipelineProgress, StepStatus
from domain.steps import STEPS


class StepEvent(NamedTuple):
    """A change of one step at a time in epoch seconds.

    `op` names a step within an asset that is made of several, and `track` is set for those of a fan-out, from 0 on.
    `seconds` are set once it ended, `reason` when an attempt failed.
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
    """One run's steps; `made` are the assets of the recording that are made, whichever run made them.

    `steps` are all assets in topological order, `attempts` says how often a step (or, within an asset, the op of
    that name) is tried at most.
    """

    def __init__(self, run_id: str, steps: Sequence[str], attempts: Callable[[str], int], made: set[str]) -> None:
        self._run_id, self._steps, self._attempts, self._made = run_id, steps, attempts, made
        self._status: dict[str, StepStatus] = {}
        self._tries: dict[str, int] = {}
        self._tracks: int | None = None
        self._tracks_done: set[int] = set()
        self._here: set[str] = set()

    @property
    def planned(self) -> set[str]:
        """The assets that the run is to make, or made."""
        return set(self._status)

    @property
    def complete(self) -> bool:
        """Whether it made all that it was for."""
        return bool(self._status) and set(self._status) <= self._here

    def plan(self, asset: str) -> Iterator[PipelineProgress]:
        """Note that the run is to make an asset."""
        if asset in self._steps and asset not in self._status:
            self._status[asset] = "pending"
            yield self._tell(asset, "pending")

    def found_track(self) -> None:
        """Note one more track of the fan-out."""
        self._tracks = (self._tracks or 0) + 1

    def made(self, asset: str) -> None:
        """Note that an asset was materialized."""
        self._made.add(asset)
        self._here.add(asset)

    def step(self, change: StepEvent) -> Iterator[PipelineProgress]:
        """Take in a step's change; a track's step that fails for good fails its asset, too."""
        if change.asset not in self._steps or change.status == "skipped":
            return
        tried = self._tries[change.step_key] = self._tries.get(change.step_key, 0) + (change.status == "started")
        if change.track is not None:
            yield from self._track(change, tried)
        elif change.status == "started" and self._status.get(change.asset) != "in_progress":
            yield self._tell(change.asset, "in_progress", change.op, tried)
        elif change.status == "retrying":
            yield self._tell(change.asset, "pending", change.op, tried + 1, reason=change.reason)
        elif change.status == "done" and (change.op is None or change.asset in self._here):
            yield self._tell(change.asset, "completed", change.op, tried)
        elif change.status == "failed":
            yield self._tell(change.asset, "failed", change.op, tried, reason=change.reason)

    def _track(self, change: StepEvent, tried: int) -> Iterator[PipelineProgress]:
        assert change.track is not None
        status: StepStatus = "in_progress"
        if change.status == "done":
            status = "completed"
            self._tracks_done.add(change.track)
        elif change.status == "failed":
            status = "failed"
        elif change.status == "retrying":
            status, tried = "pending", tried + 1
        told = self._told(change.asset, status, change.op, tried, change.reason)
        yield told.model_copy(update={"track_index": change.track + 1, "track_count": self._tracks})
        if status == "failed" and self._status.get(change.asset) != "failed":
            yield self._tell(change.asset, "failed", reason=change.reason)

    def _tell(
        self, asset: str, status: StepStatus, op: str | None = None, tried: int | None = None, reason: str | None = None
    ) -> PipelineProgress:
        self._status[asset] = status
        return self._told(asset, status, op, tried, reason)

    def _told(
        self, asset: str, status: StepStatus, op: str | None, tried: int | None, reason: str | None
    ) -> PipelineProgress:
        return PipelineProgress(
            workflow_id=self._run_id,
            current_step=asset,
            step_index=self._steps.index(asset) + 1,
            total_steps=len(self._steps),
            step_status=status,
            percent=self._percent(),
            track_count=self._tracks if asset == "track_transcripts" else None,
            attempt=tried,
            max_attempts=self._attempts(op or asset) if tried else None,
            reason=reason,
        )

    def _percent(self) -> float:
        done = sum(STEPS[asset].weight * self._share(asset) for asset in self._steps)
        return round(100 * done / sum(STEPS[asset].weight for asset in self._steps), 1)

    def _share(self, asset: str) -> float:
        """How much of an asset is made, 0 to 1; what the run is to make anew counts as not made."""
        if asset in self._here or (asset not in self._status and asset in self._made):
            return 1.0
        if asset == "track_transcripts" and self._tracks:
            return len(self._tracks_done) / self._tracks
        return 0.0
