"""`reflector consent`: consent to keeping the audio of a meeting."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from domain.errors import InvalidInput
from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, err, out, print_json, timestamp

with on_first_use():
    import pydantic

    from domain import consent, recording
    from reflector_assets import wiring
    from resources.store import erasure

app = typer.Typer(help="Record and show consent to keeping a meeting's audio.", no_args_is_help=True)

MeetingId = Annotated[str, typer.Argument(metavar="ID", help="A recording's id or the id of Daily's meeting session.")]
User = Annotated[str | None, typer.Option("--user", help="The user who decides; default: an unnamed participant.")]


@app.command()
def deny(meeting_id: MeetingId, user: User = None, as_json: AsJson = False) -> None:
    """Deny consent: the audio is deleted for good once the recording is processed; its text stays."""
    _record(meeting_id, user, given=False)
    _show(meeting_id, as_json=as_json)
    err.print("Dagster's daemon deletes the audio; the asset `consent_cleanup` records it.")


@app.command()
def give(meeting_id: MeetingId, user: User = None, as_json: AsJson = False) -> None:
    """Give consent: withdraws the same user's earlier denial, as long as the audio exists."""
    _record(meeting_id, user, given=True)
    _show(meeting_id, as_json=as_json)


@app.command()
def show(meeting_id: MeetingId, as_json: AsJson = False) -> None:
    """Show all statements and whether the audio was deleted."""
    _show(meeting_id, as_json=as_json)


def _record(meeting_id: str, user: str | None, *, given: bool) -> None:
    recording.check_recording_id(meeting_id)
    try:
        statement = consent.Consent(consent_given=given, user_id=user)
    except pydantic.ValidationError as error:
        raise InvalidInput(f"--user: {error.errors(include_input=False)[0]['msg']}") from None
    with wiring.opened(wiring.consents()) as consents:
        consents.record(meeting_id, statement.user_id, given=given)


def _show(meeting_id: str, *, as_json: bool) -> None:
    recording.check_recording_id(meeting_id)
    with wiring.opened(wiring.consents()) as consents:
        statements, recordings = consents.statements(meeting_id), consents.recordings_of(meeting_id) or [meeting_id]
    given_up = {one: marker for one in recordings if (marker := erasure.deletion_of(wiring.store(), one))}
    if as_json:
        print_json(
            {
                "meeting_id": meeting_id,
                "denied": any(not one.given for one in statements),
                "statements": [
                    {"user_id": one.user_id or None, "consent_given": one.given, "said_at": timestamp(one.said_at)}
                    for one in statements
                ],
                "audio_given_up": {one: marker.model_dump() for one, marker in given_up.items()},
            }
        )
        return
    table = Table("User", "Consent", "When")
    for one in statements:
        table.add_row(escape(one.user_id or "anybody"), "yes" if one.given else "no", timestamp(one.said_at))
    out.print(table if statements else "There are no statements.")
    for one, marker in given_up.items():
        out.print(f"{one}: audio given up {marker.at}, {marker.reason}", highlight=False, soft_wrap=True)
