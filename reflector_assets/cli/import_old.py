"""`reflector import-old`: take over what the old system has."""

from contextlib import ExitStack
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Column, Table

from domain.errors import NotFound
from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, err, out, print_json
from reflector_assets.cli.recorded import recorded

with on_first_use():
    from domain import old_rooms
    from domain import rooms as model
    from reflector_assets import definitions, old_wiring, wiring
    from reflector_assets.operations import taking_over
    from reflector_assets.runtime import instance as instances
    from resources.database import catalogue
    from resources.database import rooms as database

app = typer.Typer()
ROOM_OUTCOMES = ("new", "changed", "same", "refused")
OUTCOMES = ("new", "known", "deleted", "unfinished", "failed")


@app.command("import-old")
@recorded("import-old", only_if="apply")
def import_old(
    apply: Annotated[bool, typer.Option("--apply", help="Take over; without it, nothing is changed.")] = False,
    transcripts: Annotated[
        bool, typer.Option("--transcripts", help="Finished transcripts as well, with their audio, as recordings.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take over the old system's rooms and, with --transcripts, transcripts; a dry run without --apply.

    Of rooms: webhooks, Zulip and consent; a room's language and vocabulary aren't changed, and secrets aren't shown. Of
    transcripts: all that is shown of finished ones, and their audio. Can be repeated, and goes on where it was
    interrupted.
    """
    report = _rooms(apply=apply, as_json=as_json)
    failed = False
    if transcripts:
        report["transcripts"] = found = _transcripts(apply=apply, as_json=as_json)
        failed = found["counts"]["failed"] > 0
    if as_json:
        print_json({"applied": apply, **report})
    elif not apply:
        out.print("Nothing was changed: `reflector import-old --apply` does it.", highlight=False)
    if failed:
        raise typer.Exit(1)


def _rooms(*, apply: bool, as_json: bool) -> dict[str, Any]:
    """Take over the rooms and show what becomes of each; return the same."""
    with wiring.opened(old_wiring.old_rooms()) as old, wiring.opened(wiring.rooms()) as rooms:
        changes = [old_rooms.plan(room, _known(rooms, room.name)) for room in old.read()]
        for change in changes if apply else ():
            if change.settings is not None and change.outcome != "same":
                rooms.change(change.name, change.settings)
    counts = {outcome: sum(one.outcome == outcome for one in changes) for outcome in ROOM_OUTCOMES}
    if not as_json:
        table = Table(Column("Room", no_wrap=True), "Outcome", "Settings")
        for change in changes:
            table.add_row(escape(change.name), change.outcome, escape(change.reason or ", ".join(change.fields)))
        out.print(table if changes else "The old system shows no rooms to this key.")
        _print_counts("rooms", counts)
    rows: list[dict[str, object]] = [
        {"room": o.name, "outcome": o.outcome, "fields": o.fields, "reason": o.reason} for o in changes
    ]
    return {"counts": counts, "rooms": rows}


def _transcripts(*, apply: bool, as_json: bool) -> dict[str, Any]:
    """Take over the transcripts one by one and show what becomes of each; return the same."""
    rows: list[dict[str, object]] = []
    with ExitStack() as stack:
        instance = stack.enter_context(instances.open_instance())
        listing = stack.enter_context(wiring.opened(catalogue.Catalogue(database=wiring.database())))
        old = stack.enter_context(wiring.opened(old_wiring.old_contents()))
        taking = taking_over.TakingOver(
            instance, definitions.graph, wiring.store(), wiring.daily_bucket(), listing, old
        )
        for planned in taking.plan():
            done = taking.take(planned) if apply else planned
            row: dict[str, object] = {
                "transcript": done.listed.id,
                "recording": done.recording_id,
                "title": done.listed.title,
                "outcome": done.outcome,
                "reason": done.reason,
            }
            rows.append(row)
            if not as_json and done.outcome != "known":
                to = err if done.outcome == "failed" else out
                shown = f"{done.outcome} {done.listed.id} {done.listed.title or ''}".rstrip()
                reason = f": {done.reason}" if done.reason else ""
                to.print(f"{shown}{reason}", highlight=False, markup=False, soft_wrap=True)
    counts = {outcome: sum(row["outcome"] == outcome for row in rows) for outcome in OUTCOMES}
    if not as_json:
        _print_counts("transcripts", counts)
    return {"counts": counts, "items": rows}


def _print_counts(what: str, counts: dict[str, int]) -> None:
    out.print(f"{what}: " + ", ".join(f"{count} {name}" for name, count in counts.items()), highlight=False)


def _known(rooms: "database.Rooms", name: str) -> "model.Room | None":
    try:
        return rooms.room(name)
    except NotFound:
        return None
