"""Extract decisions and next steps by their wording: "we decided that ...", "I will ...", "Chloe, please ..."."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from domain.names import of_speaker
from domain.results import Decision, NextStep
from domain.summarize.choices import choice
from domain.summarize.deadlines import deadline
from domain.summarize.decisions import OPENING, plain, proposal
from domain.summarize.decisions import decisions as stated
from domain.summarize.english import ACTIONS, AMBIGUOUS, DURING, NOT_ACTIONS, NOUNS
from domain.summarize.english_choices import CHOICES
from domain.summarize.evidence import evidence
from domain.summarize.items import accepter, decision, distinct, sentence
from domain.summarize.people import HONORIFIC, alternatives, called, fold
from domain.summarize.sentences import Utterance

KINDS = ("request", "promise", "assign", "team", "explicit", "order")

IN_MEETING = re.compile(
    r"(?:share (?:my|the) screen|start (?:with|by|off|us off)|give (?:you |everyone )?(?:a|an|some)\b|"
    r"show (?:you|everyone)|hand (?:it )?over|turn it over|try (?:my best|not)|tell you|ask you (?:a|one|something)|"
    r"put (?:it|that) (?:this|that) way|move on|take (?:that|it) (?:as|from)|speak (?:to|about)|add that|run through|"
    r"repeat)\b",
    re.I,
)
ACCEPTED = re.compile(
    r"^(?:yes|yeah|yep|sure|of course|ok(?:ay)?|will do|no problem|absolutely|certainly|gladly|i will|i'll|i can|done|"
    r"agreed|alright|all right|happy to)\b",
    re.I,
)
REFUSED = re.compile(
    r"^(?:no(?:pe)?[,.]|no,? i\b|sorry[,.]|i (?:can't|cannot|won't|don't)\b|unfortunately|i'm afraid)", re.I
)
BECAUSE = re.compile(r",?\s+because\s+", re.I)
BETWEEN = (
    r"(?:(?:also|then|just|now|definitely|gladly|personally|quickly|probably|maybe|perhaps|possibly|please|kindly|"
    r"go ahead and|try to|make sure to)\s+)*"
)

ECHO = re.compile(r"(?:do|handle|take care of|finish|get)\s+(?:that|this|it)\b(?!\s+(?:from|to|for|with)\b)", re.I)
# "I'll do the posters"; other verbs of tasks are in `ACTIONS`.
DOING = re.compile(
    r"do\s+(?:the|an?|both|all|those|these|your|our)\s+(?!same|best|trick|job|honou?rs|talking|opposite)", re.I
)
OBJECT = re.compile(
    r"\w+\s+(?:the|an?|this|that|these|those|my|your|our|his|her|their|all|both|some|it|them|him|us|me|every\w*|each)\b",
    re.I,
)
TO_US = re.compile(
    r"\b(?:us|yourself|yourselves)\b|\byour (?:screen|question|point|turn|microphone|camera|name)\b", re.I
)
# "If it is Monday, I have to move the other date."
DUTY = re.compile(r"I\s+(?:have to|need to|must)\b", re.I)
CONDITION = re.compile(r"(?:if|when|once|as soon as|unless)\b", re.I)
# "Send it ...": the sentence before says what "it" is.
POINTING = re.compile(r"\w+\s+(?:\w+\s+)?(?:it|that|this|them|those)\b", re.I)


def action_items(
    utterances: Sequence[Utterance], names: Mapping[int, str]
) -> tuple[tuple[Decision, ...], tuple[NextStep, ...]]:
    """Extract decisions and next steps from English sentences; `names` by speaker number."""
    owned: list[tuple[str | None, Decision]] = []
    steps: list[NextStep] = []
    deciding: int | None = None
    people = called(names.values())
    utterances = [one._replace(text=unicodedata.normalize("NFC", plain(one.text))) for one in utterances]
    for at, one in enumerate(utterances):
        name = of_speaker(one.speaker, names)
        decided, announced = stated(one.text)
        if not decided and deciding == one.speaker and not one.text.endswith("?"):
            decided = [OPENING.sub("", one.text)]
        if (proposed := proposal(one.text)) and accepter(utterances, at, names, ACCEPTED):
            decided = [proposed]
        deciding = one.speaker if announced else None
        chosen = None if decided else choice(utterances, at, CHOICES)
        # "I decided to ..." of two people are two decisions, "we decided to ..." is one.
        owner = name if re.search(r"\b(?:I|my|me)\b", one.text) else None
        owned += [
            (owner, decision(what, name, one, BECAUSE))
            for what in decided
            if len(what.split()) >= 3 or re.search(r"\d", what)
        ]
        if chosen:
            owned.append((None, decision(chosen, name, one, BECAUSE)))
        if decided or chosen:
            continue
        for step in _next_steps(utterances, at, names, people):
            # "I'll do that tomorrow" adds the deadline to the request before it.
            if (
                steps
                and steps[-1].assigned_to == name
                and not steps[-1].deadline
                and _echoes(step, steps[-1], one.text)
            ):
                steps[-1] = steps[-1].model_copy(update={"deadline": step.deadline})
            else:
                steps.append(step)
    return distinct(owned, steps)


def _echoes(step: NextStep, before: NextStep, text: str) -> bool:
    """Return True if a step accepts the one before: "I'll do that"; "Yes, I'll write one" if asked to write a draft."""
    verb = re.escape(before.task.split()[0])
    again = ACCEPTED.match(text) and re.match(rf"{verb}\s+(?:one|it|them|those)\b", step.task, re.I)
    return bool(again or ECHO.match(step.task))


def _next_steps(
    utterances: Sequence[Utterance], at: int, names: Mapping[int, str], people: Mapping[str, tuple[str, ...]]
) -> Iterable[NextStep]:
    one = utterances[at]
    name = of_speaker(one.speaker, names)
    patterns = _patterns(tuple(people), tuple(form for form, who in people.items() if len(who) == 1))
    bare = OPENING.sub("", one.text)
    for clause in _clauses(bare, patterns):
        found = next(((kind, match) for kind in KINDS if (match := patterns[kind].match(fold(clause)))), None)
        if not found or not (task := _task(found[0], found[1], clause, one.text)):
            continue
        form = next((value for group, value in found[1].groupdict().items() if group.startswith("who") and value), None)
        meant = people.get(re.sub(rf"^{HONORIFIC}", "", form), ()) if form else ()
        who = name if found[0] == "promise" else meant[0] if len(meant) == 1 else None
        if found[0] == "promise" and DUTY.match(clause) and CONDITION.match(bare):
            continue
        answered = accepter(utterances, at, names, ACCEPTED)
        # "Jim, you'll write it, right?"
        if found[0] == "assign" and one.text.endswith("?") and (answered is None or answered != who):
            continue
        refused = accepter(utterances, at, names, REFUSED)
        asked = found[0] in {"request", "order"}
        if asked and refused and refused in meant:
            continue
        if asked and who is None:
            who = answered if not meant or answered in meant else None
            if (
                found[0] == "request"
                and who is None
                and not meant
                and not re.search(r"\b(?:please|kindly)\b", clause, re.I)
            ):
                continue
        context = bare if clause != bare and CONDITION.match(bare) else None
        if context is None and at > 0 and POINTING.match(task):
            context = f"{of_speaker(utterances[at - 1].speaker, names)}: {utterances[at - 1].text}"
        for part in _parts(task):
            yield NextStep(
                task=sentence(part),
                assigned_to=who,
                deadline=deadline(part),
                context=context,
                timestamp=one.start,
                evidence=evidence(one.text, one.start, name),
            )


def _parts(task: str) -> list[str]:
    """Split "send it tomorrow and collect the answers by Friday" in two, each with its own deadline."""
    for joint in re.finditer(r",?\s+and\s+(?:then\s+)?(?=(\w+))", task):
        first, second = task[: joint.start()], task[joint.end() :]
        if joint[1].lower() in ACTIONS and deadline(first) and deadline(second):
            return [first, *_parts(second)]
    return [task]


def _task(kind: str, found: re.Match[str], clause: str, whole: str) -> str | None:
    """Return the task in a clause, whose folded text `found` matches, or None if there is none."""
    said = clause[found.start("task") : found.end("task")]
    task = said.strip(" ,;:.?!-")
    verb = said.split()[0].lower().strip(",.?!")
    due = deadline(task) is not None
    modal = (found.groupdict().get("modal") or "").lower()
    if len(task.split()) < 2 or verb in NOT_ACTIONS or IN_MEETING.match(task):
        return None
    if kind == "team":
        firm = modal in {"need to", "have to", "must"} and verb not in AMBIGUOUS
        return task if verb in ACTIONS and (due or firm) and not whole.endswith("?") else None
    if kind == "order":
        return task if verb in ACTIONS and _is_order(found, verb, task, due=due) and not whole.endswith("?") else None
    certain = kind == "explicit" or (due and modal not in {"can", "have to", "need to"})
    return task if verb in ACTIONS or certain or DOING.match(task) else None


def _is_order(found: re.Match[str], verb: str, task: str, *, due: bool) -> bool:
    """Return True if a clause that begins with a verb is an order: "Ben, fix it by Friday", "Fix the door today"."""
    if any(value for group, value in found.groupdict().items() if group.startswith("who")):
        return (due or verb not in DURING) and not TO_US.search(task)
    return due and (verb not in NOUNS or OBJECT.match(task) is not None)


def _clauses(text: str, patterns: Mapping[str, re.Pattern[str]]) -> list[str]:
    """Split a sentence where the responsible person changes; speech models join sentences with commas."""
    parts: list[str] = []
    start = 0
    folded = fold(text)
    for found in patterns["cut"].finditer(folded):
        # "Chloe, please ..." is not split.
        if not patterns["called"].fullmatch(folded[start : found.start()].strip()):
            parts.append(text[start : found.start()])
            start = found.end()
    return [OPENING.sub("", part.strip()) for part in [*parts, text[start:]] if part.strip()]


@lru_cache(maxsize=16)
def _patterns(forms: tuple[str, ...], unique_forms: tuple[str, ...]) -> dict[str, re.Pattern[str]]:
    """Compile the patterns for a meeting's people: where to split a sentence, and the kinds of next steps."""
    people, known = alternatives(forms), alternatives(unique_forms)
    will = r"(?:'ll| will| shall|'m going to|'m gonna| am going to| promise to)"
    duty = r"(?:need to|have to|must)"
    you = r"(?:can|could|would|will)"
    end = rf"(?P<task>\w.+?)(?:,?\s+please)?(?:,\s*(?P<who_last>{people}))?(?:,?\s+please)?[.?!]*$"
    kinds = {
        "called": rf"(?:\w+,?\s+)?{people}|\w+(?:\s\w+)?",
        "cut": r"(?<!\bdr)(?<!\bm[rs])(?<!\bmrs)(?<!\bprof)(?:[,;:.]\s+|,?\s+(?:and|but|so)\s+)(?:then\s+)?"
        rf"(?=(?:I{will}|I {duty}|we(?:'ll| will| {duty})|please|{you} (?:you|{people})|"
        rf"(?:{people})(?:,| please| will|'ll| {you} you| should| has to| needs to))\b)",
        "request": rf"(?:(?:hey|hi|hello|please|thanks|thank you),?\s+)?(?:(?P<who>{people})[,.]?\s+)?(?:and\s+)?"
        rf"(?:(?:please,?\s+)?(?:{you} (?:you|(?P<who_asked>{people})),?\s+)(?:please,?\s+|mind\s+)?"
        rf"(?:(?P<who_amid>{people}),\s+)?|"
        rf"please,?\s+(?:kindly\s+)?(?:(?P<who_pleased>{people}),\s+)?|"
        rf"(?:I(?:'d| would)?\s+(?:like|need|want|ask)\s+(?:you|(?P<who_wanted>{people}))\s+to\s+))"
        rf"{BETWEEN}{end}",
        "promise": rf"I(?:{will}|\s+(?P<modal>{duty}|can))\s+{BETWEEN}{end}",
        "assign": rf"(?P<who>{known})(?:'ll| will| is going to|,? you(?:'ll| will)| should| needs to| has to| must)\s+"
        rf"{BETWEEN}(?P<task>\w.+?)(?:,\s*(?:right|okay|ok|yes))?[.?!]*$",
        "team": rf"we(?:'ll|\s+(?P<modal>will|{duty}|should|are going to)|'re going to)\s+{BETWEEN}{end}",
        "explicit": rf"(?:the\s+)?(?:next step|action item|to[- ]do)(?:\s+for\s+(?P<who>{people}))?(?:\s+is|:)\s+"
        rf"(?:to\s+)?{end}",
        "order": rf"(?:(?:hey|hi|hello|thanks|thank you),?\s+)?(?:(?P<who>{people}),\s+)?{BETWEEN}{end}",
    }
    return {kind: re.compile(pattern, re.I | re.S) for kind, pattern in kinds.items()}
