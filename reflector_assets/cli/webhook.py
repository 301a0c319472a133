"""`reflector webhook`: test a room's webhook."""

import time
import uuid
from typing import Annotated

import typer

from domain.errors import InvalidInput, PermanentError, TransientError
from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, out, print_json

with on_first_use():
    from domain import notifications
    from reflector_assets import wiring

app = typer.Typer(help="Test the webhooks of rooms.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `test` a sub-command: Typer makes an app of one command that command."""


@app.command("test")
def try_(room: Annotated[str, typer.Argument(help="The room's name.")], as_json: AsJson = False) -> None:
    """Send a `test` event to a room's webhook and show the receiver's status code and response time."""
    with wiring.opened(wiring.rooms()) as rooms:
        found = rooms.room(room)
    if not found.webhook_url:
        raise InvalidInput(
            f"room {room!r} has no webhook_url", hint=f"`reflector rooms set {room} --webhook-url URL` sets it."
        )
    secret = found.webhook_secret.get_secret_value() if found.webhook_secret else None
    with wiring.opened(wiring.webhook()) as webhook:
        body = notifications.trial_body(found.name, at=time.time(), event=str(uuid.uuid4()))
        attempt = webhook.send(found.webhook_url, secret, body)
    if attempt.outcome != "sent":
        kind = TransientError if attempt.outcome == "later" else PermanentError
        raise kind(f"room {room!r}: the test event was not accepted after {attempt.seconds:.2f} s: {attempt.reason}")
    if as_json:
        print_json(
            {
                "room": room,
                "status_code": attempt.status,
                "seconds": round(attempt.seconds, 3),
                "event_id": body["event_id"],
            }
        )
    else:
        out.print(f"{attempt.status} after {attempt.seconds:.2f} s", highlight=False)
