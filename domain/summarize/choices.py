"""Recognize decisions that no verb of deciding states: "So Thursday it is.", "Dann also die grünen.", "Hecho: dos."

Such a sentence only names what was chosen. It counts if what it names was spoken of shortly before, and if nobody
refuses it in the next sentence.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from domain.summarize.items import refuses
from domain.summarize.people import fold
from domain.summarize.sentences import Utterance, tokens

# Sentences in which the choice must have been spoken of, and in which a question can have proposed it.
BEFORE, ASKED_BEFORE = 12, 6
# Letters of a word that must be equal: endings differ.
STEM = 4
# Words of English, German and Spanish that a choice can't be recognized by.
FUNCTION = frozenset(
    re.findall(
        r"\S+",
        """a an the of for and or to in on at by with no not it we us our this that these those then so only just per
        der die das den dem des ein eine einen einem einer und oder mit für in im an am auf bei zum zur um ab ohne wir
        es kein keine keinen nur dann also den doch
        el la los las un una de del al con para en y o sin por nos lo se pues entonces que solo""",
    )
)


class Choices(NamedTuple):
    """How a language names what was chosen, each as group `what`.

    `firm` patterns need nothing else. Of `taken` ones, a word must have been spoken of before; of `named` ones, all;
    of `agreed` ones, all in one question. A sentence with `unsure` decides nothing.
    """

    firm: tuple[re.Pattern[str], ...]
    taken: tuple[re.Pattern[str], ...]
    named: tuple[re.Pattern[str], ...]
    agreed: tuple[re.Pattern[str], ...]
    unsure: re.Pattern[str]
    refused: re.Pattern[str]


def choice(utterances: Sequence[Utterance], at: int, choices: Choices) -> str | None:
    """Return what a sentence says was chosen, or None."""
    text = utterances[at].text.replace("’", "'")
    if text.endswith("?") or choices.unsure.search(text) or refuses(utterances, at, choices.refused):
        return None
    said = [one.text for one in utterances[max(0, at - BEFORE) : at]]
    spoken = _stems(" ".join(said))
    for patterns, known in (
        (choices.firm, None),
        (choices.taken, _any_of(spoken)),
        (choices.named, _all_of([spoken], 1)),
        (choices.agreed, _all_of([_stems(one) for one in said[-ASKED_BEFORE:] if one.endswith("?")], 2)),
    ):
        found = next((match for pattern in patterns if (match := pattern.search(text))), None)
        if found and (known is None or known(_stems(found.groupdict().get("object") or found["what"]))):
            return found["what"]
    return None


def _any_of(spoken: set[str]) -> Callable[[set[str]], bool]:
    return lambda stems: not stems or bool(stems & spoken)


def _all_of(spoken: Sequence[set[str]], least: int) -> Callable[[set[str]], bool]:
    return lambda stems: len(stems) >= least and any(stems <= one for one in spoken)


def _stems(text: str) -> set[str]:
    return {fold(token)[:STEM] for token in tokens(text) if token not in FUNCTION}
