"""Deadlines in speech, and those of English: "before Wednesday", "in two weeks"."""

import re
from typing import NamedTuple

DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
MONTH = r"(?:january|february|march|april|may|june|july|august|september|october|november|december)"
ORDINAL = (
    r"(?:\d{1,2}(?:st|nd|rd|th)?|(?:(?:twenty|thirty)[ -])?"
    r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|"
    r"tenth|eleventh|twelfth|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|"
    r"thirtieth)"
)
NUMBER = r"(?:\d+|an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|a few|a couple of)"
DATE = rf"(?:(?:the\s+)?{ORDINAL}\s+(?:of\s+)?{MONTH}|{MONTH}\s+(?:the\s+)?{ORDINAL})"
PART = r"(?:morning|noon|afternoon|evening|night)"
PERIOD = rf"(?:day|week|month|quarter|year|sprint|{PART}|{DAY})"
PREPOSITION = r"(?:no later than|not later than|before|by|until|till|on|from|at|after|starting|due)"
DEADLINE = re.compile(
    rf"\b(?:{PREPOSITION}\s+(?:the\s+)?)?(?:(?:end|beginning|start|middle)\s+of\s+(?:the\s+|this\s+|next\s+)?"
    rf"(?:{PERIOD}|{MONTH}|business)|(?:this|next)\s+{PERIOD}|"
    rf"(?:for\s+)?(?:the\s+)?(?:{ORDINAL}|last)\s+week\s+of\s+{MONTH}|"
    rf"{DAY}(?:\s+{PART})?(?:,?\s+{DATE})?|{DATE}|(?:tomorrow|today)(?:\s+{PART})?|tonight|end of day|eod)\b"
    rf"|\b{PREPOSITION}\s+(?:{MONTH}|noon|midnight|lunch|\d{{1,2}}(?::\d\d|\s*[ap]\.?m\b|\s*o'clock))"
    rf"|\b(?:in|within)\s+(?:the\s+next\s+)?{NUMBER}\s+(?:hours?|days?|weeks?|months?)\b"
    r"|\b(?:(?:this|next)|(?:over|on|at|before|by|until|after)\s+(?:the|this|next))\s+weekend\b"
    r"|\b(?:right\s+)?after\s+(?:this|the\s+(?:meeting|call|break))(?=[.!,]|$)"
    rf"|\b(?:before|by|until|till)\s+the\s+{ORDINAL}(?!\s+(?:\w+\s+)?\w)"
    r"|\bas soon as possible\b|\basap\b",
    re.I,
)
# "not by Friday", "I can't do it by Friday", but not "the file that isn't signed by Friday".
NEGATION = re.compile(
    r"\b(?:not(?!\s+only\b)|never|no|nobody|cannot|unable|impossible|unlikely|rather than|instead of|except|unlike)\b|"
    r"n't\b",
    re.I,
)
RELATIVE = re.compile(r"\b(?:that|which|who|whose|why|where|how|what|whether|because|since)\b", re.I)


class Deadlines(NamedTuple):
    """A language's deadlines, its negations, words that begin a relative clause, and conjunctions of main clauses.

    A main clause that begins with `state` says how somebody is: "they are here on Monday".
    """

    due: re.Pattern[str]
    negation: re.Pattern[str]
    relative: re.Pattern[str]
    joint: re.Pattern[str]
    state: re.Pattern[str]


STATE = re.compile(
    r"(?:I|we|you|they|he|she|there)(?:'m|'re|'s|'ve|\s+(?:am|is|are|was|were|have|has|had))\b(?!\s+(?:to|it)\b)", re.I
)
ENGLISH = Deadlines(DEADLINE, NEGATION, RELATIVE, re.compile(r"[,;:.]\s+|\b(?:but|and|so)\s+"), STATE)


def deadline(task: str, language: Deadlines = ENGLISH) -> str | None:
    """Return the first deadline of a task that isn't negated, nor in a clause about somebody's state, as said."""
    for due in language.due.finditer(task):
        clause = language.joint.split(task[: due.start()])[-1]
        denied = language.negation.search(clause)
        if clause != task[: due.start()] and language.state.match(clause):
            continue
        if not denied or language.relative.search(clause[: denied.start()]):
            return " ".join(due[0].split())
    return None
