"""`reflector list`: the recordings and the state of each."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Annotated

import typer

from domain.overview import RecordingOverview
from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, Row, err, out, print_json_array, print_rows

with on_first_use():
    from reflector_assets import wiring
    from reflector_assets.cli import corrected
    from reflector_assets.eventlog import overview, states
    from reflector_assets.runtime import instance as instances
    from reflector_assets.runtime.dagster_internals import embedded_log
    from reflector_assets.settings import main as configuration

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
    page = min(states.PAGE, most + 1) if most else states.PAGE
    with _recordings(retired=everything, page=page) as found:
        recordings = corrected.with_titles(found)
        if as_json:
            print_json_array(row._asdict() for row in islice(recordings, most))
            return
        rows = list(islice(recordings, most))
        more = next(recordings, None) is not None
    if not rows:
        out.print("There are no recordings yet: `reflector import FOLDER` adds one.")
        return
    lines = [Row([row.id, row.state, row.room or "", row.title or ""], row.reason) for row in rows]
    print_rows(["ID", "State", "Room", "Title"], lines, flexible=2)
    if more:
        err.print(f"The newest {len(rows)}; `--limit` shows more, `--all` all.")


@contextmanager
def _recordings(*, retired: bool, page: int) -> Iterator[Iterator[RecordingOverview]]:
    """Provide the recordings for a block, without loading Dagster where everything is in files of this machine."""
    settings = configuration.get_settings()
    folder = configuration.dagster_folder()
    log = embedded_log.find(configuration.dagster_home(), configuration.PROJECT_ROOT, folder)
    if log is not None and settings.storage_backend == "local" and not retired:
        yield states.recordings(log, states.LocalFiles(settings.data_dir), page)
        return
    with instances.open_instance() as instance:
        yield overview.recordings_overview(instance, wiring.store(), retired=retired, page=page)
