"""Counters of what this process uses: bytes through the stores, LLM calls and tokens, GPU seconds.

A process executes one step at a time, so everything counted since the last `take` belongs to the current step.
"""

import threading
from collections import defaultdict
from typing import Literal

Amount = Literal["bytes_read", "bytes_written", "llm_calls", "prompt_tokens", "completion_tokens", "gpu_seconds"]

_lock = threading.Lock()
_counted: defaultdict[str, float] = defaultdict(int)


def count(amount: Amount, by: float) -> None:
    """Add to a counter; callable from any thread."""
    with _lock:
        _counted[amount] += by


def counted(amount: Amount) -> float:
    """Return a counter's value since the last `take`."""
    with _lock:
        return _counted[amount]


def take() -> dict[str, float]:
    """Return all counters and reset them; both byte counters are always present."""
    with _lock:
        taken: dict[str, float] = {"bytes_read": 0, "bytes_written": 0, **_counted}
        _counted.clear()
    return taken
