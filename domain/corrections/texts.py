"""Corrections of generated texts: title, summary, topics and action items."""

from collections.abc import Iterable, Sequence

from domain.corrections.edits import EditBase, Entry, SetActionItem, SetSummary, SetTitle, SetTopic, of_kind
from domain.corrections.gathered import Corrections
from domain.results import ActionItems, NextStep, Summary, Title, Topic, Topics

# The method of a text that a person wrote.
BY_HAND = "by hand"
# A topic can begin this many seconds earlier or later after another transcription.
NEAR_S = 60.0


def written_title(entries: Iterable[Entry]) -> Title | None:
    """Return the title that a person wrote, if one stands."""
    edits = of_kind(entries, SetTitle)
    return Title(title=edits[-1].title, method=BY_HAND) if edits and edits[-1].title else None


def written_summary(entries: Iterable[Entry]) -> Summary | None:
    """Return the summary of which a person wrote both parts, if they stand."""
    written = _written(of_kind(entries, SetSummary), ("short_summary", "long_summary"))
    return Summary.model_validate({**written, "method": BY_HAND}) if len(written) == 2 else None


def summary(generated: Summary, entries: Iterable[Entry]) -> Summary:
    """Return the summary with the parts that a person wrote."""
    return generated.model_copy(update=_written(of_kind(entries, SetSummary), ("short_summary", "long_summary")))


def topics(generated: Topics, entries: Sequence[Entry]) -> tuple[Topics, list[str]]:
    """Return the topics with what a person wrote, and which edits fit no topic any more.

    A topic's edits are those for whose time no other topic begins nearer.
    """
    edits: dict[str, list[SetTopic]] = {}
    conflicts: list[str] = []
    for entry in entries:
        if isinstance(entry.edit, SetTopic):
            at = entry.edit.at
            nearest = min(generated.root, key=lambda topic: abs(topic.timestamp - at), default=None)
            if nearest is None or abs(nearest.timestamp - at) > NEAR_S:
                conflicts.append(f"Correction {entry.number} (topic at {at:.1f} s) fits no topic any more.")
            else:
                edits.setdefault(nearest.id, []).append(entry.edit)
    return Topics(tuple(_topic(one, edits.get(one.id, [])) for one in generated.root)), conflicts


def generated_topics(corrected: Topics) -> Topics:
    """Return the topics as they were generated."""
    return Topics(
        tuple(
            one.model_copy(
                update={
                    "title": one.title if one.generated_title is None else one.generated_title,
                    "summary": one.summary if one.generated_summary is None else one.generated_summary,
                    "generated_title": None,
                    "generated_summary": None,
                }
            )
            for one in corrected.root
        )
    )


def action_items(generated: ActionItems, entries: Iterable[Entry]) -> tuple[ActionItems, list[str]]:
    """Return the action items with what a person wrote, and which edits fit no item any more."""
    steps = {step.task: step for step in generated.next_steps}
    edits: dict[str, list[SetActionItem]] = {}
    conflicts: list[str] = []
    for entry in entries:
        if isinstance(entry.edit, SetActionItem):
            if entry.edit.task in steps:
                edits.setdefault(entry.edit.task, []).append(entry.edit)
            else:
                conflicts.append(
                    f"Correction {entry.number} (action item {entry.edit.task[:60]!r}) fits none any more."
                )
    changed = tuple(_next_step(one, edits.get(one.task, [])) for one in generated.next_steps)
    return generated.model_copy(update={"next_steps": changed}), conflicts


def generated_items(corrected: ActionItems) -> ActionItems:
    """Return the action items as they were generated."""
    return corrected.model_copy(update={"next_steps": tuple(_generated_step(one) for one in corrected.next_steps)})


def by_hand(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Return which of the title, the short and the long summary a person wrote, by their names in the transcript."""
    titles, summaries = of_kind(entries, SetTitle), of_kind(entries, SetSummary)
    return (*_written(titles, ["title"]), *_written(summaries, ["short_summary", "long_summary"]))


def older_parts(corrections: Corrections) -> tuple[str, ...]:
    """Return which parts were generated from names or words that were corrected since."""
    if not corrections.texts_are_older:
        return ()
    title, summary = written_title(corrections.of("title")), written_summary(corrections.of("summary"))
    written = {"title": title, "summary": summary}
    return tuple(part for part in ("topics", "title", "summary", "action_items") if not written.get(part))


def _topic(generated: Topic, edits: Sequence[SetTopic]) -> Topic:
    written = _written(edits, ("title", "summary"))
    originals = {f"generated_{name}": getattr(generated, name) for name in written}
    return generated.model_copy(update={**written, **originals})


def _next_step(generated: NextStep, edits: Sequence[SetActionItem]) -> NextStep:
    given = {
        name: getattr(edit, name)
        for edit in edits
        for name in ("text", "assigned_to", "deadline", "done")
        if name in edit.model_fields_set
    }
    text = given.pop("text", None)
    if text is not None:
        given["task"] = text
    for name in ("task", "assigned_to", "deadline"):
        original = getattr(generated, name)
        if name in given and (given[name] or None) != (original or None):
            given[f"generated_{name}"] = original or ""
    return generated.model_copy(update=given)


def _generated_step(corrected: NextStep) -> NextStep:
    task, who, when = corrected.generated_task, corrected.generated_assigned_to, corrected.generated_deadline
    return corrected.model_copy(
        update={
            "task": corrected.task if task is None else task,
            "assigned_to": corrected.assigned_to if who is None else who or None,
            "deadline": corrected.deadline if when is None else when or None,
            "done": False,
            "generated_task": None,
            "generated_assigned_to": None,
            "generated_deadline": None,
        }
    )


def _written(edits: Sequence[EditBase], names: Iterable[str]) -> dict[str, str]:
    """Return the fields that a person wrote."""
    return {name: text for name in names if (text := _last(edits, name)) is not None}


def _last(edits: Sequence[EditBase], name: str) -> str | None:
    """Return the last value that was given for a field; None for none, or for the generated one."""
    return next((getattr(edit, name) for edit in reversed(edits) if name in edit.model_fields_set), None)
