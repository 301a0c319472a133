"""A recording's events on a terminal: a bar and a live line per step; plain lines where output isn't a terminal."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.text import Text

from domain.errors import TransientError
from domain.events import PIPELINE_PROGRESS, STATUS, Event, PipelineProgress
from reflector_assets.eventlog.reader import RecordingLog

MARKS = {"pending": "[yellow]↻[/]", "in_progress": " ", "completed": "[green]✓[/]", "failed": "[red]✗[/]"}
Past = Literal["none", "last run", "all"]


def own_stderr() -> Console:
    """Return a console on stderr that keeps writing to the terminal while Dagster redirects output to files."""
    return Console(file=os.fdopen(os.dup(2), "w", buffering=1))


class Following:
    """Context manager that passes each new event of a recording to a callback, from a thread of its own.

    `past` selects which of the earlier events are passed first.
    """

    def __init__(
        self, log: RecordingLog, callback: Callable[[Event], None], *, past: Past = "none", every: float = 0.3
    ) -> None:
        self._log, self._callback, self._every = log, callback, every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="progress", daemon=True)
        self._past = past

    def __enter__(self) -> "Following":
        before = self._log.read()
        start = {"none": len(before), "last run": _last_run(before), "all": 0}[self._past]
        for event in before[start:]:
            self._callback(event)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        # The log returns events only once they have settled.
        time.sleep(self._log.read_delay)
        self._read()

    def _follow(self) -> None:
        while not self._stop.wait(self._every):
            self._read()

    def _read(self) -> None:
        try:
            events = self._log.read()
        except TransientError:
            # The database is busy or unreachable: try again later; the run itself reports the error.
            return
        for event in events:
            self._callback(event)


class Seconds(ProgressColumn):
    """A step's duration, or the time since its start, from the times of its events."""

    max_refresh = 0.1

    def render(self, task: Task) -> Text:
        """Return the cell of one line."""
        began, ended = task.fields.get("began"), task.fields.get("ended")
        return Text(f"{max(0.0, (ended or time.time()) - began):6.1f} s" if began else "", style="progress.elapsed")


class WholeBar(BarColumn):
    """A bar on the line of the whole recording only: the progress within a step is unknown."""

    def render(self, task: Task) -> Any:
        """Return the cell of one line."""
        return super().render(task) if task.total == 100 else Text()


class ProgressLines:
    """Context manager that shows a run's events."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Progress(
            TextColumn("{task.fields[mark]}"),
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}"),
            Seconds(),
            WholeBar(bar_width=24),
            TextColumn("{task.fields[remark]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._lines: dict[tuple[str, int | None], TaskID] = {}
        self._began: dict[tuple[str, int | None], float] = {}
        self._whole: TaskID | None = None
        self._run: str | None = None
        self._now: tuple[tuple[str, int | None] | None, str] = (None, "")

    def __enter__(self) -> "ProgressLines":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, event: Event) -> None:
        """Show one event."""
        if event.event == PIPELINE_PROGRESS:
            self._progress(PipelineProgress.model_validate(event.data), event.at)
        elif event.event == STATUS and self._whole is not None:
            self._live.update(self._whole, description=f"[bold]{event.data['value']}")

    def _progress(self, now: PipelineProgress, at: float) -> None:
        if now.workflow_id != self._run:
            # A new run begins; its steps get new lines.
            self._run = now.workflow_id
            self._lines.clear()
            self._began.clear()
        line = (now.current_step, now.track_index)
        if now.step_status == "in_progress":
            self._began[line] = at
        if self._console.is_terminal:
            self._update(line, now, at)
        elif now.step_status in {"completed", "failed"} or now.reason:
            began = self._began.get(line) if now.step_status == "completed" else None
            spent = f" in {at - began:.1f} s" if began is not None else ""
            reason = f": {now.reason}" if now.reason else ""
            self._print(f"{_label(now)} {_status(now)}{spent}{reason}")

    def _update(self, line: tuple[str, int | None], now: PipelineProgress, at: float) -> None:
        if self._whole is None:
            self._whole = self._live.add_task("[bold]processing", total=100, mark=" ", remark="")
        if now.step_status == "in_progress":
            track = f", track {now.track_index} of {now.track_count}" if now.track_index else ""
            self._now = (line, f", step {now.step_index} of {now.total_steps}: {now.current_step}{track}")
        elif line == self._now[0]:
            self._now = (None, "")
        self._live.update(self._whole, completed=now.percent, remark=f"{now.percent:.0f} %{self._now[1]}")
        if now.step_status == "pending" and not now.attempt:
            return
        if line not in self._lines:
            self._lines[line] = self._live.add_task(_label(now).replace("[", r"\["), total=1, mark=" ", remark="")
        ended = now.step_status in {"completed", "failed"}
        fields: dict[str, Any] = {"mark": MARKS[now.step_status], "remark": _remark(now), "completed": int(ended)}
        fields |= {"began": self._began.get(line), "ended": at if ended else None}
        self._live.update(self._lines[line], **fields)

    def _print(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True, markup=False)


def _last_run(events: Sequence[Event]) -> int:
    """Return the index of the newest run's first event."""
    runs = [event.data.get("workflow_id") for event in events]
    newest = next((run for run in reversed(runs) if run), None)
    return runs.index(newest) if newest else 0


def _label(now: PipelineProgress) -> str:
    track = f" track {now.track_index} of {now.track_count}" if now.track_index else ""
    return f"[{now.step_index:>2}/{now.total_steps}] {now.current_step}{track}"


def _status(now: PipelineProgress) -> str:
    if now.step_status == "pending":
        return f"is tried again ({_attempt(now)})"
    return "done" if now.step_status == "completed" else now.step_status


def _remark(now: PipelineProgress) -> str:
    attempt = _attempt(now) if (now.attempt or 1) > 1 else ""
    return ": ".join(part for part in (attempt, now.reason or "") if part).replace("[", r"\[")


def _attempt(now: PipelineProgress) -> str:
    return f"attempt {now.attempt} of {now.max_attempts}"
