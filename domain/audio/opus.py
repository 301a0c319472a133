"""Opus packets: durations, packets of silence, and positions on a sample clock."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple, Self, TypeVar

RATE = 48_000
"""Samples per second of the Opus clock, independent of the recorded rate (RFC 7845, section 4)."""
STEP = 120
"""The shortest silence in samples (2.5 ms); inserted silence is a multiple of it."""
TOLERANCE = 480
"""Samples (10 ms): a smaller deviation is rounding or jitter, not missing audio."""
REWIND = RATE
"""Samples: timestamps that go back by more than this (1 s) were reset."""
LEAP = 24 * 3600 * RATE
"""Samples: timestamps that go forward by more than this (1 day) were reset too."""
LOOKAHEAD = 10
"""Packets that must agree before the clock is adjusted, so that a single late timestamp has no effect."""

MAX_PACKET = 5760
"""Samples of the longest packet (120 ms)."""
# RFC 6716, table 2: samples per frame of the 32 configurations (SILK, hybrid, CELT).
_FRAME = [480, 960, 1920, 2880] * 3 + [480, 960] * 2 + [120, 240, 480, 960] * 4
# Samples per packet by its first byte; 0 if the second byte holds the number of frames (RFC 6716, section 3.1).
_PACKET = [(_FRAME[toc >> 3] * (1, 2, 2, 0)[toc & 3]) for toc in range(256)]
# An empty CELT fullband frame: the range coder decodes the silence flag only.
_SILENT_FRAME = b"\xff\xfe"

T = TypeVar("T")


class Head(NamedTuple):
    """Fields of the OpusHead: channels, samples to skip at the start, channel mapping family."""

    channels: int
    pre_skip: int
    family: int

    @classmethod
    def parse(cls, data: bytes | None) -> Self | None:
        """Parse an OpusHead (RFC 7845, section 5.1); None if it isn't one."""
        if data is None or len(data) < 19 or data[:8] != b"OpusHead":
            return None
        return cls(data[9], int.from_bytes(data[10:12], "little"), data[18])


def packet_samples(packet: bytes) -> int:
    """Return the number of samples at 48 kHz in a packet; 0 if it isn't valid (RFC 6716, section 3)."""
    if not packet:
        return 0
    samples = _PACKET[packet[0]]
    if samples == 0 and len(packet) > 1:
        samples = _FRAME[packet[0] >> 3] * (packet[1] & 63)
    return samples if samples <= MAX_PACKET else 0


def is_stereo(packet: bytes) -> bool:
    """Return True if a packet has two channels."""
    return bool(packet[0] & 4)


def silence(samples: int, *, stereo: bool = False) -> Iterator[tuple[bytes, int]]:
    """Yield packets of digital silence as (bytes, samples), at most 120 ms each.

    `samples` is rounded down to a multiple of 120. Packets are made of fullband CELT frames of two bytes, at most
    six to a packet; `stereo` should match the following packet.
    """
    bit = stereo << 2
    longest = bytes([31 << 3 | bit | 3, 6]) + _SILENT_FRAME * 6
    for _ in range(samples // MAX_PACKET):
        yield longest, MAX_PACKET
    frames, rest = divmod(samples % MAX_PACKET, 960)
    if frames:
        yield bytes([31 << 3 | bit | 3, frames]) + _SILENT_FRAME * frames, frames * 960
    for config, length in ((30, 480), (29, 240), (28, 120)):
        if rest >= length:
            rest -= length
            yield bytes([config << 3 | bit]) + _SILENT_FRAME, length


def is_silence(packet: bytes) -> bool:
    """Return True for packets that `silence` generates, which decode to zeros."""
    if len(packet) > 14 or packet[-2:] != _SILENT_FRAME or packet[0] < 28 << 3:
        return False
    counted = 2 if packet[0] & 3 == 3 else 1
    return packet[counted:] == _SILENT_FRAME * (packet[1] if counted == 2 else 1)


class Timeline:
    """A sample clock over packets that detects where silence is missing, in samples at 48 kHz.

    It is compared with the source's clock at every packet, so jitter, drift and rounding can't accumulate: after each
    packet it is within 10 ms of the packet's timestamp or, with more jitter, of the least late of the next ten.
    """

    def __init__(self, origin: int = 0) -> None:
        """Start at 0; `origin` is added to every timestamp."""
        self.origin = origin
        self.clock = 0
        self.start: int | None = None
        self.inserted = 0
        self.gaps = 0
        self.dropped = 0
        self.resets = 0

    def place(self, packets: Iterable[tuple[int | None, int, T]]) -> Iterator[tuple[int, T]]:
        """Convert (timestamp, samples, packet) to (samples of silence to insert before it, packet).

        Packets that overlap earlier ones (repeated, or from a source clock that is slower than its audio) are dropped
        and counted. After a reset of timestamps, the clock continues at the end of the last packet.
        """
        ahead: deque[tuple[int | None, int, T]] = deque()
        before: int | None = None
        for entry in chain(packets, [None] * LOOKAHEAD):
            if entry is not None:
                ahead.append(entry)
                if len(ahead) <= LOOKAHEAD:
                    continue
            elif not ahead:
                break
            at, length, packet = ahead.popleft()
            missing = 0
            if at is not None:
                lag = at + self.origin - self.clock
                if lag > LEAP or (before is not None and at < before - REWIND):
                    self.origin -= lag
                    self.resets += 1
                    lag = 0
                before = at
                least = TOLERANCE if self.start is not None else STEP // 2
                if lag >= least:
                    lag = min(self._lags(lag, at, length, ahead))
                    missing = (lag + STEP // 2) // STEP * STEP if lag >= least else 0
                elif lag <= -max(length, TOLERANCE) >= max(self._lags(lag, at, length, ahead)):
                    self.dropped += 1
                    continue
            if self.start is None:
                self.start = self.clock + missing
            elif missing:
                self.gaps += 1
            self.inserted += missing
            self.clock += missing + length
            yield missing, packet

    def _lags(self, lag: int, at: int, length: int, ahead: Iterable[tuple[int | None, int, T]]) -> Iterator[int]:
        """Yield how late a packet and its successors would be without an adjustment."""
        yield lag
        clock = self.clock + length
        for later, samples, _ in ahead:
            if later is None or later < at - REWIND:
                return
            at = later
            yield later + self.origin - clock
            clock += samples
