"""Names as people type them: what of a name is visible, and which of several names of one person is best."""

import re
import unicodedata
from collections.abc import Iterable, Mapping

# Letters and symbols of Unicode that show nothing.
BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0]")
ADDRESS = re.compile(r"@|^\+?[\d\s()/-]{6,}$")
GENERIC = re.compile(
    r"^(?:(?:anonymous|guest|gast|invité|invitado|ospite|convidado|gäst|gæst|gjest|gość|misafir|vieras|гость|гість|ضيف|مهمان|"
    r"अतिथि|ゲスト|게스트|访客|訪客|user|participant|unknown|host|speaker|iphone|ipad|android|"
    r"galaxy|phone|zoom|me)(?!\w)[\s\d()#:-]*)+$",
    re.I,
)


def visible(name: str | None) -> str:
    """Return a name without invisible characters, on one line; empty if nothing of it is visible."""
    kept = "".join(
        char if unicodedata.category(char) not in {"Cc", "Zl", "Zp"} else " "
        for char in BLANK.sub(" ", name or "")
        if unicodedata.category(char) not in {"Cf", "Cs", "Co", "Cn"} or char in "\u200c\u200d"
    )
    kept = " ".join(kept.split())
    return kept if any(unicodedata.category(char)[0] in "LNSP" for char in kept) else ""


def of_speaker(speaker: int, names: Mapping[int, str] | None = None) -> str:
    """Return the name of a speaker, or "Speaker N", counted from 1."""
    return (names or {}).get(speaker) or f"Speaker {speaker + 1}"


def best(names: Iterable[str | None]) -> str:
    """Return the best of one person's names: a full name before a single word, an address or "Guest"."""
    return max((visible(name) for name in names), key=_worth, default="")


def _worth(name: str) -> tuple[bool, bool, bool, int]:
    words = len(re.findall(r"[^\W\d_]{2,}", name))
    return bool(name), not GENERIC.match(name), not ADDRESS.search(name), min(words, 2)
