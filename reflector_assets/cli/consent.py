"""`reflector consent`: consent to keeping the audio of a meeting."""

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from domain.errors import InvalidInput, NotFound
from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, RecordingId, complain, err, out, print_json, timestamp
from reflector_assets.cli.recorded import recorded

with on_first_use():
    import pydantic

    from domain import consent, recording
    from reflector_assets import wiring
    from resources.store import erasure

app = typer.Typer(help="Record and show consent to keeping a meeting's audio.", no_args_is_help=True)

# The exit code of a statement that matches no known recording.
NOT_MATCHED = 3

MeetingId = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="The id of a recording, of Daily's meeting session or of the old system's meeting, or the name or id of "
        "Daily's room.",
    ),
]
User = Annotated[str | None, typer.Option("--user", help="The user who decides; default: an unnamed participant.")]
WholeRoom = Annotated[
    bool, typer.Option("--whole-room", help="For all meetings of the room that ID names, past and future.")
]


@app.command()
@recorded("consent deny", subject="meeting_id")
def deny(meeting_id: MeetingId, user: User = None, whole_room: WholeRoom = False, as_json: AsJson = False) -> None:
    """Deny consent: the audio is deleted for good once the recording is processed; its text stays.

    Exits with 3 if no known recording matches: the denial is kept for one that arrives.
    """
    _record(meeting_id, user, given=False, whole_room=whole_room)
    matched = _show(meeting_id, as_json=as_json)
    _end(meeting_id, "Dagster's daemon deletes the audio; the asset `consent_cleanup` records it.", matched=matched)


@app.command()
@recorded("consent give", subject="meeting_id")
def give(meeting_id: MeetingId, user: User = None, whole_room: WholeRoom = False, as_json: AsJson = False) -> None:
    """Give consent: withdraws the same user's earlier denial, as long as the audio exists."""
    _record(meeting_id, user, given=True, whole_room=whole_room)
    _end(meeting_id, None, matched=_show(meeting_id, as_json=as_json))


@app.command()
def show(meeting_id: MeetingId, as_json: AsJson = False) -> None:
    """Show all statements and whether the audio was deleted."""
    _show(meeting_id, as_json=as_json)


@app.command("list")
def list_(
    unmatched: Annotated[bool, typer.Option("--unmatched", help="Only denials that match no known recording.")] = False,
    as_json: AsJson = False,
) -> None:
    """List denials of consent, oldest first."""
    with wiring.opened(wiring.consents()) as consents:
        denials = consents.unmatched() if unmatched else consents.all_denials()
        found = [(one, consents.recordings_of(one.meeting_id)) for one in denials]
    if as_json:
        print_json([{**_document(one), "recordings": ids} for one, ids in found])
        return
    table = Table("Meeting", "User", "When", "Recordings")
    for one, ids in found:
        when = timestamp(one.said_at) or ""
        table.add_row(one.meeting_id, escape(one.user_id or "anybody"), when, ", ".join(ids) or "none yet")
    out.print(table if found else "There are none.")


@app.command()
@recorded("consent assign", recording="recording_id", subject="meeting_id")
def assign(meeting_id: MeetingId, recording_id: RecordingId, as_json: AsJson = False) -> None:
    """Declare that statements about ID, such as a meeting of another system, are about a recording."""
    _check(meeting_id)
    with wiring.opened(wiring.consents()) as consents:
        consents.assign(meeting_id, recording_id)
    _show(meeting_id, as_json=as_json)


@app.command()
@recorded("consent dismiss", subject="meeting_id")
def dismiss(meeting_id: MeetingId, as_json: AsJson = False) -> None:
    """Declare that the unmatched denials about ID are about no recording here."""
    _check(meeting_id)
    with wiring.opened(wiring.consents()) as consents:
        dismissed = consents.dismiss(meeting_id)
    if not dismissed:
        raise NotFound(f"there is no unmatched denial for {meeting_id}")
    if as_json:
        print_json({"dismissed": dismissed})
    else:
        out.print(f"{dismissed} dismissed", highlight=False)


def _check(meeting_id: str) -> None:
    if not consent.MEETING_PATTERN.fullmatch(meeting_id):
        raise InvalidInput(
            f"{meeting_id[:60]!r} can't be the id of a recording or meeting, or a room's name",
            hint="Use 1 to 128 letters, digits, dots, dashes or underscores, starting with a letter or a digit.",
        )


def _record(meeting_id: str, user: str | None, *, given: bool, whole_room: bool) -> None:
    _check(meeting_id)
    try:
        statement = consent.Consent(consent_given=given, user_id=user)
    except pydantic.ValidationError as error:
        raise InvalidInput(f"--user: {error.errors(include_input=False)[0]['msg']}") from None
    with wiring.opened(wiring.consents()) as consents:
        consents.record(meeting_id, statement.user_id, given=given, whole_room=whole_room)


def _end(meeting_id: str, follows: str | None, *, matched: bool) -> None:
    if matched:
        if follows:
            err.print(follows)
        return
    complain(
        f"not matched yet: no known recording has the id or name {meeting_id}. The statement is kept, and applies as "
        "soon as a recording with it arrives. A room's name without a time needs --whole-room. "
        "`reflector consent list --unmatched` lists such denials."
    )
    raise typer.Exit(NOT_MATCHED)


def _document(one: "consent.Statement") -> dict[str, Any]:
    return {"meeting_id": one.meeting_id, "user_id": one.user_id or None, "said_at": timestamp(one.said_at)}


def _show(meeting_id: str, *, as_json: bool) -> bool:
    """Show the statements that name a meeting; return True if a known recording matches."""
    _check(meeting_id)
    with wiring.opened(wiring.consents()) as consents:
        statements, matching = consents.statements(meeting_id), consents.recordings_of(meeting_id)
        matched = consents.is_matched(meeting_id)
    recordings = matching or ([meeting_id] if recording.ID_PATTERN.fullmatch(meeting_id) else [])
    given_up = {one: marker for one in recordings if (marker := erasure.deletion_of(wiring.store(), one))}
    if as_json:
        print_json(
            {
                "meeting_id": meeting_id,
                "denied": any(not one.given for one in statements),
                "matched": matched,
                "statements": [
                    {"user_id": one.user_id or None, "consent_given": one.given, "said_at": timestamp(one.said_at)}
                    for one in statements
                ],
                "audio_given_up": {one: marker.model_dump() for one, marker in given_up.items()},
            }
        )
        return matched
    table = Table("User", "Consent", "When")
    for one in statements:
        table.add_row(escape(one.user_id or "anybody"), "yes" if one.given else "no", timestamp(one.said_at))
    out.print(table if statements else "There are no statements.")
    for one, marker in given_up.items():
        out.print(f"{one}: audio given up {marker.at}, {marker.reason}", highlight=False, soft_wrap=True)
    return matched
