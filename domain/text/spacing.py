"""Spaces between words."""

import re
from collections.abc import Iterable

# Chinese, Japanese and Thai put no space between words.
UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3001-\u30ff\u3400-\u9fff\uff01-\uffef]")


def join(parts: Iterable[str]) -> str:
    """Join words or sentences with spaces, except in scripts without spaces."""
    joined = ""
    for part in (stripped for part in parts if (stripped := part.strip())):
        tight = joined and UNSPACED.match(joined[-1]) and UNSPACED.match(part[0])
        joined += part if tight or not joined else f" {part}"
    return joined
