"""Spaces between words."""

import re
from collections.abc import Iterable

# Chinese, Japanese, Thai, Lao, Burmese and Khmer put no space between words.
UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff\u3001-\u30ff\u3400-\u9fff\ua9e0-\ua9ff"
    r"\uaa60-\uaa7f\uf900-\ufaff\uff01-\uff9f\uffe0-\uffef\U00020000-\U0003ffff]"
)


# Marks of these scripts, which have their space inside.
MARK = re.compile(r"[\u3001-\u3003\u3008-\u3011\u3014-\u301f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]")


def continues(before: str, part: str) -> bool:
    """Return True if `part`, which has no space before it, continues a Latin word or a number: "K" "ub", "20" "24"."""
    last, first = before[-1:], part[:1]
    if UNSPACED.match(last) or UNSPACED.match(first):
        return False
    return (last.isalnum() and first.isalnum()) or (last.isdigit() and re.match(r"[.,:]\d|%", part) is not None)


def join(parts: Iterable[str]) -> str:
    """Join words or sentences with spaces, except in scripts without spaces."""
    joined = ""
    for part in (stripped for part in parts if (stripped := part.strip())):
        tight = not joined or (UNSPACED.match(joined[-1]) and UNSPACED.match(part[0]))
        joined += part if tight or MARK.match(part) or MARK.match(joined[-1]) else f" {part}"
    return joined
