"""Deliveries: what is to leave, and how far it is."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape
from rich.table import Column, Table

from reflector_assets.cli.output import AsJson, err, out, print_json

if TYPE_CHECKING:
    from resources.database.deliveries import Delivery

app = typer.Typer(help="What is delivered to others, as webhooks, and how far it is.", no_args_is_help=True)

State = Literal["waiting", "sent", "refused", "given_up", "superseded"]


@app.command("list")
def list_(
    state: Annotated[State | None, typer.Option(help="Only deliveries in this state.")] = None,
    limit: Annotated[int, typer.Option(help="The newest so many.", min=1)] = 50,
    as_json: AsJson = False,
) -> None:
    """List deliveries, newest last."""
    from reflector_assets import wiring  # noqa: PLC0415

    with wiring.opened(wiring.deliveries()) as deliveries:
        _print(deliveries.newest(state, limit), as_json=as_json)


@app.command()
def retry(
    delivery: Annotated[str, typer.Argument(metavar="KEY_OR_RECORDING", help="A delivery's key or a recording's id.")],
    as_json: AsJson = False,
) -> None:
    """Have a delivery made anew now, also one that was refused, given up or sent; of a recording the newest."""
    from reflector_assets import wiring  # noqa: PLC0415

    with wiring.opened(wiring.deliveries()) as deliveries:
        _print(deliveries.retry(delivery), as_json=as_json)
    if not as_json:
        err.print("Dagster's daemon delivers; `reflector deliveries list` shows what became of it.")


def _print(found: "list[Delivery]", *, as_json: bool) -> None:
    if as_json:
        print_json([_about(one) for one in found])
        return
    table = Table("Delivery", "Kind", Column("Recording", no_wrap=True), "State", "Attempts", "Next", "Status", "Why")
    for one in found:
        shown = [one.key, one.kind, one.recording_id or "", one.state, str(one.attempts), _time(one.due_at) or ""]
        table.add_row(*map(escape, [*shown, str(one.status_code or ""), one.reason or ""]))
    out.print(table if found else "Nothing is to be delivered.")


def _about(one: "Delivery") -> dict[str, Any]:
    return {
        "delivery": one.key,
        "kind": one.kind,
        "recording_id": one.recording_id,
        "state": one.state,
        "attempts": one.attempts,
        "next_at": _time(one.due_at) if one.state == "waiting" else None,
        "status_code": one.status_code,
        "reason": one.reason,
        "created_at": _time(one.created_at),
        "settled_at": _time(one.settled_at),
    }


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(" ", "seconds")
