"""`reflector delete`: delete a recording wholly."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, RecordingId, note, out, print_json
from reflector_assets.cli.recorded import recorded

with on_first_use():
    from domain import deletion
    from reflector_assets import wiring
    from reflector_assets.operations import deletion as operation
    from reflector_assets.runtime import instance as instances

app = typer.Typer()
# Seconds to wait for a run of the recording to end.
RUN_ENDS_S = 120.0


@app.command()
@recorded("delete", recording="recording_id")
def delete(
    recording_id: RecordingId,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask for confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete a recording wholly: audio, text, names, and what Dagster, the database and Zulip have of it.

    This is final: the recording doesn't come back from Daily, and its id can't be used again. Runs of it are ended
    first. What can't be deleted is named. If the command is interrupted, repeat it, or leave the rest to Dagster's
    daemon.
    """
    with (
        instances.open_instance() as instance,
        wiring.opened(wiring.inbox()) as inbox,
        wiring.opened(wiring.source()) as source,
        wiring.opened(wiring.messages()) as messages,
        wiring.opened(wiring.call_cache()) as call_cache,
    ):
        store, bucket = wiring.store(), wiring.daily_bucket()
        eraser = operation.Eraser(instance, store, bucket, source, inbox, messages, call_cache, wiring.leaving())
        eraser.check_known(recording_id)
        if not yes:
            typer.confirm(f"Delete {recording_id} for good?", abort=True, err=True)
        requested = eraser.deletions.request(recording_id)
        left = eraser.delete(recording_id, RUN_ENDS_S)
    at = datetime.fromtimestamp(requested.requested_at, UTC).isoformat(timespec="seconds")
    if as_json:
        print_json(
            {"id": recording_id, "requested_at": at, "not_deleted": left, "beyond_reach": list(deletion.BEYOND_REACH)}
        )
        return
    out.print(f"{recording_id} was deleted", highlight=False, soft_wrap=True)
    for one in left:
        note(f"not deleted: {one}")
    out.print("Deletion doesn't reach, where they exist:", highlight=False)
    for one in deletion.BEYOND_REACH:
        out.print(f"  {one}", highlight=False, soft_wrap=True)
