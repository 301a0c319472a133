"""`reflector retention`: audio and recordings that are past their retention period."""

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Column, Table

from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, err, out, print_json
from reflector_assets.cli.recorded import recorded

with on_first_use():
    from reflector_assets import wiring
    from reflector_assets.operations import retention as operation
    from reflector_assets.runtime import instance as instances
    from reflector_assets.settings import main as configuration
    from resources.database import ledger as ledgers

app = typer.Typer()


@app.command()
@recorded("retention", only_if="apply")
def retention(
    apply: Annotated[bool, typer.Option("--apply", help="Delete and retire; without this, only show.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show audio and recordings that are past their retention period; with --apply, delete or retire them.

    Audio is deleted after PUBLIC_DATA_RETENTION_DAYS, for good; its text stays. A recording is retired after
    REFLECTOR_RETIRE_DAYS: it leaves Dagster, its events are archived beside its files, and `reflector show`, `trace`,
    `costs` and `list --all` still show it.
    """
    settings = configuration.get_settings()
    with (
        instances.open_instance() as instance,
        wiring.opened(wiring.inbox()) as inbox,
        wiring.opened(wiring.source()) as source,
    ):
        ledger = ledgers.Ledger(database=inbox.database)
        store, bucket = wiring.store(), wiring.daily_bucket()
        policy = operation.Retention(instance, store, bucket, source, inbox, ledger, settings)
        rows = [policy.apply(due) if apply else operation.Done(due, failed=due.unreadable) for due in policy.due()]
    failed = any(row.failed for row in rows)
    if as_json:
        print_json({"applied": apply, "due": [_document(row) for row in rows]})
    else:
        table = Table(Column("ID", no_wrap=True), "Goes", "Days", "Why", *(["Outcome"] if apply or failed else []))
        for row in rows:
            outcome = [escape(row.failed) if row.failed else "gone" if apply else ""] if apply or failed else []
            table.add_row(row.due.id, row.due.what, f"{row.due.days:g}", row.due.reason, *outcome)
        out.print(table if rows else "Nothing is past its retention period.")
        if rows and not apply:
            err.print("Nothing was changed: `reflector retention --apply` deletes and retires.")
        if settings.retention_days is not None and settings.mode != "live":
            err.print(f"In mode {settings.mode} no audio is deleted.")
    if failed:
        raise typer.Exit(1)


def _document(row: "operation.Done") -> dict[str, Any]:
    due = row.due
    described: dict[str, Any] = {"id": due.id, "what": due.what, "days": due.days, "reason": due.reason}
    return {**described, "objects": row.objects, "failed": row.failed}
