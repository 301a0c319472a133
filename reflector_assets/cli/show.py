"""`reflector show`: a finished transcript."""

import sys
from typing import Annotated

import typer
from rich.markdown import Markdown

from domain.errors import NotFound
from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, RecordingId, out

with on_first_use():
    from domain import recording, results
    from domain.text import captions
    from reflector_assets import wiring
    from reflector_assets.cli import corrected
    from reflector_assets.operations import runs
    from reflector_assets.runtime import instance as instances
    from reflector_assets.settings import main as configuration

app = typer.Typer()


@app.command()
def show(
    recording_id: RecordingId,
    lines: Annotated[int, typer.Option(help="Number of lines of the transcript; 0 for all.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Show a finished transcript: title, summary, action items, and its first lines."""
    content, where = _read(recording.check_recording_id(recording_id))
    if as_json:
        sys.stdout.write(content.decode() + "\n")
        return
    transcript = results.Transcript.model_validate_json(content)
    out.print(Markdown(captions.overview(transcript)))
    segments = transcript.segments[: lines or None]
    out.print()
    for segment in segments:
        out.print(f"[dim]{captions.clock(segment.start)}[/] [bold]{segment.name}[/]: {segment.text}", highlight=False)
    if len(segments) < len(transcript.segments):
        out.print(f"[dim]... {len(transcript.segments) - len(segments)} more sentences[/]")
    out.print(f"\nThe files are in {where}", highlight=False, soft_wrap=True)


def _read(recording_id: str) -> tuple[bytes, str]:
    """Return a recording's transcript as it stands, in JSON, and the place of its files. Raises NotFound.

    Reads a local file directly: the store's module loads Dagster, which takes several times as long.
    """
    settings = configuration.get_settings()
    directory = settings.data_dir / recording.folder(recording_id)
    if settings.storage_backend == "local" and (directory / "transcript.json").is_file():
        if recording_id in corrected.Pending():
            return _document(recording_id), str(directory)
        return (directory / "transcript.json").read_bytes(), str(directory)

    with instances.open_instance() as instance:
        runs.known(instance, recording_id, wiring.store())
    return _document(recording_id), wiring.store().location(recording.folder(recording_id))


def _document(recording_id: str) -> bytes:
    found = corrected.corrected(recording_id).document
    if found is None:
        raise NotFound(
            "it has no transcript yet", recording=recording_id, hint=f"Make it with `reflector run {recording_id}`."
        )
    return found.model_dump_json(indent=1).encode()
