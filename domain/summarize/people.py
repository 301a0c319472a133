"""Find who is meant when a meeting's people call each other by name."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from domain.summarize.english import ACTIONS, NOT_ACTIONS, PRONOUNS, SPOKEN, VERBS
from domain.text.letters import WORD


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


HONORIFIC = r"(?:(?:mr|mrs|ms|miss|dr|prof|professor|herrn?|frau|senora?|sra?|don|dona)\.?\s+){0,2}"
TITLES = _words("""
    mr mrs ms miss mx dr prof professor sir dame rev herr frau hr fr mag ing dipl med jur phil nat rer h c hc mme
    mlle monsieur madame sr sra srta don dona dott dottssa ir drs jr phd msc bsc mba md ma ba esq cpa ceo cto cfo
    guest gast invite invitado ospite host cohost external extern he him his she her hers they them theirs
""")
PARTICLES = _words("""
    van von der den de del della da di do dos du la le el al bin ibn ter ten zu y e
""")
# "Robert (Bob) Jones"; a word in brackets at the end is as often a company.
NICKNAME = re.compile(r"\w\.?\s+(?:[\"“”„«'‘]([^\W\d_]{2,})[\"“”»'’]|\(([^\W\d_]{2,})\)(?=\s+\w))")
DEVICE = r"(?:iphone|ipad|macbook|laptop|handy|phone|pixel|galaxy|android|pc)"
OF_DEVICE = re.compile(rf"^{DEVICE}(?:\s\w+)?\s(?:von|de|di|of|van|fran|da|do)\s(?P<name>.+)$")
WITH_DEVICE = re.compile(rf"^(?P<name>.+?)(?:'s|s)?\s{DEVICE}\b.*$")
# Words that a sentence can begin with, and that are therefore no family name when said alone.
ORDINARY = ACTIONS | NOT_ACTIONS | PRONOUNS | SPOKEN | VERBS

SINGLE: Mapping[str, str] = {
    "ı": "i", "ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "t", "ß": "s", "æ": "a", "œ": "o", "’": "'", "ʼ": "'",
    "ς": "σ", "‐": "-", "‑": "-",
}  # fmt: skip
# Letters that are typed as two: "Jürgen" or "Juergen", "Søren" or "Soeren".
PAIRS: Mapping[str, str] = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "å": "aa"}


def fold(text: str) -> str:
    """Return a text in lower case and without accents, of the same length, so that positions stay."""
    return "".join(map(_folded, text))


@lru_cache(maxsize=4096)
def _folded(char: str) -> str:
    lower = char.lower()[:1]
    return SINGLE.get(lower) or unicodedata.normalize("NFKD", lower)[0]


def called(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return who can be meant by what is said, folded: full names, first names, family names, initials.

    A first name of two people stands for both.
    """
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(name for name in names if name):
        for form in _forms(name):
            found.setdefault(form, []).append(name)
    return {form: tuple(people) for form, people in found.items()}


def alternatives(forms: Sequence[str]) -> str:
    """Return a pattern of folded text that matches a form of a name, with or without "Mr"."""
    names = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
    return rf"{HONORIFIC}(?:{names})(?!\w)" if names else r"(?!)"


def _forms(name: str) -> list[str]:
    forms: dict[str, None] = {}
    in_pairs = "".join(PAIRS.get(letter, letter) for letter in name.lower())
    in_letters = re.sub(r"(?<=[aou])e|(?<=a)a|(?<=s)s", "", name.lower())
    for typed in (name, in_pairs, in_letters):
        for words in _parsed(unicodedata.normalize("NFC", typed)):
            first, last = words[0], words[-1]
            forms |= dict.fromkeys(" ".join(words[:size]) for size in range(1, len(words) + 1))
            forms |= dict.fromkeys((first.replace("-", " "), "-".join(words[:2])))
            if len(words) > 1:
                forms |= dict.fromkeys((f"{first} {last}", f"{first} {last[0]}.", f"{first} {last[0]}"))
                if len(last) > 2 and last not in ORDINARY:
                    forms[last] = None
    return [form for form in forms if len(form) > 1]


def _parsed(name: str) -> list[tuple[str, ...]]:
    """Return the words of a typed name, the first name first; several ways if the order isn't certain."""
    nicknames = [fold(found[1] or found[2]) for found in NICKNAME.finditer(name)]
    plain = re.sub(r"\([^)]*\)|\[[^\]]*\]|\{[^}]*\}", " ", name)
    plain = plain if re.search(r"[^\W\d_]", plain) else re.sub(r"[()\[\]{}]", " ", name)
    # "John - Acme", but "Guest - John".
    parts = re.split(r"\s[|/–—-]\s|[|/]", plain)
    plain = next((part for part in parts if set(_split(part)) - TITLES), plain)
    if address := re.match(r"\s*([^\s@]+)@[^\s@]+", plain):
        plain = re.sub(r"[._+\d-]+|(?<=[a-z])(?=[A-Z])", " ", address[1])
    before, comma, after = plain.partition(",")
    if comma:
        orders = [f"{after} {before}"] if len(_split(before)) <= 1 or fold(before).split()[0] in PARTICLES else []
        orders = orders or ([f"{after} {before}", before] if _split(after) else [before])
    else:
        orders = [_given_first(plain)]
    return [words for order in [*orders, *nicknames] if (words := tuple(_split(order)))]


def _split(text: str) -> list[str]:
    folded = " ".join(re.sub(r"[^\w\s'.-]|_", " ", fold(text)).split())
    if device := OF_DEVICE.match(folded) or WITH_DEVICE.match(folded):
        folded = device["name"]
    words = re.findall(rf"{WORD}(?:['-]{WORD})*", folded)
    return [word for word in words if word not in TITLES] or words


def _given_first(name: str) -> str:
    """Move a family name in capitals behind the first name: "SMITH John"."""
    words = name.split()
    capital = [word for word in words if len(word) > 1 and word.isupper() and fold(word).strip(".") not in TITLES]
    if words and capital and words[: len(capital)] == capital and len(capital) < len(words):
        return " ".join([*words[len(capital) :], *capital])
    return name
