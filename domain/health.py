"""The outcome of a health check."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "failed", "not configured", "not running", "unknown"]


@dataclass(frozen=True)
class Outcome:
    """The result of checking one dependency: `tried` is the check, `said` the finding, or the error and its remedy.

    `hangs` is true if the check was abandoned after its time limit.
    """

    door: str
    tried: str
    state: State
    milliseconds: int
    said: str
    hangs: bool = False
