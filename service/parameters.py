"""Types of query parameters, which are stricter than Pydantic's: it also accepts signs, blanks and fractions."""

import math
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

MAX_DAYS = 36_500


def number(largest: int) -> BeforeValidator:
    """Return a check for a number in digits, from 1 to `largest`."""

    def check(text: object) -> object:
        digits = isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= len(str(largest))
        if not (digits and 1 <= int(str(text)) <= largest):
            raise ValueError(f"a number from 1 to {largest}")
        return text

    return BeforeValidator(check)


def _days(text: object) -> float:
    """Parse a number in plain notation."""
    try:
        days = float(str(text))
    except ValueError:
        days = math.nan
    if not 0 <= days <= MAX_DAYS or text != str(text).strip() or "_" in str(text):
        raise ValueError(f"days, a number from 0 to {MAX_DAYS}")
    return days


Days = Annotated[
    float | None, BeforeValidator(_days), WithJsonSchema({"type": "number", "minimum": 0, "maximum": MAX_DAYS})
]
