"""`reflector shadow`: this system compared with the old one."""

from typing import Annotated

import typer
from rich.table import Column, Table

from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, out, print_json

with on_first_use():
    from domain import comparison
    from reflector_assets import wiring
    from reflector_assets.eventlog import comparisons
    from reflector_assets.runtime import instance as instances

app = typer.Typer(help="Compare this system with the old one (REFLECTOR_MODE=shadow).", no_args_is_help=True)


@app.command()
def report(
    since: Annotated[int | None, typer.Option(help="Only recordings compared in the last N days.", min=0)] = None,
    as_json: AsJson = False,
) -> None:
    """Compare the transcripts of both systems over all recordings."""
    with instances.open_instance() as instance, wiring.opened(wiring.store()) as store:
        found = list(comparisons.comparisons(instance, store, None if since is None else since * 86400.0))
    summary = comparison.report(found)
    if as_json:
        print_json({**summary.model_dump(mode="json"), "by_recording": [one.model_dump(mode="json") for one in found]})
        return
    number = [Column(name, justify="right") for name in ("WER", "Topics", "old", "Words", "old")]
    table = Table(Column("ID", no_wrap=True), "Title", "Old title", *number, "Note")
    for one in found:
        old = one.theirs
        rate = "" if one.word_error_rate is None else f"{100 * one.word_error_rate:.1f} %"
        figures: list[int | None] = [one.ours.topics, old and old.topics, one.ours.words, old and old.words]
        cells = ["" if figure is None else str(figure) for figure in figures]
        table.add_row(one.recording_id, one.ours.title, old.title if old else "", rate, *cells, one.note or "")
    out.print(table if found else "No recording has been compared yet: set REFLECTOR_MODE=shadow.")
    if summary.compared:
        rate = summary.median_word_error_rate
        out.print(
            f"{summary.compared} of {summary.recordings} compared, {summary.same_titles} with the same title; "
            f"word error rate: median {'unknown' if rate is None else f'{100 * rate:.1f} %'}",
            highlight=False,
            soft_wrap=True,
        )
