"""`reflector trace`: one recording's whole history."""

from datetime import UTC, datetime

import typer
from rich.markup import escape

from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, RecordingId, out, print_json

with on_first_use():
    from domain import recording
    from reflector_assets import wiring
    from reflector_assets.eventlog import history
    from reflector_assets.runtime import instance as instances

app = typer.Typer()

COLOURS = {"run": "bold", "check": "yellow", "made": "dim", "consent": "magenta", "audio": "magenta", "arrival": "cyan"}


@app.command()
def trace(recording_id: RecordingId, as_json: AsJson = False) -> None:
    """Show a recording's whole history: arrivals, runs and their reasons, steps, consent, deliveries."""
    recording.check_recording_id(recording_id)
    with (
        instances.open_instance() as instance,
        wiring.opened(wiring.store()) as store,
        wiring.opened(wiring.inbox()) as inbox,
        wiring.opened(wiring.consents()) as consents,
        wiring.opened(wiring.deliveries()) as deliveries,
        wiring.opened(wiring.messages()) as messages,
        instances.database_errors(),
    ):
        found = history.History(instance, store, inbox, consents, deliveries, messages).of(recording_id)
    if as_json:
        print_json(
            [
                {
                    "at": datetime.fromtimestamp(one.at, UTC).isoformat(),
                    "what": one.what,
                    "text": one.text,
                    "run_id": one.run_id,
                    "details": dict(one.details),
                }
                for one in found
            ]
        )
        return
    day = ""
    for one in found:
        at = datetime.fromtimestamp(one.at, UTC)
        if (now := at.strftime("%d %b %Y, UTC")) != day:
            day = now
            out.print(f"[bold underline]{day}[/]")
        failed = one.details.get("status") in {"failed", "retrying", "FAILURE"}
        colour = "red" if failed else COLOURS.get(one.what, "default")
        run = f" [dim]{one.run_id[:8]}[/]" if one.run_id else ""
        text = escape(" ".join(one.text.split()))
        out.print(f"{at:%H:%M:%S} [{colour}]{one.what:8} {text}[/]{run}", highlight=False, soft_wrap=True)
