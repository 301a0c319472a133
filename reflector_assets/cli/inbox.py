"""`reflector inbox`: what arrived from Daily and how it was handled."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import typer

from domain.errors import InvalidInput
from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, Row, err, out, print_fields, print_json, print_rows, timestamp
from reflector_assets.cli.recorded import recorded

with on_first_use():
    from reflector_assets import wiring
    from resources.database import inbox as database

app = typer.Typer(help="Show what arrived from Daily and how it was handled; replay items.", no_args_is_help=True)

State = Literal["received", "accepted", "ignored", "failed"]
# The largest integer that databases store.
MAX_SEQ = 2**63 - 1


@app.command("list")
def list_(
    state: Annotated[State | None, typer.Option(help="Only items in this state.")] = None,
    limit: Annotated[int, typer.Option(help="Number of items, newest first.", min=1)] = 50,
    as_json: AsJson = False,
) -> None:
    """List what arrived, newest last."""
    with wiring.opened(wiring.inbox()) as inbox:
        items = inbox.items(state, limit)
    if as_json:
        print_json([_document(item) for item in items])
        return
    if not items:
        out.print("The inbox is empty.")
        return
    rows: list[Row] = []
    for item in items:
        arrived = datetime.fromtimestamp(item.received_at, UTC).strftime("%d %b %H:%M")
        known = [str(item.seq), arrived, item.state, item.recording_id or ""]
        rows.append(Row([*known, item.source, item.event_type or ""], item.reason))
    print_rows(["Item", "Arrived", "State", "Recording", "By", "Event"], rows, flexible=1)


@app.command()
def show(item: Annotated[int, typer.Argument(help="The item's number.", max=MAX_SEQ)], as_json: AsJson = False) -> None:
    """Show one item with its body as received."""
    with wiring.opened(wiring.inbox()) as inbox:
        found = inbox.item(item)
    body = found.body.decode(errors="backslashreplace")
    if as_json:
        print_json({**_document(found), "body": body})
        return
    print_fields(_document(found))
    out.print(body, highlight=False, markup=False, soft_wrap=True)


@app.command()
@recorded("inbox replay", subject="items")
def replay(
    items: Annotated[list[int] | None, typer.Argument(help="Numbers of items.", max=MAX_SEQ)] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All failed items.")] = False,
    as_json: AsJson = False,
) -> None:
    """Handle items again, as if they had just arrived; the discovery sensor reads them from the inbox."""
    if not items and not failed:
        raise InvalidInput("nothing to replay", hint="Give the numbers of items, or --failed.")
    with wiring.opened(wiring.inbox()) as inbox:
        seqs = [inbox.item(seq).seq for seq in items or []]
        seqs += [item.seq for item in inbox.items("failed", limit=10_000)] if failed else []
        inbox.replay(seqs)
    if as_json:
        print_json({"replayed": seqs})
    else:
        out.print(f"{len(seqs)} replayed", highlight=False)
        err.print("Dagster's daemon handles them; `reflector inbox list` shows the outcome.")


def _document(item: "database.Item") -> dict[str, Any]:
    return {
        "item": item.seq,
        "received_at": timestamp(item.received_at),
        "source": item.source,
        "event_type": item.event_type,
        "recording_id": item.recording_id,
        "state": item.state,
        "reason": item.reason,
        "settled_at": timestamp(item.settled_at),
        "asked_again_at": timestamp(item.ask_at),
    }
