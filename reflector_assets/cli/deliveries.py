"""`reflector deliveries`: outgoing deliveries and their state."""

from typing import Annotated, Any, Literal

import typer

from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, Row, err, out, print_json, print_rows, timestamp
from reflector_assets.cli.recorded import recorded

with on_first_use():
    from reflector_assets import wiring
    from resources.database import deliveries as database

app = typer.Typer(help="Show and retry outgoing deliveries, such as webhooks.", no_args_is_help=True)

State = Literal["waiting", "sent", "refused", "given_up", "superseded"]


@app.command("list")
def list_(
    state: Annotated[State | None, typer.Option(help="Only deliveries in this state.")] = None,
    limit: Annotated[int, typer.Option(help="Number of deliveries, newest first.", min=1)] = 50,
    as_json: AsJson = False,
) -> None:
    """List deliveries, newest last."""
    with wiring.opened(wiring.deliveries()) as deliveries:
        _print(deliveries.newest(state, limit), as_json=as_json)


@app.command()
@recorded("deliveries retry", subject="delivery")
def retry(
    delivery: Annotated[str, typer.Argument(metavar="KEY_OR_RECORDING", help="A delivery's key or a recording's id.")],
    as_json: AsJson = False,
) -> None:
    """Retry a delivery now, even one that was refused, given up or sent; for a recording, its newest one."""
    with wiring.opened(wiring.deliveries()) as deliveries:
        _print(deliveries.retry(delivery), as_json=as_json)
    if not as_json:
        err.print("Dagster's daemon delivers it; `reflector deliveries list` shows the outcome.")


def _print(found: list["database.Delivery"], *, as_json: bool) -> None:
    if as_json:
        print_json([_document(one) for one in found])
        return
    if not found:
        out.print("There are no deliveries.")
        return
    rows: list[Row] = []
    for one in found:
        status, due = str(one.status_code or ""), timestamp(one.due_at)
        note = "; ".join(part for part in (one.reason, due and f"next attempt {due}") if part)
        rows.append(Row([one.state, one.kind, str(one.attempts), status, one.recording_id or "", one.key], note))
    print_rows(["State", "Kind", "Attempts", "Status", "Recording", "Delivery"], rows, flexible=1)


def _document(one: "database.Delivery") -> dict[str, Any]:
    return {
        "delivery": one.key,
        "kind": one.kind,
        "recording_id": one.recording_id,
        "state": one.state,
        "attempts": one.attempts,
        "next_at": timestamp(one.due_at) if one.state == "waiting" else None,
        "status_code": one.status_code,
        "reason": one.reason,
        "created_at": timestamp(one.created_at),
        "settled_at": timestamp(one.settled_at),
    }
