"""Editing a transcript, its participants and its speakers: as corrections, like by our own API."""

from typing import Annotated, Any, Literal

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, Field

from domain.corrections.edits import Name, ParticipantId, Seconds, Speaker
from domain.corrections.people import has_name, person_of
from domain.recording import Participant
from domain.text import words
from service.bodies import json_body, parse
from service.compat.contents import Contents, ContentsDep
from service.compat.routing import compat_router
from service.compat.transcripts import DescribedTranscript, DescriberDep, OldParticipant
from service.dependencies import CorrectionsDep, RecordingsDep, StoredResultsDep
from service.editing import Editor, EditorDep
from service.errors import Refused
from service.routes import corrections
from service.routes.corrections import Status

router = compat_router("/transcripts/{id}")


class Body(BaseModel):
    """Base of the requests, which may have fields that the old system ignores, too."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class NamedParticipant(Body):
    """A participant with another name, or the name of a speaker."""

    id: ParticipantId | None = None
    speaker: Speaker | None
    name: Name


class UpdateTranscript(Body):
    """What to change; an empty text returns to the generated one. Only the first five can be changed."""

    title: str | None = None
    short_summary: str | None = None
    long_summary: str | None = None
    reviewed: bool | None = None
    participants: Annotated[tuple[NamedParticipant, ...], Field(max_length=200)] | None = None
    name: None = None
    locked: Literal[False] | None = None
    share_mode: Literal["semi-private"] | None = None
    audio_deleted: None = None


class CreateParticipant(Body):
    """The name of a speaker, or of somebody who gets a speaker number that nobody has."""

    speaker: Speaker | None = None
    name: Name


class UpdateParticipant(Body):
    """Another name, another speaker number for the person, or both."""

    speaker: Speaker | None = None
    name: Name | None = None


class SpeakerAssignment(Body):
    """The words between two times, in seconds, are those of a speaker or of a participant."""

    speaker: Speaker | None = None
    participant: str | None = None
    timestamp_from: Seconds
    timestamp_to: Seconds


class SpeakerMerge(Body):
    """Two speakers are one person."""

    speaker_from: Speaker
    speaker_to: Speaker


class ProcessStatus(BaseModel):
    """Whether processing was requested."""

    status: str = "started"


def _given(model: type[BaseModel]) -> Any:
    return Depends(json_body(model))


@router.patch("")
def update_transcript(
    editor: EditorDep,
    history: CorrectionsDep,
    describer: DescriberDep,
    body: Annotated[UpdateTranscript, _given(UpdateTranscript)],
) -> DescribedTranscript:
    """Change title, summaries, participants' names, or whether the transcript is reviewed."""
    known = {one.participant_id for one in editor.transcript().participants}
    change: dict[str, Any] = {
        name: getattr(body, name) or None
        for name in ("title", "short_summary", "long_summary")
        if name in body.model_fields_set
    }
    change["participants"] = [
        {"name": one.name, "id": one.id} if one.id in known else {"name": one.name, "speaker": one.speaker}
        for one in body.participants or ()
    ]
    if body.reviewed is not None:
        change["reviewed"] = body.reviewed
    corrections.change_transcript(editor, parse(corrections.ChangeTranscript, change))
    return describer.describe(Contents(editor.results, history.gathered(editor.results.id)))


@router.post("/participants")
def add_participant(
    editor: EditorDep, found: ContentsDep, body: Annotated[CreateParticipant, _given(CreateParticipant)]
) -> OldParticipant:
    """Name a speaker who has no name, or add a participant without words, with a speaker number of their own."""
    last = editor.entries()[-1:]
    speaker = _unused(editor, found) if body.speaker is None else body.speaker
    if _named(editor, speaker):
        raise Refused(400, "the speaker is assigned to another participant")
    # With the version, of two requests at once only one takes the number.
    added = corrections.AddParticipant(name=body.name, speaker=speaker, version=last[0].number if last else 0)
    return OldParticipant(**corrections.add_participant(editor, added).model_dump())


@router.patch("/participants/{participant_id}")
def update_participant(
    editor: EditorDep, participant_id: str, body: Annotated[UpdateParticipant, _given(UpdateParticipant)]
) -> OldParticipant:
    """Rename a participant, or say that a speaker without a name is this participant."""
    other = None if body.speaker is None else _named(editor, body.speaker)
    if other is not None and other.participant_id != participant_id:
        raise Refused(400, "the speaker is assigned to another participant")
    changed = corrections.ChangeParticipant(name=body.name, speaker=body.speaker)
    return OldParticipant(**corrections.change_participant(editor, participant_id, changed).model_dump())


@router.delete("/participants/{participant_id}")
def delete_participant(editor: EditorDep, participant_id: str) -> Status:
    """Remove a participant's name; the words stay those of the speaker."""
    return corrections.delete_participant(editor, participant_id)


@router.patch("/speaker/assign")
def assign_speaker(editor: EditorDep, body: Annotated[SpeakerAssignment, _given(SpeakerAssignment)]) -> Status:
    """Give the words between two times to a speaker."""
    if (body.speaker is None) == (body.participant is None):
        raise Refused(400, "give either a speaker or a participant")
    return corrections.assign_speech(editor, corrections.AssignSpeech(**body.model_dump()))


@router.patch("/speaker/merge")
def merge_speakers(editor: EditorDep, body: Annotated[SpeakerMerge, _given(SpeakerMerge)]) -> Status:
    """Make two speakers one, unless both have names."""
    if _named(editor, body.speaker_from) and _named(editor, body.speaker_to):
        raise Refused(400, "both speakers are assigned to participants")
    if person_of(editor.transcript().participants, body.speaker_to) is None:
        raise Refused(404, f"there is no speaker {body.speaker_to}")
    return corrections.merge_speakers(editor, corrections.MergeSpeakers(**body.model_dump()))


@router.post("/process")
def process(results: StoredResultsDep, recordings: RecordingsDep) -> ProcessStatus:
    """Request that what failed or is stale is made again."""
    recordings.retry(results.id)
    return ProcessStatus()


def _named(editor: Editor, speaker: int) -> Participant | None:
    """Return the person with a speaker number and a name; None if there is none."""
    person = person_of(editor.transcript().participants, speaker)
    return person if person and has_name(person) else None


def _unused(editor: Editor, found: Contents) -> int:
    people = editor.transcript().participants
    taken = {number for one in people for number in (one.speaker, *one.other_speakers)}
    return max([*taken, *(word.speaker for word in words.words(found.table)), -1]) + 1
