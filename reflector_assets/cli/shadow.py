"""`reflector shadow`: this system compared with the old one."""

from itertools import islice
from typing import Annotated

import typer
from rich.markdown import Markdown
from rich.table import Column, Table

from domain.errors import NotFound
from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, out, print_json

with on_first_use():
    from domain import comparison, recording, results
    from reflector_assets import old_wiring, wiring
    from reflector_assets.eventlog import comparisons
    from reflector_assets.runtime import instance as instances
    from resources.store import base

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


@app.command("try")
def try_(
    recordings: Annotated[
        list[str] | None, typer.Argument(metavar="ID...", help="Recordings to compare; without any, the newest ones.")
    ] = None,
    newest: Annotated[int, typer.Option(help="Number of the newest recordings.", min=1)] = 3,
    as_json: AsJson = False,
) -> None:
    """Compare recordings with the old system now, in any mode, and store nothing.

    Reads everything as a comparison does, with its credentials. Exits with 1 if no recording could be compared.
    """
    with wiring.opened(old_wiring.old_transcripts()) as old, wiring.opened(wiring.store()) as store:
        checked = old.check()
        ids = recordings or _newest(newest)
        found = [old.compare(_transcript(store, one)).comparison for one in ids]
    if as_json:
        print_json({"checked": checked, "by_recording": [one.model_dump(mode="json") for one in found]})
    else:
        out.print(f"The old system answers: {checked}.", highlight=False, soft_wrap=True)
        for one in found:
            out.print(f"\n[bold]{one.recording_id}[/]", highlight=False)
            out.print(Markdown(comparison.table(one)))
        if not found:
            out.print("There is no finished recording: `reflector list` shows the recordings.")
    if not any(one.theirs for one in found):
        raise typer.Exit(1)


def _newest(number: int) -> list[str]:
    """Return the ids of the recordings whose transcripts were made last."""
    with instances.open_instance() as instance:
        return list(islice(comparisons.newest(instance, "transcript", None), number))


def _transcript(store: "base.Store", recording_id: str) -> "results.Transcript":
    try:
        content = store.read(recording.value_key("transcript", recording.check_recording_id(recording_id)))
    except NotFound:
        raise NotFound("it has no transcript yet", recording=recording_id) from None
    return results.Transcript.model_validate_json(content)
