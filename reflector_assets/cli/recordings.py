"""Recordings: import, run, show, list and refresh them."""

import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markdown import Markdown
from rich.table import Column, Table

from reflector_assets.cli.output import AsJson, complain, err, out, print_json, print_json_array

if TYPE_CHECKING:
    from reflector_assets.operations.refresh import StaleRecording

app = typer.Typer()
# Recordings that `reflector list` shows by itself.
NEWEST = 50

RecordingId = Annotated[str, typer.Argument(metavar="ID", help="The recording's id; `reflector list` shows them.")]


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(help="Folder of tracks.", resolve_path=True)],
    recording_id: Annotated[
        str | None, typer.Option("--id", help="The recording's id; else recording.json's, else the folder's name.")
    ] = None,
    replace: Annotated[bool, typer.Option(help="Put it in the place of another import under the same id.")] = False,
    skip_unreadable: Annotated[bool, typer.Option(help="Go on without tracks that can't be read.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import a folder of tracks as a recording.

    The folder holds one audio file per participant (WebM, Ogg, WAV, M4A, MP3, FLAC), itself or in `tracks/`,
    and, if there are any, `recording.json` and `participants.json` as Daily's API gives them.
    """
    import dagster as dg  # noqa: PLC0415 - Dagster takes a second to load: --help shouldn't

    from reflector_assets import wiring  # noqa: PLC0415
    from reflector_assets.partitions import RECORDINGS  # noqa: PLC0415
    from reflector_assets.runtime.instance import open_instance  # noqa: PLC0415

    with open_instance() as instance:
        found = wiring.imported().import_folder(
            folder, recording_id=recording_id, replace=replace, skip_unreadable=skip_unreadable
        )
        if not instance.has_dynamic_partition(RECORDINGS, found.recording.id):
            instance.add_dynamic_partitions(RECORDINGS, [found.recording.id])
        made = dg.AssetRecordsFilter(asset_key=dg.AssetKey("recording"), asset_partitions=[found.recording.id])
        if found.changed and instance.fetch_materializations(made, limit=1).records:
            # Tells that the source changed, so that `recording` is stale.
            instance.report_runless_asset_event(
                dg.AssetMaterialization("recording", partition=found.recording.id, description="another import")
            )
    for note in found.notes:
        err.print(f"[yellow]note[/] {note}", highlight=False)
    if as_json:
        print_json(
            {
                "id": found.recording.id,
                "changed": found.changed,
                "tracks": len(found.recording.tracks),
                "notes": found.notes,
            }
        )
    else:
        what = "imported" if found.changed else "unchanged"
        out.print(f"{what} {found.recording.id}: {len(found.recording.tracks)} tracks", highlight=False, soft_wrap=True)


@app.command()
def run(
    recording_id: RecordingId,
    selection: Annotated[
        str | None,
        typer.Option("--select", help="Only these assets, in Dagster's syntax: `title`, `title+`, `+summary`."),
    ] = None,
    force: Annotated[bool, typer.Option(help="Compute fresh assets again, too, and call GPU and LLM anew.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a recording up to date: run what is stale, leave alone what is fresh."""
    from reflector_assets import wiring  # noqa: PLC0415
    from reflector_assets.cli.progress_bar import Following, ProgressLines, own_stderr  # noqa: PLC0415
    from reflector_assets.definitions import assets, defs, graph  # noqa: PLC0415
    from reflector_assets.eventlog.reader import RecordingLog  # noqa: PLC0415
    from reflector_assets.operations import runs  # noqa: PLC0415
    from reflector_assets.runtime.instance import open_instance  # noqa: PLC0415
    from reflector_assets.settings.main import get_settings  # noqa: PLC0415

    with open_instance() as instance, ProgressLines(own_stderr()) as lines:
        log = RecordingLog(instance, wiring.store(), runs.known(instance, recording_id))
        with Following(log, lines.tell):
            outcome = runs.bring_up_to_date(
                instance,
                defs,
                graph,
                recording_id,
                only=runs.select(assets, selection),
                force=force,
                audio_is_gone=wiring.audio_is_gone,
            )
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
        err.print(f"The run: {get_settings().dagster_url}/runs/{outcome.run_id}", highlight=False, soft_wrap=True)
        raise typer.Exit(1)


@app.command()
def show(
    recording_id: RecordingId,
    lines: Annotated[int, typer.Option(help="So many lines of the transcript; 0 for all.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Show a finished transcript: title, summary, action items, and its first lines."""
    from domain.errors import NotFound  # noqa: PLC0415
    from domain.recording import folder  # noqa: PLC0415
    from domain.results import Transcript  # noqa: PLC0415
    from domain.text import captions  # noqa: PLC0415
    from reflector_assets import wiring  # noqa: PLC0415
    from reflector_assets.io_manager import value_key  # noqa: PLC0415
    from reflector_assets.operations import runs  # noqa: PLC0415
    from reflector_assets.runtime.instance import open_instance  # noqa: PLC0415

    with open_instance() as instance:
        runs.known(instance, recording_id, wiring.store())
    try:
        content = wiring.store().read(value_key("transcript", recording_id))
    except NotFound:
        raise NotFound(
            "it has no transcript yet", recording=recording_id, hint=f"Make it with `reflector run {recording_id}`."
        ) from None
    if as_json:
        sys.stdout.write(content.decode() + "\n")
        return
    transcript = Transcript.model_validate_json(content)
    out.print(Markdown(captions.overview(transcript)))
    shown = transcript.segments[: lines or None]
    out.print()
    for segment in shown:
        out.print(f"[dim]{captions.clock(segment.start)}[/] [bold]{segment.name}[/]: {segment.text}", highlight=False)
    if len(shown) < len(transcript.segments):
        out.print(f"[dim]... {len(transcript.segments) - len(shown)} more sentences[/]")
    out.print(f"\nThe files are in {wiring.store().location(folder(recording_id))}", highlight=False, soft_wrap=True)


@app.command("list")
def list_(
    everything: Annotated[
        bool,
        typer.Option("--all", help="All, also those that left Dagster's partitions after REFLECTOR_RETIRE_DAYS."),
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(help=f"At most so many; else {NEWEST}, and with --all or --json all.", min=1),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the recordings, newest first, and where each one is."""
    from reflector_assets import wiring  # noqa: PLC0415
    from reflector_assets.eventlog import overview  # noqa: PLC0415
    from reflector_assets.runtime.instance import open_instance  # noqa: PLC0415

    most = limit or (None if everything or as_json else NEWEST)
    page = min(overview.PAGE, most + 1) if most else overview.PAGE
    with open_instance() as instance:
        rows = overview.recordings_overview(instance, wiring.store(), retired=everything, page=page)
        if as_json:
            print_json_array(row._asdict() for row in islice(rows, most))
            return
        shown = list(islice(rows, most))
        more = next(rows, None) is not None
    table = Table(Column("ID", no_wrap=True), "Room", "State", "Title", "Reason")
    for row in shown:
        table.add_row(row.id, row.room or "", row.state, row.title or "", row.reason or "")
    out.print(table if shown else "There are no recordings yet: `reflector import FOLDER` adds one.")
    if more:
        err.print(f"The newest {len(shown)}; `--limit` shows more, `--all` all.")


@app.command()
def refresh(
    since: Annotated[int | None, typer.Option(help="Only recordings of the last so many days.", min=0)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what is stale.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring all recordings up to date: a table of what is stale, why, and what it took last time; then the runs.

    With Dagster's daemon up, the runs go to its queue behind new recordings; without, they run here one by one.
    """
    from reflector_assets import wiring  # noqa: PLC0415
    from reflector_assets.cli.progress_bar import Following, ProgressLines, own_stderr  # noqa: PLC0415
    from reflector_assets.definitions import assets, defs, graph  # noqa: PLC0415
    from reflector_assets.eventlog.reader import RecordingLog  # noqa: PLC0415
    from reflector_assets.operations import refresh as refreshing  # noqa: PLC0415
    from reflector_assets.operations import runs  # noqa: PLC0415
    from reflector_assets.runtime.instance import daemon_is_up, open_instance  # noqa: PLC0415

    failed: dict[str, dict[str, str]] = {}
    queued = False
    with open_instance() as instance:
        oldest = None if since is None else since * 86400.0
        found = list(refreshing.stale_recordings(instance, graph, oldest, wiring.audio_is_gone))
        if not as_json:
            _print_stale(found)
        if found and not dry_run:
            queued = daemon_is_up(instance)
            for stale in found:
                if queued:
                    refreshing.request(instance, stale.id)
                    continue
                log = RecordingLog(instance, wiring.store(), stale.id)
                with ProgressLines(own_stderr()) as lines, Following(log, lines.tell):
                    outcome = runs.bring_up_to_date(
                        instance,
                        defs,
                        graph,
                        stale.id,
                        only=runs.select(assets, None),
                        audio_is_gone=wiring.audio_is_gone,
                    )
                if outcome.failed:
                    failed[stale.id] = outcome.failed
    if as_json:
        rows = [{"id": s.id, "stale": s.reasons, "cost": s.cost._asdict() if s.cost else None} for s in found]
        print_json({"recordings": rows, "queued": queued, "failed": failed})
    elif queued:
        out.print(f"{len(found)} recordings are queued; `reflector list` shows how they fare.")
    for recording_id, reasons in failed.items():
        for asset, reason in reasons.items():
            complain(f"{recording_id}: {asset} failed: {reason}")
    if failed:
        raise typer.Exit(1)


@app.command()
def pools(as_json: AsJson = False) -> None:
    """Tell Dagster how many steps of each kind may run at once over all runs, as the settings say."""
    from reflector_assets.runtime.instance import open_instance  # noqa: PLC0415
    from reflector_assets.settings.main import get_settings  # noqa: PLC0415

    limits = get_settings().pools()
    with open_instance() as instance:
        for pool, limit in limits.items():
            instance.event_log_storage.set_concurrency_slots(pool, limit)
    if as_json:
        print_json(limits)
    else:
        out.print(", ".join(f"{pool}: {limit} at once" for pool, limit in limits.items()), highlight=False)


def _print_stale(found: "list[StaleRecording]") -> None:
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
