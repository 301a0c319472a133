"""`reflector history`: the corrections of a recording."""

import typer
from rich.markup import escape
from rich.table import Table

from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, RecordingId, out, print_json

with on_first_use():
    import datetime
    import json

    from domain.corrections import edits
    from reflector_assets import wiring
    from reflector_assets.operations import runs
    from reflector_assets.runtime import instance as instances

app = typer.Typer()


@app.command()
def history(recording_id: RecordingId, as_json: AsJson = False) -> None:
    """Show a recording's corrections: who changed what and when, and what stands."""
    with instances.open_instance() as instance:
        runs.known(instance, recording_id, wiring.store())
    with wiring.opened(wiring.correction_history()) as corrections:
        found = corrections.history(recording_id)
    stands = {entry.number for entry in edits.standing(found)}
    if as_json:
        print_json([{**entry.model_dump(mode="json"), "stands": entry.number in stands} for entry in found])
        return
    table = Table("No.", "When", "Who", "Stands", "Edit")
    for entry in found:
        fields = entry.edit.model_dump(mode="json")
        table.add_row(
            str(entry.number),
            datetime.datetime.fromtimestamp(entry.at, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S"),
            escape(entry.who or ""),
            "yes" if entry.number in stands else "",
            escape(f"{fields.pop('kind')} {json.dumps(fields, ensure_ascii=False)}"),
        )
    out.print(table if found else "Nothing was corrected.")
