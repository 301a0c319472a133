"""Extract decisions and next steps by their wording: "we decided that ...", "I will ...", "Chloe, please ..."."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TypeVar

from domain.results import Decision, NextStep
from domain.summarize.deadlines import DEADLINE
from domain.summarize.english import ACTIONS, AMBIGUOUS, NOT_ACTIONS
from domain.summarize.sentences import Utterance, tokens

Item = TypeVar("Item")

KINDS = ("request", "promise", "assign", "team", "explicit")

IN_MEETING = re.compile(
    r"(?:share (?:my|the) screen|start (?:with|by|off|us off)|give (?:you |everyone )?(?:a|an|some)\b|"
    r"show (?:you|everyone)|hand (?:it )?over|turn it over|try (?:my best|not)|tell you|ask you (?:a|one|something)|"
    r"put (?:it|that) (?:this|that) way|move on|take (?:that|it) (?:as|from)|speak (?:to|about)|add that|run through|"
    r"repeat)\b",
    re.I,
)
ACCEPTED = re.compile(
    r"^(?:yes|yeah|yep|sure|of course|ok(?:ay)?|will do|no problem|absolutely|certainly|gladly|i will|i'll|i can|done|"
    r"alright|all right|happy to)\b",
    re.I,
)
# Openings without content: "Good, ...", "I agree, ...", "Then ...".
OPENING = re.compile(
    r"^(?:(?:good idea|good point|good|great|perfect|okay|ok|yes|yeah|no problem|no|well|so|then|and|but|now|also|"
    r"sure|of course|right|fine|alright|all right|wonderful|excellent|thanks|thank you|i agree|agreed|in that case|"
    r"absolutely)"
    r"(?:\s+(?:then|so|and|now))?[,.]?\s+)+",
    re.I,
)
BETWEEN = (
    r"(?:(?:also|then|just|now|definitely|gladly|personally|quickly|probably|go ahead and|try to|make sure to)\s+)*"
)

SETTLE = re.compile(
    r"^(?:let us|let's)\s+(?:decide|settle|fix|agree on)\b(?:\s+(?:on\s+)?(?:this|that|it))?(?:\s+(?:now|today|then))?"
    r"(?P<rest>.*)$",
    re.I | re.S,
)
DECIDED = [
    re.compile(pattern, re.I | re.S)
    for pattern in (
        r"\b(?:we|i)(?:'ve| have)?\s+(?:now\s+|all\s+)?(?:decide|decided|resolved|settled)\s+(?:that\s+(?P<what>.+)|"
        r"(?P<how>(?:to|on)\s+.+))",
        r"\bwe(?:'ve| have)?\s+(?:now\s+|all\s+)?(?:agree|agreed)\s+(?:that\s+(?P<what>.+)|(?P<how>(?:to|on)\s+.+))",
        r"\b(?:the|our|my)\s+(?:final\s+)?decision\s+(?:is|was)\s+(?:that\s+)?(?P<what>.+)",
        r"\b(?:it|that)(?:'s| is| was| has been)\s+(?:decided|agreed|settled)\s+that\s+(?P<what>.+)",
        r"^(?P<what>.+\s(?:is|are|was|were|has been|have been)\s+(?:decided|approved|agreed|settled)\b.*)",
        r"^(?P<what>we(?:'ll| will| are going to|'re going to)\s+(?:go (?:with|for|ahead)|stick with|stay with)\b.+)",
        r"^(?:let us|let's)\s+(?P<what>(?:go (?:with|for|ahead)|stick with|use)\b.+)",
        r"^(?P<what>if\b.+\b(?:agrees?|approves?|accepts?)\b.*,\s*(?:then\s+)?we\s+(?!can|could|would|should|might|may)\w+.+)",
    )
]
ECHO = re.compile(r"(?:do|handle|take care of|finish|get)\s+(?:that|this|it)\b(?!\s+(?:from|to|for|with)\b)", re.I)
CONDITION = re.compile(r"(?:if|when|once|as soon as|unless)\b", re.I)
# "Send it ...": the sentence before says what "it" is.
POINTING = re.compile(r"\w+\s+(?:\w+\s+)?(?:it|that|this|them|those)\b", re.I)
UNDECIDED = re.compile(
    r"\b(?:not|n't|never|cannot|yet to)\s+(?:\w+\s+)?(?:decide|decided|agree|agreed|settled?|approved)\b|"
    r"\bif we (?:decide|agree)|\bbefore we (?:decide|agree)|\bwhen we (?:decide|agree)",
    re.I,
)


def action_items(
    utterances: Sequence[Utterance], names: Mapping[int, str]
) -> tuple[tuple[Decision, ...], tuple[NextStep, ...]]:
    """Extract decisions and next steps from English sentences; `names` by speaker number."""
    decisions: list[Decision] = []
    steps: list[NextStep] = []
    deciding: int | None = None
    for at, one in enumerate(utterances):
        name = _name(one.speaker, names)
        decided, announced = _decisions(one.text)
        if not decided and deciding == one.speaker and not one.text.endswith("?"):
            decided = [OPENING.sub("", one.text)]
        deciding = one.speaker if announced else None
        decisions += [_decision(what, name, one.start) for what in decided if len(tokens(what)) >= 3]
        if decided:
            continue
        for step in _next_steps(utterances, at, name, names):
            # "I'll do that tomorrow" adds the deadline to the request before it.
            if steps and ECHO.match(step.task) and steps[-1].assigned_to == name and not steps[-1].deadline:
                steps[-1] = steps[-1].model_copy(update={"deadline": step.deadline})
            else:
                steps.append(step)
    return tuple(_unique(decisions, lambda d: d.decision)), tuple(_unique(steps, lambda s: f"{s.assigned_to} {s.task}"))


def decides(text: str) -> bool:
    """Return True if a sentence states a decision."""
    return bool(_decisions(text)[0])


def trimmed(text: str) -> str:
    """Remove the opening that refers to the sentence before ("Good, ...", "Then ...").

    A "no" stays, because it has content; of "let us decide this now, ..." only the decision stays.
    """
    bare = OPENING.sub("", text)
    settled = SETTLE.match(bare)
    bare = settled["rest"] if settled and _decisions(text)[0] else bare
    if re.match(r"no\b", text, re.I) or len(tokens(bare)) < 3:
        return text
    return bare.strip(" ,;:-")[:1].upper() + bare.strip(" ,;:-")[1:]


def sentence(text: str) -> str:
    """Format a clause as a sentence: capitalized, without surrounding punctuation."""
    text = text.strip(" ,;:.-")
    return text[:1].upper() + text[1:]


def _decisions(text: str) -> tuple[list[str], bool]:
    """Return the decisions in a sentence, and whether it announces one in the next sentence."""
    if text.endswith("?") or UNDECIDED.search(text):
        return [], False
    bare = OPENING.sub("", text)
    if settled := SETTLE.match(bare):
        rest = settled["rest"].strip(" ,;:.-")
        if re.match(r"(?:on|about|how|what|which|whether|if|when|who|where)\b", rest, re.I):
            return [], False
        return ([rest], False) if len(tokens(rest)) >= 3 else ([], True)
    for pattern in DECIDED:
        if found := pattern.search(bare):
            parts = found.groupdict()
            what, how = parts.get("what"), parts.get("how") or ""
            return [what or (how.removeprefix("to ") if how.startswith("to ") else bare)], False
    return [], False


def _decision(what: str, name: str, at: float) -> Decision:
    what, _, why = (part.strip() for part in re.sub(r",?\s+because\s+", "\n", what, count=1).partition("\n"))
    return Decision(decision=sentence(what), rationale=sentence(why) or None, decided_by=name, timestamp=at)


def _next_steps(utterances: Sequence[Utterance], at: int, name: str, names: Mapping[int, str]) -> Iterable[NextStep]:
    one, people = utterances[at], _people(tuple(names.values()))
    patterns = _patterns(tuple(people))
    bare = OPENING.sub("", one.text)
    for clause in _clauses(bare, patterns["cut"]):
        found = next(((kind, match) for kind in KINDS if (match := patterns[kind].match(clause))), None)
        if not found or not (task := _task(found[0], found[1], one.text)):
            continue
        called = next((value for key, value in found[1].groupdict().items() if key.startswith("who") and value), None)
        who = name if found[0] == "promise" else people[called.lower()] if called else None
        if found[0] == "request" and not called:
            who = _accepter(utterances, at, names)
            if who is None and "please" not in clause.lower():
                continue
        context = bare if clause != bare and CONDITION.match(bare) else None
        if context is None and at > 0 and POINTING.match(task):
            context = f"{_name(utterances[at - 1].speaker, names)}: {utterances[at - 1].text}"
        for part in _parts(task):
            due = DEADLINE.search(part)
            yield NextStep(
                task=sentence(part),
                assigned_to=who,
                deadline=" ".join(due[0].split()) if due else None,
                context=context,
                timestamp=one.start,
            )


def _parts(task: str) -> list[str]:
    """Split "send it tomorrow and collect the answers by Friday" in two, each with its own deadline."""
    for joint in re.finditer(r",?\s+and\s+(?:then\s+)?(?=(\w+))", task):
        first, second = task[: joint.start()], task[joint.end() :]
        if joint[1].lower() in ACTIONS and DEADLINE.search(first) and DEADLINE.search(second):
            return [first, *_parts(second)]
    return [task]


def _task(kind: str, found: re.Match[str], whole: str) -> str | None:
    """Return the task in a clause, or None if there is none."""
    task = found["task"].strip(" ,;:.?!-")
    verb = found["task"].split()[0].lower().strip(",.?!")
    due = bool(DEADLINE.search(task))
    modal = (found.groupdict().get("modal") or "").lower()
    if len(tokens(task)) < 2 or verb in NOT_ACTIONS or IN_MEETING.match(task):
        return None
    if kind == "team":
        firm = modal in {"need to", "have to", "must"} and verb not in AMBIGUOUS
        return task if verb in ACTIONS and (due or firm) and not whole.endswith("?") else None
    if kind == "assign" and whole.endswith("?"):
        return None
    certain = kind == "explicit" or (due and modal not in {"can", "have to", "need to"})
    return task if verb in ACTIONS or certain else None


def _accepter(utterances: Sequence[Utterance], at: int, names: Mapping[int, str]) -> str | None:
    """Return the name of the person who accepts a request that names nobody."""
    answer = utterances[at + 1] if at + 1 < len(utterances) else None
    if answer and answer.speaker != utterances[at].speaker and ACCEPTED.match(answer.text):
        return _name(answer.speaker, names)
    return None


def _name(speaker: int, names: Mapping[int, str]) -> str:
    return names.get(speaker) or f"Speaker {speaker + 1}"


def _clauses(text: str, cut: re.Pattern[str]) -> list[str]:
    """Split a sentence where the responsible person changes; speech models join sentences with commas."""
    parts: list[str] = []
    start = 0
    for found in cut.finditer(text):
        # "Chloe, please ..." is not split.
        if not re.fullmatch(r"\w+(?:\s\w+)?", text[start : found.start()].strip()):
            parts.append(text[start : found.start()])
            start = found.end()
    return [OPENING.sub("", part.strip()) for part in [*parts, text[start:]] if part.strip()]


@lru_cache(maxsize=16)
def _people(names: tuple[str, ...]) -> dict[str, str]:
    """Return participants by their full names and by unique first names, in lower case."""
    first = [name.split()[0].lower() for name in names if name]
    called = {name.split()[0].lower(): name for name in names if name and first.count(name.split()[0].lower()) == 1}
    return {**called, **{name.lower(): name for name in names if name}}


@lru_cache(maxsize=16)
def _patterns(called: tuple[str, ...]) -> dict[str, re.Pattern[str]]:
    """Compile the patterns for a meeting's people: where to split a sentence, and the kinds of next steps."""
    people = "|".join(re.escape(name) for name in sorted(called, key=len, reverse=True)) or r"(?!)"
    will = r"(?:'ll| will| shall|'m going to| am going to| promise to)"
    duty = r"(?:need to|have to|must)"
    you = r"(?:can|could|would|will)"
    end = rf"(?P<task>\w.+?)(?:,\s*(?P<who_last>{people}))?[.?!]*$"
    kinds = {
        "cut": r"(?:[,;:.]\s+|,?\s+(?:and|but|so)\s+)(?:then\s+)?"
        rf"(?=(?:I{will}|I {duty}|we(?:'ll| will| {duty})|please|{you} (?:you|{people})|"
        rf"(?:{people})(?:,| please| will|'ll| {you} you| should| has to| needs to))\b)",
        "request": rf"(?:(?P<who>{people})[,.]?\s+)?(?:and\s+)?"
        rf"(?:(?:{you} (?:you|(?P<who_asked>{people}))\s+)(?:please\s+)?|"
        rf"please,?\s+|(?:I(?:'d| would)?\s+(?:like|need|want|ask)\s+(?:you|(?P<who_wanted>{people}))\s+to\s+))"
        rf"{BETWEEN}{end}",
        "promise": rf"I(?:{will}|\s+(?P<modal>{duty}|can))\s+{BETWEEN}{end}",
        "assign": rf"(?P<who>{people})(?:'ll| will| is going to|,? you will| should| needs to| has to| must)\s+"
        rf"{BETWEEN}{end}",
        "team": rf"we(?:'ll|\s+(?P<modal>will|{duty}|should|are going to)|'re going to)\s+{BETWEEN}{end}",
        "explicit": rf"(?:the\s+)?(?:next step|action item|to[- ]do)(?:\s+for\s+(?P<who>{people}))?(?:\s+is|:)\s+"
        rf"(?:to\s+)?{end}",
    }
    return {kind: re.compile(pattern, re.I | re.S) for kind, pattern in kinds.items()}


def _unique(items: Iterable[Item], text: Callable[[Item], str]) -> Iterable[Item]:
    """Yield the items, except those nearly identical to an earlier one."""
    seen: list[set[str]] = []
    for item in items:
        words = set(tokens(text(item)))
        if not any(len(words & other) >= 0.8 * len(words | other) for other in seen):
            seen.append(words)
            yield item
