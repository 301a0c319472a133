"""`reflector import`: a folder of tracks becomes a recording."""

from pathlib import Path
from typing import Annotated

import typer

from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, note, out, print_json
from reflector_assets.cli.recorded import recorded

with on_first_use():
    import dagster as dg

    from domain import consent
    from reflector_assets import partitions, wiring
    from reflector_assets.runtime import instance as instances

app = typer.Typer()


@app.command("import")
@recorded("import", recording="recording_id", subject="folder")
def import_(
    folder: Annotated[Path, typer.Argument(help="Folder of tracks.", resolve_path=True)],
    recording_id: Annotated[
        str | None,
        typer.Option("--id", help="The recording's id; default: the id in recording.json, else the folder's name."),
    ] = None,
    replace: Annotated[bool, typer.Option(help="Replace an earlier import with the same id.")] = False,
    skip_unreadable: Annotated[bool, typer.Option(help="Skip tracks that can't be read.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import a folder of tracks as a recording.

    The folder holds one audio file per participant (WebM, Ogg, WAV, M4A, MP3, FLAC), either directly or in `tracks/`,
    and optionally `recording.json` and `participants.json` as Daily's API returns them.
    """
    with instances.open_instance() as instance:
        with wiring.opened(wiring.deletions()) as deletions:
            imported = wiring.imported().import_folder(
                folder,
                recording_id=recording_id,
                replace=replace,
                skip_unreadable=skip_unreadable,
                check_id=deletions.check,
            )
        recording = imported.recording
        # Consent statements can name it from now on.
        with wiring.opened(wiring.consents()) as consents:
            consents.identify(consent.Meeting.of(recording))
        if not instance.has_dynamic_partition(partitions.RECORDINGS, recording.id):
            instance.add_dynamic_partitions(partitions.RECORDINGS, [recording.id])
        earlier = dg.AssetRecordsFilter(asset_key=dg.AssetKey("recording"), asset_partitions=[recording.id])
        if imported.changed and instance.fetch_materializations(earlier, limit=1).records:
            # Records that the source changed, which makes `recording` stale.
            instance.report_runless_asset_event(
                dg.AssetMaterialization("recording", partition=recording.id, description="another import")
            )
    for line in imported.notes:
        note(line)
    tracks = len(recording.tracks)
    if as_json:
        print_json({"id": recording.id, "changed": imported.changed, "tracks": tracks, "notes": imported.notes})
    else:
        outcome = "imported" if imported.changed else "unchanged"
        out.print(f"{outcome} {recording.id}: {tracks} tracks", highlight=False, soft_wrap=True)
