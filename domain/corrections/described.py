"""Edits in words, one line each, for those who read a recording's history."""

from collections.abc import Sequence

from domain.corrections import people
from domain.corrections.edits import (
    AnyEdit,
    Assign,
    Entry,
    Identify,
    Merge,
    Rename,
    Review,
    SetActionItem,
    SetSummary,
    SetTitle,
    SetTopic,
    Undo,
    Write,
    standing,
)
from domain.names import of_speaker
from domain.recording import Participant, Participants
from domain.text.captions import clock

# Characters of a text that a line quotes.
QUOTED = 60


def lines(history: Sequence[Entry], known: Participants) -> list[str]:
    """Describe each edit of a whole history; `known` are the people before correction."""
    found: list[str] = []
    for at, entry in enumerate(history):
        edit = entry.edit
        if isinstance(edit, Undo):
            found.append(f"undid {edit.number}: {found[edit.number - 1]}")
        else:
            of_people = (one for one in standing(history[:at]) if one.edit.part == "people")
            found.append(_describe(edit, people.apply(known, of_people)[0].root))
    return found


def _describe(edit: AnyEdit, now: Sequence[Participant]) -> str:
    match edit:
        case Rename(name=name):
            was = next((one.name for one in now if one.participant_id == edit.participant_id), edit.participant_id)
            return f"renamed {was} to {name}" if name else f"removed the name {was}"
        case Identify():
            return f"renamed {_name(now, edit.speaker)} to {edit.name}"
        case Merge():
            return f"merged {_name(now, edit.speaker_from)} into {_name(now, edit.speaker_to)}"
        case Assign():
            return f"gave {_stretch(edit.start, edit.end)} to {_name(now, edit.speaker)}"
        case _:
            return _of_text(edit)


def _of_text(edit: AnyEdit) -> str:
    match edit:
        case Write():
            return _words(edit)
        case SetTitle():
            return _text("title", edit.title)
        case SetSummary() | SetTopic():
            of = f" of the topic at {clock(edit.at)}" if isinstance(edit, SetTopic) else ""
            names = ("title", "summary") if of else ("short_summary", "long_summary")
            given = [name for name in names if name in edit.model_fields_set]
            return ", ".join(_text(name.replace("_", " ") + of, getattr(edit, name)) for name in given) or "no change"
        case SetActionItem():
            return f"next step {_quoted(edit.task)}: {_step(edit)}"
        case Review():
            return f"marked the transcript as {'' if edit.reviewed else 'not '}reviewed"
        case _:
            return "requested the generated texts again"


def _words(edit: Write) -> str:
    text, was = edit.text.strip(), edit.was
    if edit.start == edit.end:
        return f"inserted {_quoted(text)} at {clock(edit.start)}"
    at = f"at {clock(edit.start)}" if was else f"from {_stretch(edit.start, edit.end)}"
    words = _quoted(was) if was else "the words"
    return f"replaced {words} {at} by {_quoted(text)}" if text else f"deleted {words} {at}"


def _text(what: str, value: str | None) -> str:
    return f"returned to the generated {what}" if value is None else f"set the {what} to {_quoted(value)}"


def _step(edit: SetActionItem) -> str:
    said: list[str] = []
    for name, label in (("text", "text"), ("assigned_to", "owner"), ("deadline", "deadline")):
        if name in edit.model_fields_set:
            value = getattr(edit, name)
            said.append(f"{label} {_quoted(value)}" if value else "generated text" if name == "text" else f"no {label}")
    if "done" in edit.model_fields_set:
        said.append("done" if edit.done else "not done")
    return ", ".join(said) or "no change"


def _stretch(start: float, end: float) -> str:
    return f"{clock(start)} to {clock(end)}"


def _name(now: Sequence[Participant], speaker: int) -> str:
    person = people.person_of(now, speaker)
    return person.name if person else of_speaker(speaker)


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return f'"{line}"' if len(line) <= QUOTED else f'"{line[: QUOTED - 1].rstrip()}…"'
