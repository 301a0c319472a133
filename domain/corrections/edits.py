"""The edits of a transcript, and which of them stand."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import (
    AfterValidator,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
    model_validator,
)

from domain.errors import InvalidInput
from domain.names import visible
from domain.recording import Frozen

E = TypeVar("E", bound="EditBase")


def _named(name: str) -> str:
    if not (line := visible(name)):
        raise ValueError("must have a visible character")
    return line


Name = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_named)]
Line = Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00-\x1f\x7f]*$")]
Text = Annotated[str, StringConstraints(max_length=100_000, pattern=r"^[^\x00]*$")]
Heading = Annotated[Line, StringConstraints(min_length=1)]
ParticipantId = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Seconds = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Speaker = Annotated[int, Field(ge=0, le=10_000)]
Number = Annotated[int, Field(ge=1)]


class EditBase(Frozen):
    """Base of the edits; `part` is what of the transcript an edit changes."""

    part: ClassVar[str]

    @model_serializer(mode="wrap")
    def _only_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out fields that weren't given: null differs from not given."""
        return {name: value for name, value in handler(self).items() if name in {"kind", *self.model_fields_set}}


class Rename(EditBase):
    """Rename a participant; a null name is replaced by "Speaker N"."""

    part = "people"
    kind: Literal["rename"] = "rename"
    participant_id: ParticipantId
    name: Name | None


class Identify(EditBase):
    """Say who a speaker is, whether or not there is a participant with this speaker number."""

    part = "people"
    kind: Literal["identify"] = "identify"
    speaker: Speaker
    name: Name


class Merge(EditBase):
    """Two speakers are one person: the words of `speaker_from` become those of `speaker_to`."""

    part = "people"
    kind: Literal["merge"] = "merge"
    speaker_from: Speaker
    speaker_to: Speaker


class _Stretch(EditBase):
    """A stretch of time, in seconds of the recording."""

    part = "words"
    start: Seconds
    end: Seconds

    @model_validator(mode="after")
    def _in_order(self) -> "_Stretch":
        if self.end < self.start:
            raise ValueError("a stretch can't end before it begins")
        return self


class Assign(_Stretch):
    """Give the words of a stretch to another speaker; `of` restricts it to the words of these speakers."""

    kind: Literal["assign"] = "assign"
    speaker: Speaker
    of: tuple[Speaker, ...] = ()


class Write(_Stretch):
    """Replace the words of a stretch; without `text` they are deleted, and without a stretch `text` is inserted.

    `was` is what the words were: they are looked for near their time, so that the edit survives another transcription.
    """

    kind: Literal["words"] = "words"
    speaker: Speaker | None = None
    was: Line | None = None
    text: Line

    @model_validator(mode="after")
    def _does_something(self) -> "Write":
        if self.end == self.start and not self.text.strip():
            raise ValueError("without a stretch of time there must be a text to insert")
        return self


class SetTitle(EditBase):
    """Set the title; null returns to the generated one."""

    part = "title"
    kind: Literal["title"] = "title"
    title: Heading | None


class SetSummary(EditBase):
    """Set the short summary (plain text), the long one (Markdown) or both; null returns to the generated one."""

    part = "summary"
    kind: Literal["summary"] = "summary"
    short_summary: Text | None = None
    long_summary: Text | None = None


class SetTopic(EditBase):
    """Set the title or the summary of the topic that begins at `at` seconds; null returns to the generated one."""

    part = "topics"
    kind: Literal["topic"] = "topic"
    at: Seconds
    title: Heading | None = None
    summary: Text | None = None


class SetActionItem(EditBase):
    """Change the next step whose generated text is `task`; a null text returns to the generated one."""

    part = "action_items"
    kind: Literal["action_item"] = "action_item"
    task: Text
    text: Annotated[Text, StringConstraints(min_length=1)] | None = None
    assigned_to: Line | None = None
    deadline: Line | None = None
    done: bool = False


class Review(EditBase):
    """Mark the transcript as reviewed, or as not reviewed."""

    part = "reviewed"
    kind: Literal["review"] = "review"
    reviewed: bool = True


class Remake(EditBase):
    """Request that the generated texts are made again from the names and words as they stand."""

    part = "request"
    kind: Literal["remake"] = "remake"


class Undo(EditBase):
    """Undo an earlier edit, which can be an undo itself."""

    part = "undo"
    kind: Literal["undo"] = "undo"
    number: Number


AnyEdit = (
    Rename
    | Identify
    | Merge
    | Assign
    | Write
    | SetTitle
    | SetSummary
    | SetTopic
    | SetActionItem
    | Review
    | Remake
    | Undo
)
Edit = Annotated[AnyEdit, Field(discriminator="kind")]


class Entry(Frozen):
    """An edit in the history of a recording: its number from 1, the time in epoch seconds, and who made it."""

    number: Number
    at: float
    who: str | None = None
    edit: Edit


def check_undo(edit: AnyEdit, number: int) -> None:
    """Raise InvalidInput if an edit that gets this number undoes one that doesn't exist."""
    if isinstance(edit, Undo) and edit.number >= number:
        raise InvalidInput(f"there is no edit {edit.number} to undo", hint=f"The last edit is {number - 1}.")


def standing(history: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return the edits that stand, in order: neither undone nor undos themselves."""
    undone: set[int] = set()
    found: list[Entry] = []
    for entry in reversed(history):
        if entry.number in undone:
            continue
        if isinstance(entry.edit, Undo):
            undone.add(entry.edit.number)
        else:
            found.append(entry)
    return tuple(reversed(found))


def of_kind(entries: Iterable[Entry], kind: type[E]) -> list[E]:
    """Return the edits of one kind, in order."""
    return [entry.edit for entry in entries if isinstance(entry.edit, kind)]
