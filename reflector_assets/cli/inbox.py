"""The inbox: what arrived from Daily, and what became of it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape
from rich.table import Column, Table

from domain.errors import InvalidInput
from reflector_assets.cli.output import AsJson, err, out, print_json

if TYPE_CHECKING:
    from resources.database.inbox import Item

app = typer.Typer(help="What arrived from Daily, and what became of it.", no_args_is_help=True)

State = Literal["received", "accepted", "ignored", "failed"]
# Databases number no further.
LAST = 2**63 - 1


@app.command("list")
def list_(
    state: Annotated[State | None, typer.Option(help="Only items in this state.")] = None,
    limit: Annotated[int, typer.Option(help="The newest so many.", min=1)] = 50,
    as_json: AsJson = False,
) -> None:
    """List what arrived, newest last."""
    from reflector_assets import wiring  # noqa: PLC0415

    with wiring.opened(wiring.inbox()) as inbox:
        items = inbox.items(state, limit)
    if as_json:
        print_json([_about(item) for item in items])
        return
    table = Table("Item", "Arrived", "By", "Event", Column("Recording", no_wrap=True), "State", "Why")
    for item in items:
        arrived = datetime.fromtimestamp(item.received_at, UTC).strftime("%d %b %H:%M")
        shown = [arrived, item.source, item.event_type, item.recording_id, item.state, item.reason]
        table.add_row(str(item.seq), *(escape(value or "") for value in shown))
    out.print(table if items else "Nothing is in the inbox.")


@app.command()
def show(item: Annotated[int, typer.Argument(help="The item's number.", max=LAST)], as_json: AsJson = False) -> None:
    """Show one item with its body as it came."""
    from reflector_assets import wiring  # noqa: PLC0415

    with wiring.opened(wiring.inbox()) as inbox:
        found = inbox.item(item)
    about = {**_about(found), "body": found.body.decode(errors="backslashreplace")}
    if as_json:
        print_json(about)
        return
    for name, value in about.items():
        if name != "body":
            out.print(f"{name}: {'' if value is None else value}", highlight=False, markup=False, soft_wrap=True)
    out.print(about["body"], highlight=False, markup=False, soft_wrap=True)


@app.command()
def replay(
    items: Annotated[list[int] | None, typer.Argument(help="Numbers of items.", max=LAST)] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All that failed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Have items judged anew, as if they had just arrived; the discovery sensor takes them in again."""
    from reflector_assets import wiring  # noqa: PLC0415

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
        err.print("Dagster's daemon takes them in; `reflector inbox list` shows what became of them.")


def _about(item: "Item") -> dict[str, Any]:
    return {
        "item": item.seq,
        "received_at": _time(item.received_at),
        "source": item.source,
        "event_type": item.event_type,
        "recording_id": item.recording_id,
        "state": item.state,
        "reason": item.reason,
        "settled_at": _time(item.settled_at),
        "asked_again_at": _time(item.ask_at),
    }


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(" ", "seconds")
