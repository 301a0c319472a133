"""Timestamps of a few packets that disagree with what stands before and behind them."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from domain.audio.opus import RATE, TOLERANCE

STRAY = RATE // 2
"""Samples (0.5 s): a smaller deviation is jitter, or a short gap."""
JITTER = RATE // 10
"""Samples (0.1 s) by which the packet after one that strays may be early."""
FEW = 5
"""Most consecutive packets that stray; more of them are a gap, or a reset of the timestamps."""
LAST, LAST_LEAP = RATE // 8, 30 * RATE
"""A few packets at the end, of at most 0.125 s and 30 s ahead of all others, stray too: speech is longer."""

T = TypeVar("T")
Timed = tuple[int | None, int, T]


def corrected(packets: Iterable[Timed[T]]) -> Iterator[tuple[int | None, bool, T]]:
    """Convert (timestamp, length, packet) to (timestamp, whether it was corrected, packet), in samples at 48 kHz.

    A timestamp strays if it is ahead of a packet shortly behind it, or goes back where such a packet doesn't. It is
    replaced by the time at which its packet joins its neighbours; where they leave no room, the packet is a repetition
    and is left out.
    """
    ahead: deque[Timed[T]] = deque()
    rest = iter(packets)
    expected: int | None = None
    while True:
        # Of the first packets, those that agree must be seen to be the most.
        reach = FEW if expected is not None else 2 * FEW
        while len(ahead) <= reach and (entry := next(rest, None)) is not None:
            ahead.append(entry)
        if not ahead:
            return
        at, length, packet = ahead.popleft()
        strays = False
        if at is not None and (expected is None or abs(at - expected) > STRAY):
            limit = _limit(at, length, expected, ahead)
            if limit is not None and expected is not None and limit < expected - TOLERANCE:
                continue
            if limit is not None:
                at, strays = max(limit, expected) if expected is not None else limit, True
        expected = at + length if at is not None else expected + length if expected is not None else None
        yield at, strays, packet


def _limit(at: int, length: int, expected: int | None, ahead: deque[Timed[T]]) -> int | None:
    """Return the latest time of a packet that the packets behind it allow; None if its timestamp doesn't stray."""
    if expected is not None and at - expected > LAST_LEAP and _are_last(length, ahead):
        return expected
    limits: list[tuple[int, int]] = []
    until = length
    for later, samples, _ in islice(ahead, FEW if expected is not None else None):
        if later is not None:
            limits.append((later, later - until))
        until += samples
    if expected is None:
        # The first one, and most of those behind it disagree.
        behind = [limit for _, limit in limits if limit < at - STRAY]
        return min(behind) if 2 * len(behind) > len(limits) else None
    goes_on = expected - JITTER
    if at > expected and limits and all(later < goes_on for later, _ in limits):
        # Alone before a reset, or a stray among packets that were reset.
        return expected
    behind = [limit for later, limit in limits if later >= goes_on and (at < expected or limit < at - STRAY)]
    return min(behind, default=None)


def _are_last(length: int, ahead: deque[Timed[T]]) -> bool:
    """Return True if a packet and those behind it are the few last ones."""
    return len(ahead) < FEW and length + sum(samples for _, samples, _ in ahead) <= LAST
