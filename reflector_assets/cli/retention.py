"""What isn't kept for ever: show what is due, and do it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Column, Table

from reflector_assets.cli.output import AsJson, err, out, print_json

if TYPE_CHECKING:
    from reflector_assets.operations.retention import Done, Due

app = typer.Typer()


@app.command()
def retention(
    do_it: Annotated[bool, typer.Option("--apply", help="Do it; without this, only tell.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell what is past its days: audio (PUBLIC_DATA_RETENTION_DAYS), recordings (REFLECTOR_RETIRE_DAYS); or do it.

    Deleted audio is gone for good, its text stays. A retired recording leaves Dagster's partitions; its files stay,
    and `reflector show` and `reflector list --all` still show it.
    """
    from reflector_assets import wiring  # noqa: PLC0415
    from reflector_assets.operations.retention import Done, Retention  # noqa: PLC0415
    from reflector_assets.runtime.instance import open_instance  # noqa: PLC0415
    from reflector_assets.settings.main import get_settings  # noqa: PLC0415

    settings = get_settings()
    with open_instance() as instance, wiring.opened(wiring.inbox()) as inbox, wiring.opened(wiring.source()) as source:
        looking = Retention(instance, wiring.store(), wiring.daily_bucket(), source, inbox, settings)
        rows = [looking.apply(due) if do_it else Done(due) for due in looking.due()]
    failed = any(row.failed for row in rows)
    if as_json:
        print_json({"applied": do_it, "due": [_about(row) for row in rows]})
    else:
        table = Table(Column("ID", no_wrap=True), "Goes", "Days", "Why", *(["Outcome"] if do_it else []))
        for row in rows:
            outcome = [escape(row.failed) if row.failed else "gone"] if do_it else []
            table.add_row(row.due.id, row.due.what, f"{row.due.days:g}", row.due.reason, *outcome)
        out.print(table if rows else "Nothing is past its days.")
        if rows and not do_it:
            err.print("Nothing was changed: `reflector retention --apply` does it.")
        if settings.retention_days is not None and settings.mode != "live":
            err.print(f"In mode {settings.mode} no audio is deleted.")
    if failed:
        raise typer.Exit(1)


def _about(row: "Done") -> "dict[str, Any]":
    due: Due = row.due
    return {**due._asdict(), "objects": row.objects, "failed": row.failed}
