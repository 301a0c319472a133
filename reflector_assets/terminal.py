"""A run's progress on a terminal: a live line per step, or plain lines where output isn't a terminal."""

import os

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from reflector_assets.progress import StepEvent

MARKS = {
    "done": "[green]✓[/]",
    "failed": "[red]✗[/]",
    "skipped": "[dim]-[/]",
    "retrying": "[yellow]↻[/]",
    "started": " ",
}


def own_stderr() -> Console:
    """A console on standard error that stays on the terminal while Dagster redirects the process's output to files."""
    return Console(file=os.fdopen(os.dup(2), "w", buffering=1))


class ProgressLines:
    """Prints step changes; a context manager around a run."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Progress(
            TextColumn("{task.fields[mark]}"),
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[remark]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._lines: dict[str, TaskID] = {}
        self._assets: list[str] = []
        self._tracks: set[str] = set()

    def __enter__(self) -> "ProgressLines":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def begin(self, assets: list[str]) -> None:
        """Say which assets the next run will make."""
        self._assets = assets
        self._lines.clear()
        if not self._console.is_terminal:
            self._console.print(f"running {len(assets)} steps: {', '.join(assets)}", highlight=False, soft_wrap=True)

    def tell(self, event: StepEvent) -> None:
        """Show one step change."""
        if event.op and event.track is None:
            return
        if self._console.is_terminal:
            self._update(event)
        elif event.status != "started":
            spent = f" in {event.seconds:.1f} s" if event.seconds is not None else ""
            reason = f": {event.reason}" if event.reason else ""
            self._console.print(f"{self._label(event)} {event.status}{spent}{reason}", highlight=False, soft_wrap=True)

    def _update(self, event: StepEvent) -> None:
        line = self._lines.get(event.step_key)
        if line is None:
            line = self._lines[event.step_key] = self._live.add_task(self._label(event), total=1, mark=" ", remark="")
        self._live.update(
            line,
            mark=MARKS[event.status],
            remark=event.reason or "",
            completed=1 if event.status in {"done", "failed", "skipped"} else 0,
        )

    def _label(self, event: StepEvent) -> str:
        place = self._assets.index(event.asset) + 1 if event.asset in self._assets else 0
        label = f"[{place:>2}/{len(self._assets)}] {event.asset}".replace("[", r"\[", 1)
        return f"{label} track {event.track + 1}" if event.track is not None else label
