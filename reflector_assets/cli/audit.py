"""`reflector audit`: who changed what."""

from typing import Annotated, Any

import typer

from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, Row, out, print_json, print_rows, timestamp

with on_first_use():
    from reflector_assets import wiring
    from reflector_assets.operations import queries
    from resources.database import audit as log

app = typer.Typer()


@app.command()
def audit(
    recording: Annotated[str | None, typer.Option(help="Only changes of the recording with this id.")] = None,
    since: Annotated[float | None, typer.Option(help="Only changes of the last N days.", min=0)] = None,
    limit: Annotated[int, typer.Option(help="Number of changes, the newest.", min=1)] = 100,
    as_json: AsJson = False,
) -> None:
    """Show who changed what: by the API, the pages and the commands, newest last."""
    with wiring.opened(wiring.audit()) as changes:
        found = changes.entries(recording_id=recording, since=queries.since(since), limit=limit)[::-1]
    if as_json:
        print_json([_document(one) for one in found])
        return
    if not found:
        out.print("Nothing was changed.")
        return
    rows = [Row([timestamp(one.at) or "", one.action, _what(one), one.outcome or "unknown", one.who]) for one in found]
    print_rows(["When", "Action", "What", "Outcome", "Who"], rows, flexible=1)


def _what(one: "log.Entry") -> str:
    return " ".join(part for part in (one.recording_id, one.subject, one.details and f"({one.details})") if part)


def _document(one: "log.Entry") -> dict[str, Any]:
    fields = one._asdict()
    return {"number": fields.pop("seq"), **fields, "at": timestamp(one.at)}
