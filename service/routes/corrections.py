"""Corrections of a transcript: its history, and edits in the shapes that the old system's clients know."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Path
from pydantic import BaseModel, ConfigDict, Field, StrictBool
from starlette.requests import Request

from domain.access import Scope
from domain.corrections.edits import (
    AnyEdit,
    Assign,
    Edit,
    Entry,
    Heading,
    Identify,
    Merge,
    Name,
    ParticipantId,
    Remake,
    Rename,
    Review,
    Seconds,
    SetSummary,
    SetTitle,
    Speaker,
    Text,
    Undo,
    standing,
)
from domain.corrections.people import person_of
from domain.errors import NotFound
from domain.recording import Participant
from domain.results import Transcript
from resources.results.corrected import TRANSCRIPT
from service.bodies import json_body
from service.dependencies import AccessDep, AuthorizedRouter
from service.editing import Editor, EditorDep
from service.errors import Refused
from service.routing import problems, request_body

router = AuthorizedRouter(prefix="/v1/transcripts/{id}", responses=problems(401, 403, 404))


class Body(BaseModel):
    """Base of the requests: `version` is the number of the last edit that the client knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    version: Annotated[int, Field(ge=0)] | None = None


class AddEdits(Body):
    """Edits that are added together or not at all; a request with the same `request_id` adds them only once."""

    edits: Annotated[tuple[Edit, ...], Field(min_length=1, max_length=200)]
    request_id: Annotated[str, Field(min_length=1, max_length=100, pattern="^[!-~]*$")] | None = None


class ParticipantChange(BaseModel):
    """A participant as the old system describes one."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: ParticipantId | None = None
    speaker: Speaker | None = None
    name: Name


class ChangeTranscript(Body):
    """What to change; null returns to the generated text."""

    title: Heading | None = None
    short_summary: Text | None = None
    long_summary: Text | None = None
    reviewed: StrictBool = False
    participants: Annotated[tuple[ParticipantChange, ...], Field(max_length=200)] = ()


class AddParticipant(Body):
    """The name of a speaker."""

    name: Name
    speaker: Speaker


class ChangeParticipant(Body):
    """Another name, another speaker number for the person, or both."""

    name: Name | None = None
    speaker: Speaker | None = None


class AssignSpeech(Body):
    """The words between two times, in seconds, are those of a speaker or of a participant."""

    speaker: Speaker | None = None
    participant: ParticipantId | None = None
    timestamp_from: Seconds
    timestamp_to: Seconds


class MergeSpeakers(Body):
    """Two speakers are one person."""

    speaker_from: Speaker
    speaker_to: Speaker


class EntryView(BaseModel):
    """An edit: its number, its time in ISO 8601, who made it, and whether it stands."""

    number: int
    at: str
    who: str | None
    stands: bool
    edit: dict[str, Any]


class HistoryView(BaseModel):
    """All edits in order; `version` is the number of the last one, `applied` of the last one in the transcript."""

    version: int
    applied: int
    edits: list[EntryView]


class ParticipantView(BaseModel):
    """A participant; `speaker` is null without an audio track."""

    id: str
    speaker: int | None
    name: str


class Status(BaseModel):
    """The answer of the old system to an edit."""

    status: str = "ok"


def _writes(model: type[BaseModel]) -> dict[str, Any]:
    return {"responses": problems(400, 409, 413, 415, 422), "openapi_extra": request_body(model)}


@router.get("/corrections")
def show_history(request: Request, editor: EditorDep, access: AccessDep) -> HistoryView:
    """Show all corrections, undone ones included; who made them only to those who may correct."""
    found = _view(editor, editor.entries())
    if access.may(request, Scope.WRITE):
        return found
    return found.model_copy(update={"edits": [one.model_copy(update={"who": None}) for one in found.edits]})


@router.post("/corrections", **_writes(AddEdits))
def add_edits(editor: EditorDep, body: Annotated[AddEdits, Depends(json_body(AddEdits))]) -> HistoryView:
    """Add edits; refuses them with 409 if others were added since `version`."""
    return _view(editor, editor.add(*body.edits, version=body.version, request_id=body.request_id))


@router.post("/corrections/{number}/undo", responses=problems(422))
def undo_edit(editor: EditorDep, number: Annotated[int, Path(ge=1, le=10**9)]) -> HistoryView:
    """Undo an edit, which can be an undo itself."""
    return _view(editor, editor.add(Undo(number=number)))


@router.post("/corrections/remake")
def remake_texts(editor: EditorDep) -> HistoryView:
    """Request that the generated texts are made again from names and words as they stand."""
    return _view(editor, editor.add(Remake()))


@router.patch("", **_writes(ChangeTranscript))
def change_transcript(
    editor: EditorDep, body: Annotated[ChangeTranscript, Depends(json_body(ChangeTranscript))]
) -> Transcript:
    """Change title, summary, participants' names, or whether the transcript is reviewed."""
    given = body.model_fields_set
    edits: list[AnyEdit] = []
    if "title" in given:
        edits.append(SetTitle(title=body.title))
    if summary := {name: getattr(body, name) for name in ("short_summary", "long_summary") if name in given}:
        edits.append(SetSummary.model_validate(summary))
    people = editor.transcript().participants
    edits += [_named(editor, one, people) for one in body.participants]
    if "reviewed" in given:
        edits.append(Review(reviewed=body.reviewed))
    if edits:
        editor.add(*edits, version=body.version)
    return editor.transcript()


@router.get("/participants")
def list_participants(editor: EditorDep) -> list[ParticipantView]:
    """List the participants."""
    return [_participant(one) for one in editor.transcript().participants]


@router.post("/participants", **_writes(AddParticipant))
def add_participant(
    editor: EditorDep, body: Annotated[AddParticipant, Depends(json_body(AddParticipant))]
) -> ParticipantView:
    """Say who a speaker is."""
    editor.add(Identify(speaker=body.speaker, name=body.name), version=body.version)
    found = person_of(editor.transcript().participants, body.speaker)
    assert found is not None
    return _participant(found)


@router.patch("/participants/{participant_id}", **_writes(ChangeParticipant))
def change_participant(
    editor: EditorDep,
    participant_id: str,
    body: Annotated[ChangeParticipant, Depends(json_body(ChangeParticipant))],
) -> ParticipantView:
    """Rename a participant, or say which speaker it is."""
    person = _known(editor, participant_id)
    edits: list[AnyEdit] = []
    if body.name is not None:
        edits.append(Rename(participant_id=person.participant_id, name=body.name))
    if body.speaker is not None and body.speaker != person.speaker:
        if person.speaker < 0:
            edits.append(Identify(speaker=body.speaker, name=body.name or person.name))
        else:
            edits.append(Merge(speaker_from=body.speaker, speaker_to=person.speaker))
    if edits:
        editor.add(*edits, version=body.version)
    return _participant(_known(editor, participant_id))


@router.delete("/participants/{participant_id}")
def delete_participant(editor: EditorDep, participant_id: str) -> Status:
    """Remove a participant's name: the words stay those of "Speaker N"."""
    editor.add(Rename(participant_id=_known(editor, participant_id).participant_id, name=None))
    return Status()


@router.patch("/speaker/assign", **_writes(AssignSpeech))
def assign_speech(editor: EditorDep, body: Annotated[AssignSpeech, Depends(json_body(AssignSpeech))]) -> Status:
    """Give the words between two times to a speaker."""
    if (body.speaker is None) == (body.participant is None):
        raise Refused(422, "give either a speaker or a participant")
    if body.timestamp_to < body.timestamp_from:
        raise Refused(422, "timestamp_to lies before timestamp_from")
    found = editor.transcript()
    if found.duration and body.timestamp_from > found.duration:
        raise Refused(422, f"timestamp_from lies behind the recording's end, {found.duration:g} s")
    speaker = body.speaker if body.participant is None else _known(editor, body.participant, found.participants).speaker
    if speaker is None or speaker < 0:
        raise Refused(422, "the participant has no speaker number: add one first")
    edit = Assign(start=body.timestamp_from, end=body.timestamp_to, speaker=speaker)
    editor.add(edit, version=body.version)
    return Status()


@router.patch("/speaker/merge", **_writes(MergeSpeakers))
def merge_speakers(editor: EditorDep, body: Annotated[MergeSpeakers, Depends(json_body(MergeSpeakers))]) -> Status:
    """Make two speakers one person."""
    if body.speaker_from == body.speaker_to:
        raise Refused(422, "speaker_from and speaker_to are the same speaker")
    found = editor.corrected()
    for speaker in (body.speaker_from, body.speaker_to):
        if not found.has_speaker(speaker):
            raise NotFound(f"there is no speaker {speaker}", recording=editor.results.id)
    editor.add(Merge(speaker_from=body.speaker_from, speaker_to=body.speaker_to), version=body.version)
    return Status()


def _named(editor: Editor, one: ParticipantChange, people: Iterable[Participant]) -> AnyEdit:
    if one.id is not None:
        return Rename(participant_id=_known(editor, one.id, people).participant_id, name=one.name)
    if one.speaker is None:
        raise Refused(422, "participants: give an id or a speaker")
    return Identify(speaker=one.speaker, name=one.name)


def _known(editor: Editor, participant_id: str, people: Iterable[Participant] | None = None) -> Participant:
    """Return one of the people, by default of those as they are now; raises NotFound."""
    for one in editor.transcript().participants if people is None else people:
        if one.participant_id == participant_id:
            return one
    raise NotFound(f"there is no participant {participant_id[:100]!r}", recording=editor.results.id)


def _participant(one: Participant) -> ParticipantView:
    return ParticipantView(id=one.participant_id, speaker=one.speaker if one.speaker >= 0 else None, name=one.name)


def _view(editor: Editor, entries: Sequence[Entry]) -> HistoryView:
    found = editor.results.find(TRANSCRIPT, Transcript)
    stands = {entry.number for entry in standing(entries)}
    return HistoryView(
        version=entries[-1].number if entries else 0,
        applied=found.revision if found else 0,
        edits=[
            EntryView(
                number=entry.number,
                at=datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="seconds"),
                who=entry.who,
                stands=entry.number in stands,
                edit=entry.edit.model_dump(mode="json"),
            )
            for entry in entries
        ],
    )
