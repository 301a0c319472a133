"""`reflector history`: the corrections of a recording."""

import typer

from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, RecordingId, Row, out, print_json, print_rows, timestamp

with on_first_use():
    from domain.corrections import described, edits
    from reflector_assets import wiring
    from reflector_assets.cli import corrected
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
    if not found:
        out.print("Nothing was corrected.")
        return
    rows: list[Row] = []
    for entry, line in zip(found, described.lines(found, corrected.corrected(recording_id).people_before), strict=True):
        what = line if entry.number in stands or entry.edit.kind == "undo" else f"(undone) {line}"
        rows.append(Row([str(entry.number), (timestamp(entry.at) or "")[:16], entry.who or "", what]))
    print_rows(["No.", "When (UTC)", "Who", "What"], rows, flexible=1)
