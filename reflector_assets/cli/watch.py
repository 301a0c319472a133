"""Watching a recording."""

import time

import typer

from reflector_assets.cli.output import AsJson, complain, out, print_json
from reflector_assets.cli.recordings import RecordingId

app = typer.Typer()


@app.command()
def watch(
    recording_id: RecordingId,
    as_json: AsJson = False,
) -> None:
    """Show a recording's progress live, until nothing is at work on it nor about to be; the page has the same events.

    It begins with the newest run. With --json, all events so far and those until then. The exit code is 1 when the
    recording is in an error then.
    """
    from domain.events import Event  # noqa: PLC0415
    from reflector_assets import wiring  # noqa: PLC0415
    from reflector_assets.cli.progress_bar import Following, Past, ProgressLines, own_stderr  # noqa: PLC0415
    from reflector_assets.eventlog.overview import overview_of  # noqa: PLC0415
    from reflector_assets.eventlog.reader import RecordingLog  # noqa: PLC0415
    from reflector_assets.operations import runs  # noqa: PLC0415
    from reflector_assets.runtime.instance import open_instance  # noqa: PLC0415

    told: list[Event] = []
    store = wiring.store()
    with open_instance() as instance, ProgressLines(own_stderr()) as lines:
        runs.known(instance, recording_id, store)

        def tell(event: Event) -> None:
            told.append(event)
            lines.tell(event)

        past: Past = "all" if as_json else "last run"
        with Following(RecordingLog(instance, store, recording_id), tell, past=past):
            while runs.at_work(instance, recording_id) or runs.awaits_first_run(instance, recording_id):
                time.sleep(0.5)
        now = overview_of(instance, store, recording_id)
    if as_json:
        print_json({"id": recording_id, "state": now.state, "events": [event.model_dump() for event in told]})
    elif now.state != "error":
        title = f", {now.title}" if now.title else ""
        out.print(f"{recording_id}: {now.state}{title}", highlight=False, soft_wrap=True)
    if now.state == "error":
        complain(f"{recording_id}: {now.reason}")
        raise typer.Exit(1)
