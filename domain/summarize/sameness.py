"""Recognize that two statements are the same, or that the second gives a new figure for the same thing."""

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

from domain.text.letters import WORD

Item = TypeVar("Item")

TOKEN = re.compile(rf"\d+(?:[.,:]\d+)*|{WORD}(?:'{WORD})*|[%€$£]")
# Words that don't distinguish statements.
EMPTY = frozenset(
    [
        "a",
        "an",
        "the",
        "also",
        "then",
        "now",
        "just",
        "really",
        "please",
        "so",
        "well",
        "okay",
        "dann",
        "entonces",
        "pues",
    ]
)
# Numbers in words of English, German ("dreitausend") and Spanish.
IN_WORDS = (
    r"(?:(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|sixty|"
    r"seventy|eighty|ninety|hundred|thousand|million)(?:[\s-]|\sand\s))+|"
    r"(?:zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|\w+zehn|\w+zig|\w+ßig|\w*hundert\w*|\w*tausend\w*)\s|"
    r"(?:(?:dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|quince|veinte|treinta|cuarenta|cincuenta|cien|"
    r"\w*cient[oa]s|quinient[oa]s|mil)\s)+"
)
UNITS = (
    r"(?:percent|euros?|dollars?|pounds?|francs?|cents?|crowns?|kron(?:e|er|or|en)|yen|yuan|rupees|pesos|rubles|zloty|liras?|"
    r"franken|rubel|rupien|libras|francos|coronas|rupias)(?:\s\d\d\b)?|"
    r"(?:giga|mega|tera)bytes?|[gmt]b|(?:kilo|centi)?met(?:er|re)s?|km|miles|lit(?:er|re)s?|tons|tonn(?:es|en)|degrees|points|"
    r"grad|punkte|(?:kil[óo]|cent[íi])?metros|litros|toneladas|grados|puntos|people|persons|hours?|days?|weeks?|months?|years?|minutes?|kilos?|"
    r"pieces|units|prozent|leute|personen|stunden?|tage?n?|wochen?|monaten?|jahren?|minuten?|stück|"
    r"dólares|personas|horas?|días?|semanas?|meses|mes|años?|minutos?"
)
# A figure has a unit; other numbers are names ("ticket 4711").
FIGURE = re.compile(
    r"[€$£]\s?\d+(?:[.,]\d+)*(?:\s(?:million|billion|thousand)\b)?|"
    r"\b\d+(?:[.,]\d+)*\s?(?:%|€|(?:(?:hundred|thousand|million|billion)\s)?(?:por\s+ciento|"
    rf"{UNITS})\b)|\b(?:{IN_WORDS})(?:{UNITS})\b",
    re.I,
)


def key(text: str) -> tuple[str, ...]:
    """Return the words and numbers of a statement in order, without those that don't distinguish statements."""
    return tuple(token for token in TOKEN.findall(text.lower().replace("’", "'")) if token not in EMPTY)


def unique(items: Iterable[Item], identity: Callable[[Item], Hashable]) -> list[Item]:
    """Return the items, except those with the identity of an earlier one."""
    found: dict[Hashable, Item] = {}
    for item in items:
        found.setdefault(identity(item), item)
    return list(found.values())


def latest(texts: Sequence[str], before: str = "before") -> list[str | None]:
    """Return each text, None in place of one whose figures a later text replaces; the later one says so.

    `before` introduces the figures that were replaced.
    """
    last: dict[tuple[str, ...], int] = {}
    found: list[str | None] = list(texts)
    for at, text in enumerate(texts):
        figures = FIGURE.findall(text)
        # Other languages change the order of words: "wir legen ... fest", "dann legen wir ... fest".
        subject = tuple(sorted(key(FIGURE.sub(" 0 ", text))))
        earlier = last.get(subject) if figures else None
        if earlier is not None and (replaced := FIGURE.findall(texts[earlier])) != figures:
            found[earlier] = None
            found[at] = f"{text} ({before}: {', '.join(replaced)})"
        if figures:
            last[subject] = at
    return found
