"""`reflector run` and `reflector refresh`: bring one recording, or all of them, up to date."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.table import Column, Table

from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, RecordingId, complain, err, note, out, print_json
from reflector_assets.cli.recorded import recorded

with on_first_use():
    import dagster as dg

    from reflector_assets import definitions, wiring
    from reflector_assets.cli import progress_bar
    from reflector_assets.eventlog import reader
    from reflector_assets.operations import belonging, runs
    from reflector_assets.operations import refresh as refreshing
    from reflector_assets.runtime import instance as instances
    from reflector_assets.settings import main as configuration

app = typer.Typer()


@app.command()
@recorded("run", recording="recording_id")
def run(
    recording_id: RecordingId,
    selection: Annotated[
        str | None,
        typer.Option("--select", help="Only these assets, in Dagster's syntax: `title`, `title+`, `+summary`."),
    ] = None,
    force: Annotated[
        bool, typer.Option(help="Compute fresh assets as well, and call GPU and LLM even where answers are cached.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a recording up to date: run its stale assets, leave fresh ones alone."""
    only = runs.select(definitions.assets, selection)
    with instances.open_instance() as instance:
        runs.known(instance, recording_id)
        _report_mismatch(instance)
        outcome = _bring_up_to_date(instance, recording_id, only, force=force)
    if as_json:
        print_json(
            {
                "run_id": outcome.run_id,
                "materialized": outcome.materialized,
                "fresh": outcome.fresh,
                "failed": list(outcome.failed),
                "reasons": outcome.failed,
            }
        )
    elif not outcome.failed:
        done = f"{len(outcome.materialized)} assets made, " if outcome.materialized else "nothing to do, "
        out.print(f"{recording_id}: {done}{len(outcome.fresh)} fresh already", highlight=False, soft_wrap=True)
    for asset, reason in outcome.failed.items():
        complain(f"{asset} failed: {reason}")
    if outcome.failed:
        url = f"{configuration.get_settings().dagster_url}/runs/{outcome.run_id}"
        err.print(f"The run: {url}", highlight=False, soft_wrap=True)
        raise typer.Exit(1)


@app.command()
@recorded("refresh", unless="dry_run")
def refresh(
    since: Annotated[int | None, typer.Option(help="Only recordings of the last N days.", min=0)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what is stale.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring all recordings up to date: show what is stale, why, and what it took last time; then run it.

    While Dagster's daemon is running, the runs are queued behind those of new recordings; otherwise they run here, one
    after another.
    """
    graph = definitions.graph
    queued = False
    with instances.open_instance() as instance, wiring.opened(wiring.correction_history()) as history:
        _report_mismatch(instance)
        oldest = None if since is None else since * 86400.0
        examined = list(
            refreshing.stale_recordings(
                instance, graph, oldest, wiring.audio_is_gone, wiring.files_of, history.gathered
            )
        )
        failed = {one.id: {"staleness": one.problem} for one in examined if one.problem}
        found = [one for one in examined if not one.problem]
        if not as_json:
            _print_stale(found)
        if found and not dry_run:
            queued = instances.daemon_is_up(instance)
            for stale in found:
                if queued:
                    refreshing.request(instance, stale.id)
                    continue
                outcome = _bring_up_to_date(instance, stale.id, runs.select(definitions.assets, None))
                if outcome.failed:
                    failed[stale.id] = outcome.failed
    if as_json:
        rows: list[dict[str, object]] = [
            {"id": s.id, "stale": s.reasons, "cost": s.cost._asdict() if s.cost else None} for s in found
        ]
        print_json({"recordings": rows, "queued": queued, "failed": failed})
    elif queued:
        out.print(f"{len(found)} recordings are queued; `reflector list` shows their state.")
    for recording_id, reasons in failed.items():
        for asset, reason in reasons.items():
            complain(f"{recording_id}: {asset} failed: {reason}")
    if failed:
        raise typer.Exit(1)


def _report_mismatch(instance: "dg.DagsterInstance") -> None:
    if reason := belonging.link_new(instance, wiring.store()):
        note(reason)


def _bring_up_to_date(
    instance: "dg.DagsterInstance", recording_id: str, only: set[str], *, force: bool = False
) -> "runs.Outcome":
    """Run what is stale, and show its progress."""
    with wiring.opened(wiring.correction_history()) as history:
        return runs.bring_up_to_date(
            instance,
            definitions.defs,
            definitions.graph,
            recording_id,
            only=only,
            force=force,
            audio_is_gone=wiring.audio_is_gone,
            files_of=wiring.files_of,
            corrections=history.gathered,
            progress=lambda: _progress(instance, recording_id),
        )


@contextmanager
def _progress(instance: "dg.DagsterInstance", recording_id: str) -> Iterator[None]:
    log = reader.RecordingLog(instance, wiring.store(), recording_id)
    with progress_bar.ProgressLines(progress_bar.own_stderr()) as lines, progress_bar.Following(log, lines.show):
        yield


def _print_stale(found: list["refreshing.StaleRecording"]) -> None:
    if not found:
        out.print("Everything is up to date.")
        return
    table = Table(Column("ID", no_wrap=True), "Stale", "Why", "Took last time")
    for stale in found:
        cost = stale.cost
        took = (
            f"{cost.seconds} s, GPU {cost.gpu_seconds} s, {cost.llm_calls} LLM calls, {cost.tokens} tokens"
            if cost
            else "never made"
        )
        grouped: dict[str, list[str]] = {}
        for asset, reason in stale.reasons.items():
            grouped.setdefault(reason, []).append(asset)
        for number, (reason, names) in enumerate(grouped.items()):
            table.add_row("" if number else stale.id, ", ".join(names), reason, "" if number else took)
    out.print(table)
