"""Edits of topics and next steps, which options of `reflector edit` name by their place: the first is 1."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from domain.errors import InvalidInput
from reflector_assets.cli.imports import on_first_use

with on_first_use():
    from domain import recording, results
    from domain.corrections import edits
    from reflector_assets import wiring

if TYPE_CHECKING:
    from domain.corrections.edits import AnyEdit
    from domain.results import NextStep

T = TypeVar("T")


class NumberedTexts:
    """The topics and next steps of a recording's transcript as they are now, read when needed."""

    def __init__(self, recording_id: str) -> None:
        self._key = f"{recording.folder(recording_id)}/transcript.json"

    @cached_property
    def _found(self) -> "results.Transcript":
        return results.Transcript.model_validate_json(wiring.store().read(self._key))

    def topic(self, given: str, field: str) -> "AnyEdit":
        """Return the edit for `NUMBER=TEXT`, where no text returns to the generated one; raises InvalidInput."""
        number, text = _pair(given, "topic")
        topic = _chosen(self._found.topics, number, "topic")
        return edits.SetTopic.model_validate({"at": topic.timestamp, field: text or None})

    def next_step(self, given: str, field: str) -> "AnyEdit":
        """Return the edit for `NUMBER=TEXT`, where no text returns to the generated one or clears it."""
        number, text = _pair(given, "next step")
        return self._change(number, field, text or None)

    def done(self, number: int, done: bool) -> "AnyEdit":
        """Return the edit that marks a next step as done or not; raises InvalidInput."""
        return self._change(number, "done", done)

    def _change(self, number: int, field: str, value: str | bool | None) -> "AnyEdit":
        step: NextStep = _chosen(self._found.action_items.next_steps, number, "next step")
        task = step.task if step.generated_task is None else step.generated_task
        return edits.SetActionItem.model_validate({"task": task, field: value})


def _pair(given: str, what: str) -> tuple[int, str]:
    number, equals, text = given.partition("=")
    if not (equals and number.strip().isdecimal()):
        raise InvalidInput(f"{given!r} can't be understood", hint=f"Give the number of a {what}, = and a text.")
    return int(number), text.strip()


def _chosen(found: Sequence[T], number: int, what: str) -> T:
    if not 1 <= number <= len(found):
        raise InvalidInput(f"there is no {what} {number}", hint=f"The transcript has {len(found)} of them.")
    return found[number - 1]
