"""`reflector watch`: a recording's progress live."""

import time

import typer

from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, RecordingId, complain, out, print_json

with on_first_use():
    from domain import events as model
    from reflector_assets import wiring
    from reflector_assets.cli import corrected, progress_bar
    from reflector_assets.eventlog import overview, reader
    from reflector_assets.operations import runs
    from reflector_assets.runtime import instance as instances

app = typer.Typer()


@app.command()
def watch(recording_id: RecordingId, as_json: AsJson = False) -> None:
    """Show a recording's progress live until no run is at work on it or about to start.

    Begins with the newest run; with --json, prints all events from the recording's first on. The transcript page shows
    the same events. Exits with 1 if the recording then is in error.
    """
    events: list[model.Event] = []
    store = wiring.store()
    with instances.open_instance() as instance, progress_bar.ProgressLines(progress_bar.own_stderr()) as lines:
        runs.known(instance, recording_id, store)

        def show(event: "model.Event") -> None:
            events.append(event)
            lines.show(event)

        past: progress_bar.Past = "all" if as_json else "last run"
        log = reader.RecordingLog(instance, store, recording_id, history=wiring.correction_history())
        with progress_bar.Following(log, show, past=past):
            while runs.at_work(instance, recording_id) or runs.awaits_first_run(instance, recording_id):
                time.sleep(0.5)
        [now] = corrected.with_titles([overview.overview_of(instance, store, recording_id)])
    if as_json:
        print_json({"id": recording_id, "state": now.state, "events": [event.model_dump() for event in events]})
    elif now.state != "error":
        title = f", {now.title}" if now.title else ""
        out.print(f"{recording_id}: {now.state}{title}", highlight=False, soft_wrap=True)
    if now.state == "error":
        complain(f"{recording_id}: {now.reason}")
        raise typer.Exit(1)
