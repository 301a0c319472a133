"""`reflector list`: the recordings and the state of each."""

from itertools import islice
from typing import Annotated

import typer
from rich.table import Column, Table

from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, err, out, print_json_array

with on_first_use():
    from reflector_assets import wiring
    from reflector_assets.eventlog import overview
    from reflector_assets.runtime import instance as instances

app = typer.Typer()
# Rows without --limit, --all or --json.
NEWEST = 50


@app.command("list")
def list_(
    everything: Annotated[
        bool, typer.Option("--all", help="Include recordings that were retired after REFLECTOR_RETIRE_DAYS.")
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(help=f"Maximum number of recordings; default {NEWEST}, no limit with --all or --json.", min=1),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the recordings, newest first, with the state of each."""
    most = limit or (None if everything or as_json else NEWEST)
    page = min(overview.PAGE, most + 1) if most else overview.PAGE
    with instances.open_instance() as instance:
        recordings = overview.recordings_overview(instance, wiring.store(), retired=everything, page=page)
        if as_json:
            print_json_array(row._asdict() for row in islice(recordings, most))
            return
        rows = list(islice(recordings, most))
        more = next(recordings, None) is not None
    table = Table(Column("ID", no_wrap=True), "Room", "State", "Title", "Reason")
    for row in rows:
        table.add_row(row.id, row.room or "", row.state, row.title or "", row.reason or "")
    out.print(table if rows else "There are no recordings yet: `reflector import FOLDER` adds one.")
    if more:
        err.print(f"The newest {len(rows)}; `--limit` shows more, `--all` all.")
