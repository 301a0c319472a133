"""`reflector watch`: a recording's progress live."""

import time

import typer

from domain.events import Event
from reflector_assets import wiring
from reflector_assets.cli.output import AsJson, RecordingId, complain, out, print_json
from reflector_assets.cli.progress_bar import Following, Past, ProgressLines, own_stderr
from reflector_assets.eventlog.overview import overview_of
from reflector_assets.eventlog.reader import RecordingLog
from reflector_assets.operations import runs
from reflector_assets.runtime.instance import open_instance

app = typer.Typer()


@app.command()
def watch(recording_id: RecordingId, as_json: AsJson = False) -> None:
    """Show a recording's progress live until no run is at work on it or about to start.

    Begins with the newest run; with --json, prints all events from the recording's first on. The transcript page shows
    the same events. Exits with 1 if the recording then is in error.
    """
    events: list[Event] = []
    store = wiring.store()
    with open_instance() as instance, ProgressLines(own_stderr()) as lines:
        runs.known(instance, recording_id, store)

        def show(event: Event) -> None:
            events.append(event)
            lines.show(event)

        past: Past = "all" if as_json else "last run"
        with Following(RecordingLog(instance, store, recording_id), show, past=past):
            while runs.at_work(instance, recording_id) or runs.awaits_first_run(instance, recording_id):
                time.sleep(0.5)
        now = overview_of(instance, store, recording_id)
    if as_json:
        print_json({"id": recording_id, "state": now.state, "events": [event.model_dump() for event in events]})
    elif now.state != "error":
        title = f", {now.title}" if now.title else ""
        out.print(f"{recording_id}: {now.state}{title}", highlight=False, soft_wrap=True)
    if now.state == "error":
        complain(f"{recording_id}: {now.reason}")
        raise typer.Exit(1)
