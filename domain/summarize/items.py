"""Put decisions and next steps together from what a language's patterns find."""

import re
from collections.abc import Mapping, Sequence

from domain.names import of_speaker
from domain.results import Decision, NextStep
from domain.summarize.evidence import evidence
from domain.summarize.sameness import key, latest, unique
from domain.summarize.sentences import Utterance

Items = tuple[tuple[Decision, ...], tuple[NextStep, ...]]


def sentence(text: str) -> str:
    """Format a clause as a sentence: capitalized, without surrounding punctuation."""
    text = text.strip(" ,;:.-")
    return text[:1].upper() + text[1:]


def decision(what: str, name: str, one: Utterance, because: re.Pattern[str]) -> Decision:
    """Return the decision that somebody states in a sentence, with its reason behind `because`."""
    what, *why = because.split(what, maxsplit=1)
    return Decision(
        decision=sentence(what),
        rationale=sentence(" ".join(why)) or None,
        decided_by=name,
        timestamp=one.start,
        evidence=evidence(one.text, one.start, name),
    )


def distinct(
    decisions: Sequence[tuple[str | None, Decision]], steps: Sequence[NextStep], before: str = "before"
) -> Items:
    """Return each decision and step once, and the latest figures only.

    A decision comes with its owner, None if it is everybody's; `before` introduces the figures that were replaced.
    """
    stated = [one for _, one in unique(decisions, lambda pair: (pair[0], key(pair[1].decision)))]
    texts = latest([one.decision for one in stated], before)
    return (
        tuple(one.model_copy(update={"decision": text}) for one, text in zip(stated, texts, strict=True) if text),
        tuple(unique(steps, lambda one: (one.assigned_to, key(one.task), one.deadline, one.context))),
    )


def accepter(
    utterances: Sequence[Utterance], at: int, names: Mapping[int, str], accepted: re.Pattern[str]
) -> str | None:
    """Return the name of the person who accepts a request in the next sentence, None if nobody does."""
    answer = _answer(utterances, at)
    return of_speaker(answer.speaker, names) if answer and accepted.match(answer.text) else None


def refuses(utterances: Sequence[Utterance], at: int, refused: re.Pattern[str]) -> bool:
    """Return True if somebody else refuses, in the next sentence, what a sentence says."""
    answer = _answer(utterances, at)
    return bool(answer and refused.match(answer.text))


def _answer(utterances: Sequence[Utterance], at: int) -> Utterance | None:
    """Return the next sentence if somebody else says it."""
    following = utterances[at + 1] if at + 1 < len(utterances) else None
    return following if following and following.speaker != utterances[at].speaker else None
