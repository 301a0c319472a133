"""`reflector import-old`: take over what the old system has."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from domain.errors import NotFound
from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, out, print_json
from reflector_assets.cli.recorded import recorded

with on_first_use():
    from domain import old_rooms
    from domain import rooms as model
    from reflector_assets import old_wiring, wiring
    from resources.database import rooms as database

app = typer.Typer()


@app.command("import-old")
@recorded("import-old", only_if="apply")
def import_old(
    apply: Annotated[bool, typer.Option("--apply", help="Change the rooms; without it, nothing is changed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take over the old system's rooms: webhooks, Zulip and consent; a dry run without --apply.

    Can be repeated. A room's language and vocabulary aren't changed. Secrets aren't shown.
    """
    with wiring.opened(old_wiring.old_rooms()) as old, wiring.opened(wiring.rooms()) as rooms:
        changes = [old_rooms.plan(room, _known(rooms, room.name)) for room in old.read()]
        for change in changes if apply else ():
            if change.settings is not None and change.outcome != "same":
                rooms.change(change.name, change.settings)
    counts = {
        outcome: sum(one.outcome == outcome for one in changes) for outcome in ("new", "changed", "same", "refused")
    }
    if as_json:
        rows: list[dict[str, object]] = [
            {"room": o.name, "outcome": o.outcome, "fields": o.fields, "reason": o.reason} for o in changes
        ]
        print_json({"applied": apply, "counts": counts, "rooms": rows})
        return
    table = Table(Column("Room", no_wrap=True), "Outcome", "Settings")
    for change in changes:
        table.add_row(escape(change.name), change.outcome, escape(change.reason or ", ".join(change.fields)))
    out.print(table if changes else "The old system shows no rooms to this key.")
    out.print(", ".join(f"{count} {outcome}" for outcome, count in counts.items()), highlight=False)
    if not apply and counts["new"] + counts["changed"]:
        out.print("Nothing was changed: `reflector import-old --apply` does it.")


def _known(rooms: "database.Rooms", name: str) -> "model.Room | None":
    try:
        return rooms.room(name)
    except NotFound:
        return None
