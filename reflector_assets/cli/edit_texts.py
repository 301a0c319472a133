"""Edits of topics and next steps, which options of `reflector edit` name by their place: the first is 1."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from domain.errors import InvalidInput, NotFound
from reflector_assets.cli.imports import on_first_use

with on_first_use():
    from domain.corrections import edits

if TYPE_CHECKING:
    from domain.corrections.edits import AnyEdit
    from domain.results import NextStep, Transcript
    from resources.results.corrected import CorrectedResults

T = TypeVar("T")
# The options by the field that they change.
OPTIONS = {
    **{"title": "topic", "summary": "topic-summary"},
    **{"text": "item", "assigned_to": "owner", "deadline": "deadline"},
}


class NumberedTexts:
    """The topics and next steps of a recording's transcript as they are now, read when needed."""

    def __init__(self, results: "CorrectedResults") -> None:
        self._results = results

    @cached_property
    def _found(self) -> "Transcript":
        if (found := self._results.transcript) is None:
            raise NotFound("it has no transcript yet", recording=self._results.results.id)
        return found

    def topic(self, given: str, field: str) -> "AnyEdit":
        """Return the edit for `NUMBER=TEXT`, where no text returns to the generated one; raises InvalidInput."""
        number, text = _numbered(given, f"--{OPTIONS[field]} NUMBER=TEXT")
        topic = _chosen(self._found.topics, number, "topic")
        return edits.SetTopic.model_validate({"at": topic.timestamp, field: text or None})

    def next_step(self, given: str, field: str) -> "AnyEdit":
        """Return the edit for `NUMBER=TEXT`, where no text returns to the generated one or clears it."""
        number, text = _numbered(given, f"--{OPTIONS[field]} NUMBER=TEXT")
        return self._change(number, field, text or None)

    def done(self, number: int, done: bool) -> "AnyEdit":
        """Return the edit that marks a next step as done or not; raises InvalidInput."""
        return self._change(number, "done", done)

    def _change(self, number: int, field: str, value: str | bool | None) -> "AnyEdit":
        step: NextStep = _chosen(self._found.action_items.next_steps, number, "next step")
        task = step.task if step.generated_task is None else step.generated_task
        return edits.SetActionItem.model_validate({"task": task, field: value})


def pair(given: str, form: str) -> tuple[str, str]:
    """Return what is before and after the first `=`; raises InvalidInput, which shows the form."""
    first, equals, second = given.partition("=")
    if not (equals and first):
        raise InvalidInput(f"{given!r} can't be understood", hint=f"Give {form}.")
    return first.strip(), second.strip()


def _numbered(given: str, form: str) -> tuple[int, str]:
    number, text = pair(given, form)
    if not number.isdecimal():
        raise InvalidInput(f"{given!r} can't be understood", hint=f"Give {form}.")
    return int(number), text


def _chosen(found: Sequence[T], number: int, what: str) -> T:
    if not 1 <= number <= len(found):
        raise InvalidInput(f"there is no {what} {number}", hint=f"The transcript has {len(found)} of them.")
    return found[number - 1]
