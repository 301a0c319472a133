"""Corrections of people: names, and speakers that are one person."""

from collections.abc import Iterable

from domain.corrections.edits import Entry, Identify, Merge, Rename
from domain.names import of_speaker
from domain.recording import Participant, Participants


def apply(known: Participants, entries: Iterable[Entry]) -> tuple[Participants, list[str]]:
    """Apply edits of people in order; return the people, and which edits fit nobody any more."""
    people = list(known.root)
    conflicts: list[str] = []
    for entry in entries:
        edit = entry.edit
        if isinstance(edit, Rename):
            changed = _rename(people, edit)
        elif isinstance(edit, Identify):
            changed = _identify(people, edit)
        elif isinstance(edit, Merge):
            changed = _merge(people, edit)
        else:
            continue
        if changed is None:
            conflicts.append(f"Correction {entry.number} ({edit.kind}) fits no participant any more.")
        else:
            people = changed
    return Participants(tuple(people)), conflicts


def person_of(people: Iterable[Participant], speaker: int) -> Participant | None:
    """Return the person with a speaker number; None if nobody has it."""
    return next((one for one in people if speaker >= 0 and speaker in (one.speaker, *one.other_speakers)), None)


def has_name(person: Participant) -> bool:
    """Return True unless a person is called by the speaker number alone."""
    return person.name != _nameless(person.speaker)


def _rename(people: list[Participant], edit: Rename) -> list[Participant] | None:
    person = next((one for one in people if one.participant_id == edit.participant_id), None)
    return None if person is None else _with_name(people, person, edit.name)


def _identify(people: list[Participant], edit: Identify) -> list[Participant]:
    if person := person_of(people, edit.speaker):
        return _with_name(people, person, edit.name)
    return [*people, Participant(participant_id=f"speaker-{edit.speaker}", name=edit.name, speaker=edit.speaker)]


def _merge(people: list[Participant], edit: Merge) -> list[Participant] | None:
    kept, gone = person_of(people, edit.speaker_to), person_of(people, edit.speaker_from)
    if kept is None:
        return None
    if kept == gone or edit.speaker_from == edit.speaker_to:
        return people
    numbers = (gone.speaker, *gone.other_speakers) if gone else (edit.speaker_from,)
    merged = kept.model_copy(update={"other_speakers": (*kept.other_speakers, *numbers)})
    return [merged if one == kept else one for one in people if one != gone]


def _with_name(people: list[Participant], person: Participant, name: str | None) -> list[Participant]:
    if name is None:
        name = _nameless(person.speaker)
    return [one.model_copy(update={"name": name}) if one == person else one for one in people]


def _nameless(speaker: int) -> str:
    return of_speaker(speaker) if speaker >= 0 else "Unknown"
