"""`reflector costs`: what was used, and what it cost."""

from collections.abc import Callable
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from domain.costs import By, Row, report
from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, err, out, print_json

with on_first_use():
    from reflector_assets import wiring
    from reflector_assets.eventlog import projections
    from reflector_assets.operations import queries, runs
    from reflector_assets.runtime import instance as instances
    from reflector_assets.settings import main as configuration

app = typer.Typer()


@app.command()
def costs(
    recording_id: Annotated[str | None, typer.Argument(metavar="ID", help="Only this recording.")] = None,
    since: Annotated[float | None, typer.Option(help="Only steps that ended in the last N days.", min=0)] = None,
    by: Annotated[By, typer.Option(help="What to group by.")] = "step",
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Rebuild ledger and catalogue first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show usage and its cost at the prices in the settings, failed attempts included."""
    prices = queries.prices(configuration.get_settings())
    with (
        instances.open_instance() as instance,
        wiring.opened(wiring.store()) as store,
        queries.catalogue_and_ledger() as (catalogue, ledger),
        instances.database_errors(),
    ):
        if recording_id is not None:
            runs.known(instance, recording_id, store)

        def catch_up() -> bool:
            return projections.catch_up(instance, store, catalogue, ledger)

        if rebuild:
            projections.forget(catalogue, ledger)
            projections.read_archives(store, ledger)
        if not catch_up():
            err.print("Reading the events since the last update ...")
            while not catch_up():
                pass
        found = report(ledger.used(by, recording_id=recording_id, since=queries.since(since)), prices, by)
    if as_json:
        print_json({"id": recording_id, "since_days": since, **found.document()})
        return
    # Columns without any usage are left out, as are WIDE ones on a narrow terminal.
    columns = [(name, text_of) for name, text_of, wide in COLUMNS if out.width >= WIDE or not wide]
    columns = [(name, text_of) for name, text_of in columns if any(text_of(row) not in NOTHING for row in found.rows)]
    numbers = [Column(name, justify="right", no_wrap=True) for name in (*(name for name, _ in columns), found.currency)]
    table = Table(Column(by.capitalize(), overflow="fold"), *numbers)
    for row in [*found.rows, found.total._replace(key="Total")]:
        if row.use is found.total.use:
            table.add_section()
        figures = [text_of(row) for _, text_of in columns]
        table.add_row(escape(row.key) or "[dim]unknown[/]", *figures, f"{row.cost:,.4f}")
    out.print(table if found.rows else "No run of a recording has ended yet.")
    if found.rows and not any(prices[1:]):
        err.print("No prices are set: REFLECTOR_PRICE_CPU_HOUR and others are in docs/settings.md.")


def _time(milliseconds: int) -> str:
    seconds = milliseconds / 1000
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


# Heading, cell text, and whether the column needs a wide terminal.
COLUMNS: list[tuple[str, Callable[[Row], str], bool]] = [
    ("Steps", lambda row: f"{row.use.steps:,}", False),
    ("Failures", lambda row: f"{row.use.failures:,}", False),
    ("Wall", lambda row: _time(row.use.wall_ms), True),
    ("CPU", lambda row: _time(row.use.cpu_ms), False),
    ("GPU", lambda row: _time(row.use.gpu_ms), False),
    ("LLM calls", lambda row: f"{row.use.llm_calls:,}", True),
    ("Tokens in", lambda row: f"{row.use.prompt_tokens:,}", False),
    ("Tokens out", lambda row: f"{row.use.completion_tokens:,}", False),
    ("Read", lambda row: _size(row.use.bytes_read), True),
    ("Written", lambda row: _size(row.use.bytes_written), True),
]
NOTHING = {"0", "0.0 s", "0 B"}
WIDE = 120
