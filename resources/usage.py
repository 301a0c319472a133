"""What this process has moved and spent since somebody asked: bytes through the stores, LLM calls, GPU seconds.

A process executes one step at a time, so that what was counted since the last step's end is the step's.
"""

import threading
from collections import defaultdict
from typing import Literal

Amount = Literal["bytes_read", "bytes_written", "llm_calls", "prompt_tokens", "completion_tokens", "gpu_seconds"]

_lock = threading.Lock()
_counted: defaultdict[str, float] = defaultdict(int)


def count(amount: Amount, by: float) -> None:
    """Add to what was counted; from any thread."""
    with _lock:
        _counted[amount] += by


def counted(amount: Amount) -> float:
    """What was counted of one thing since the last `take`."""
    with _lock:
        return _counted[amount]


def take() -> dict[str, float]:
    """Return all that was counted, bytes also where none were moved, and begin anew."""
    with _lock:
        taken = {"bytes_read": 0, "bytes_written": 0, **_counted}
        _counted.clear()
    return taken
