"""Find decisions and next steps by a table of patterns: one table per language, in `german` and `spanish`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from domain.names import of_speaker
from domain.results import Decision, NextStep
from domain.summarize.choices import Choices, choice
from domain.summarize.deadlines import Deadlines, deadline
from domain.summarize.evidence import evidence
from domain.summarize.items import Items, accepter, decision, distinct, sentence
from domain.summarize.people import HONORIFIC, alternatives, called, fold
from domain.summarize.sentences import Utterance, tokens

Patterns = tuple[re.Pattern[str], ...]
ME = re.compile(r".*\b(?:ich|yo)\b", re.I)


class Wordings(NamedTuple):
    """How a language words decisions and next steps.

    `decided` finds a decision as `what`; before it, only `lead` may stand in its clause, and neither `supposed` nor
    `earlier`. `stated` begin a sentence that decides something without saying so, `passive` is denied by `unsettled`.
    `question` begins a question or an assumption.

    The patterns of tasks match the beginning of a clause, and give the `task`; `talk` says that there is none, and so
    does a `duty` under a condition: "if it is Monday, I have to move the other date". An `asked` question is a task
    only if somebody accepts it. `named` follows a name, `called` a name with a comma, or stands before one.
    A pattern with a group `due` needs a deadline. `before` introduces figures that were replaced.
    """

    opening: re.Pattern[str]
    question: re.Pattern[str]
    joint: re.Pattern[str]
    decided: Patterns
    lead: re.Pattern[str]
    supposed: re.Pattern[str]
    earlier: re.Pattern[str]
    stated: Patterns
    passive: re.Pattern[str]
    unsettled: re.Pattern[str]
    choices: Choices
    because: re.Pattern[str]
    promise: Patterns
    echo: re.Pattern[str]
    request: Patterns
    please: re.Pattern[str]
    asked: Patterns
    named: Patterns
    called: Patterns
    team: Patterns
    explicit: Patterns
    talk: re.Pattern[str]
    reported: re.Pattern[str]
    duty: re.Pattern[str]
    condition: re.Pattern[str]
    pointing: re.Pattern[str]
    accepted: re.Pattern[str]
    refused: re.Pattern[str]
    deadlines: Deadlines
    before: str


def _without_please(task: str, wordings: Wordings) -> str:
    """Return a task without "please" at its end."""
    return re.sub(rf",\s+(?:{wordings.please.pattern})$", "", task, flags=wordings.please.flags)


def pattern(text: str) -> re.Pattern[str]:
    """Compile a pattern of a language's table."""
    return re.compile(text, re.I | re.S)


class Clause(NamedTuple):
    """A clause with a task: its kind (a field of the wordings), the task as said, and who was named (folded)."""

    kind: str
    task: str
    form: str | None
    text: str


def action_items(utterances: Sequence[Utterance], names: Mapping[int, str], wordings: Wordings) -> Items:
    """Extract decisions and next steps from sentences of the wordings' language; `names` by speaker number."""
    decisions: list[tuple[str | None, Decision]] = []
    steps: list[NextStep] = []
    people = called(names.values())
    for at, one in enumerate(utterances):
        if what := decided(one.text, wordings) or choice(utterances, at, wordings.choices):
            decisions.append((None, decision(what, of_speaker(one.speaker, names), one, wordings.because)))
        else:
            _add_steps(steps, utterances, at, names, people, wordings)
    return distinct(decisions, steps, wordings.before)


def decided(text: str, wordings: Wordings) -> str | None:
    """Return the decision in a sentence: not a question, a supposition, or a decision made earlier or elsewhere."""
    bare = wordings.opening.sub("", text)
    if text.endswith("?") or wordings.question.match(bare):
        return None
    for found in (match for pattern in wordings.decided for match in pattern.finditer(bare)):
        before = wordings.joint.split(bare[: found.start()])[-1]
        denied = wordings.supposed.search(before) or wordings.earlier.search(before)
        if not denied and wordings.lead.fullmatch(before.split(",")[-1].strip()):
            return found["what"]
    if (found := wordings.passive.match(bare)) and len(tokens(found["what"])) >= 3:
        denied = wordings.unsettled.search(found["what"]) or wordings.earlier.search(found["what"])
        return None if denied else found["what"]
    found = next((match for pattern in wordings.stated if (match := pattern.match(bare))), None)
    return found["what"] if found and not wordings.talk.search(_main(found["what"], wordings)) else None


def _add_steps(
    steps: list[NextStep],
    utterances: Sequence[Utterance],
    at: int,
    names: Mapping[int, str],
    people: Mapping[str, tuple[str, ...]],
    wordings: Wordings,
) -> None:
    """Append the next steps of a sentence, or put the deadline that it names to the request that it accepts."""
    one = utterances[at]
    name = of_speaker(one.speaker, names)
    for clause in _clauses(one.text, tuple(people), wordings):
        due = deadline(clause.task, wordings.deadlines)
        if clause.kind == "echo" or wordings.echo.match(clause.text):
            if steps and steps[-1].assigned_to == name and not steps[-1].deadline:
                steps[-1] = steps[-1].model_copy(update={"deadline": due})
            continue
        who = name if clause.kind == "promise" else None
        if clause.kind in {"request", "asked"}:
            wanted, who = _asked(clause, utterances, at, names, people, wordings)
            if not wanted:
                continue
        elif clause.form:
            meant = people.get(clause.form, ())
            who = meant[0] if len(meant) == 1 else None
        answers = steps and at > 0 and steps[-1].assigned_to == name and steps[-1].timestamp == utterances[at - 1].start
        if answers and wordings.accepted.match(one.text) and _repeats(clause.task, steps[-1].task):
            continue
        context = one.text if wordings.condition.match(one.text) else None
        if context is None and at > 0 and wordings.pointing.search(clause.task):
            context = f"{of_speaker(utterances[at - 1].speaker, names)}: {utterances[at - 1].text}"
        steps.append(
            NextStep(
                task=sentence(_without_please(clause.task.strip(" ?!¿¡"), wordings)),
                assigned_to=who,
                deadline=due,
                context=context,
                timestamp=one.start,
                evidence=evidence(one.text, one.start, name),
            )
        )


def _asked(
    clause: Clause,
    utterances: Sequence[Utterance],
    at: int,
    names: Mapping[int, str],
    people: Mapping[str, tuple[str, ...]],
    wordings: Wordings,
) -> tuple[bool, str | None]:
    """Return whether a request stands, and who has to do it: the person it names, or else the one who accepts."""
    meant = people.get(clause.form or "", ())
    answered = accepter(utterances, at, names, wordings.accepted)
    if clause.kind == "asked":
        return answered is not None and (not meant or answered in meant), answered
    refused = accepter(utterances, at, names, wordings.refused)
    if refused and refused in meant:
        return False, None
    if len(meant) == 1:
        return True, meant[0]
    who = answered if not meant or answered in meant else None
    return bool(who or meant or wordings.please.search(clause.text)), who


def _repeats(task: str, before: str) -> bool:
    """Return True if a task has no word of content that the one before hasn't, whatever its ending."""
    return {word[:4] for word in tokens(task) if len(word) > 4} <= {word[:4] for word in tokens(before)}


def _clauses(text: str, forms: tuple[str, ...], wordings: Wordings) -> Iterable[Clause]:
    """Yield the clauses of a sentence that are tasks; speech models join sentences with commas."""
    joints = list(wordings.joint.finditer(text))
    starts = [0, *(found.end() for found in joints)]
    ends = [*(found.start() for found in joints), len(text)]

    def between(begin: int, end: int) -> Clause | None:
        return _clause(text[starts[begin] : ends[end]], forms, wordings)

    def begins_another(begin: int, at: int) -> bool:
        one, other = between(begin, at), between(at + 1, last)
        if not one or not other:
            return False
        # "Les llamo hoy y pregunto por el contrato" is one task.
        goes_on = one.kind == other.kind == "promise" and "," not in joints[at][0] and not ME.match(other.text)
        return not goes_on or None not in {deadline(each.task, wordings.deadlines) for each in (one, other)}

    last = len(joints)
    begin = 0
    while begin <= last:
        if not between(begin, begin) and not between(begin, last):
            begin += 1
            continue
        if begin and wordings.reported.search(text[: starts[begin]]):
            return
        end = next((at for at in range(begin, last) if begins_another(begin, at)), last)
        found = between(begin, end)
        conditional = wordings.condition.match(wordings.opening.sub("", text))
        if (
            found
            and not wordings.talk.search(_main(found.text, wordings))
            and not (conditional and wordings.duty.match(found.text))
        ):
            yield found
        begin = end + 1


@lru_cache(maxsize=16)
def _called(forms: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Compile the patterns of a name in front of a clause and at its end."""
    people = alternatives(forms)
    return (
        re.compile(rf"(?:(?:hey|hallo|hola|oye)[, ]\s*)?(?P<who>{people})(?P<comma>[,:.]?)\s+"),
        re.compile(rf",\s*(?P<who>{people})(?:,?\s+(?:bitte|por favor))?[.?!]*$"),
    )


def _main(text: str, wordings: Wordings) -> str:
    return wordings.joint.split(text)[0]


def _clause(text: str, forms: tuple[str, ...], wordings: Wordings) -> Clause | None:
    """Return the task that a clause begins with, or None."""
    text = wordings.opening.sub("", text)
    folded = fold(text)
    before, behind = _called(forms)
    first, last = before.match(folded), behind.search(folded)
    name = first or last
    form = re.sub(rf"^{HONORIFIC}", "", name["who"]) if name else None
    rest = text[first.end() :] if first else text[: last.start()] if last else text
    rest = wordings.opening.sub("", rest.lstrip("¿¡"))
    question = text.rstrip().endswith("?")
    kinds: list[tuple[str, Patterns]] = [("request", wordings.request)]
    if ((first and first["comma"]) or (last and not first)) and not question:
        kinds.append(("request", wordings.called))
    if first and not first["comma"] and not question:
        kinds.append(("named", wordings.named))
    if not name and not question:
        own = (("echo", (wordings.echo,)), ("promise", wordings.promise), ("explicit", wordings.explicit))
        kinds = [*own, ("team", wordings.team), *kinds]
    kinds.append(("asked", wordings.asked))
    for kind, patterns in kinds:
        for found in (match for pattern in patterns if (match := pattern.match(rest))):
            task = found["task"].strip(" ,;:.-")
            due = "due" not in found.groupdict() or deadline(task, wordings.deadlines)
            if due and (len(tokens(task)) >= 2 or kind == "echo"):
                return Clause(kind, task, form, rest)
    return None
