"""`reflector`: everything that can be done from a terminal.

Every reporting command takes --json and then prints one JSON document on stdout; everything else goes to stderr.
Exit codes: 0 done, 1 the recording or its run failed, 2 the command line is wrong.
"""

import sys
from typing import NoReturn

import typer

from domain.errors import ReflectorError
from reflector_assets.cli import (
    consent,
    costs,
    daily,
    deliveries,
    doctor,
    inbox,
    recordings,
    retention,
    rooms,
    serve,
    shadow,
    trace,
    watch,
    webhook,
)
from reflector_assets.cli.output import complain

app = typer.Typer(
    help="Daily.co multitrack recordings to finished, speaker-attributed transcripts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(recordings.app)
app.add_typer(watch.app)
app.add_typer(serve.app)
app.add_typer(doctor.app)
app.add_typer(trace.app)
app.add_typer(costs.app)
app.add_typer(retention.app)
app.add_typer(daily.app, name="daily")
app.add_typer(inbox.app, name="inbox")
app.add_typer(rooms.app, name="rooms")
app.add_typer(consent.app, name="consent")
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(webhook.app, name="webhook")
app.add_typer(shadow.app, name="shadow")


def main() -> NoReturn:
    """Run the command line; errors of ours are one line on stderr and exit code 1."""
    try:
        app()
    except ReflectorError as error:
        # Wrong settings are told all at once.
        for line in getattr(error, "problems", [str(error)]):
            complain(line)
        sys.exit(1)
    sys.exit(0)
