"""How long webhooks took and how they were answered, counted at next to no cost."""

from bisect import bisect_left
from collections import Counter

# Upper bounds in seconds.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Received:
    """Counts in the event loop's thread, and is read from others; each answer by its HTTP status."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0
        self.answers: Counter[int] = Counter()

    def add(self, status: int, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds
        self.answers[status] += 1
