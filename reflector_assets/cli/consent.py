"""Consent: who agreed that the audio of a meeting is kept."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.markup import escape
from rich.table import Table

from domain.errors import InvalidInput
from reflector_assets.cli.output import AsJson, err, out, print_json

app = typer.Typer(help="Who agreed that the audio of a meeting is kept.", no_args_is_help=True)

MeetingId = Annotated[str, typer.Argument(metavar="ID", help="A recording's id, or that of Daily's meeting session.")]
User = Annotated[str | None, typer.Option("--user", help="Who says so; without it, anybody of the meeting.")]


@app.command()
def deny(meeting_id: MeetingId, user: User = None, as_json: AsJson = False) -> None:
    """Deny: the audio is deleted for good once the recording is processed, its text stays."""
    _say(meeting_id, user, given=False)
    _show(meeting_id, as_json=as_json)
    err.print("Dagster's daemon has the audio deleted; `consent_cleanup` says when it is gone.")


@app.command()
def give(meeting_id: MeetingId, user: User = None, as_json: AsJson = False) -> None:
    """Give: takes the same person's earlier denial back, as long as the audio is there."""
    _say(meeting_id, user, given=True)
    _show(meeting_id, as_json=as_json)


@app.command()
def show(meeting_id: MeetingId, as_json: AsJson = False) -> None:
    """Show what was said, and whether the audio of a recording was deleted."""
    _show(meeting_id, as_json=as_json)


def _say(meeting_id: str, user: str | None, *, given: bool) -> None:
    from domain.consent import Consent  # noqa: PLC0415
    from domain.recording import check_recording_id  # noqa: PLC0415
    from reflector_assets import wiring  # noqa: PLC0415

    check_recording_id(meeting_id)
    try:
        said = Consent(consent_given=given, user_id=user)
    except ValidationError as error:
        raise InvalidInput(f"--user: {error.errors(include_input=False)[0]['msg']}") from None
    with wiring.opened(wiring.consents()) as consents:
        consents.record(meeting_id, said.user_id, given=given)


def _show(meeting_id: str, *, as_json: bool) -> None:
    from domain.recording import check_recording_id  # noqa: PLC0415
    from reflector_assets import wiring  # noqa: PLC0415
    from resources.store.erasure import deletion_of  # noqa: PLC0415

    check_recording_id(meeting_id)
    with wiring.opened(wiring.consents()) as consents:
        said, recordings = consents.statements(meeting_id), consents.recordings_of(meeting_id) or [meeting_id]
    given_up = {one: marker for one in recordings if (marker := deletion_of(wiring.store(), one))}
    if as_json:
        print_json(
            {
                "meeting_id": meeting_id,
                "denied": any(not one.given for one in said),
                "statements": [
                    {"user_id": one.user_id or None, "consent_given": one.given, "said_at": _time(one.said_at)}
                    for one in said
                ],
                "audio_given_up": {one: marker.model_dump() for one, marker in given_up.items()},
            }
        )
        return
    table = Table("Who", "Said", "When")
    for one in said:
        table.add_row(escape(one.user_id or "anybody"), "yes" if one.given else "no", _time(one.said_at))
    out.print(table if said else "Nobody said anything.")
    for one, marker in given_up.items():
        out.print(f"{one}: audio given up {marker.at}, {marker.reason}", highlight=False, soft_wrap=True)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(" ", "seconds")
