"""Opus packets: how long they are, silence that goes between them, and their place on a sample clock."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple, Self, TypeVar

RATE = 48_000
"""Samples per second of every Opus clock, whatever rate was recorded (RFC 7845, section 4)."""
STEP = 120
"""The shortest silence in samples (2.5 ms): every inserted length is a multiple of it."""
TOLERANCE = 480
"""Samples (10 ms): a smaller deviation is the container's rounding or jitter, not missing sound."""
REWIND = RATE
"""Samples: timestamps that go back by more than this second were reset."""
LEAP = 24 * 3600 * RATE
"""Samples: timestamps that go forward by more than this day were reset too."""
LOOKAHEAD = 10
"""Packets that must agree before the clock moves: one late timestamp shifts nothing."""

LONGEST = 5760
"""Samples of the longest packet (120 ms)."""
# RFC 6716, table 2: samples per frame of the 32 configurations (SILK, hybrid, CELT).
_FRAME = [480, 960, 1920, 2880] * 3 + [480, 960] * 2 + [120, 240, 480, 960] * 4
# Samples per packet by its first byte; 0 where a second byte counts the frames (RFC 6716, section 3.1).
_PACKET = [(_FRAME[toc >> 3] * (1, 2, 2, 0)[toc & 3]) for toc in range(256)]
# An empty CELT fullband frame: the range coder reads "silence" and nothing else.
_SILENT_FRAME = b"\xff\xfe"

T = TypeVar("T")


class Head(NamedTuple):
    """What decoders are told in the OpusHead: channels, samples to skip at the start, channel mapping family."""

    channels: int
    pre_skip: int
    family: int

    @classmethod
    def parse(cls, data: bytes | None) -> Self | None:
        """Read an OpusHead (RFC 7845, section 5.1); None when it isn't one."""
        if data is None or len(data) < 19 or data[:8] != b"OpusHead":
            return None
        return cls(data[9], int.from_bytes(data[10:12], "little"), data[18])


def packet_samples(packet: bytes) -> int:
    """Return how many samples at 48 kHz a packet decodes to; 0 when it is no valid packet (RFC 6716, section 3)."""
    if not packet:
        return 0
    samples = _PACKET[packet[0]]
    if samples == 0 and len(packet) > 1:
        samples = _FRAME[packet[0] >> 3] * (packet[1] & 63)
    return samples if samples <= LONGEST else 0


def is_stereo(packet: bytes) -> bool:
    """Say whether a packet carries two channels."""
    return bool(packet[0] & 4)


def silence(samples: int, *, stereo: bool = False) -> Iterator[tuple[bytes, int]]:
    """Yield packets of digital silence as (bytes, samples), at most 120 ms each.

    `samples` is a multiple of 120; what is over is left out. They are fullband CELT frames of two bytes, at their
    longest six to a packet, with the stereo bit of the packet that follows.
    """
    bit = stereo << 2
    longest = bytes([31 << 3 | bit | 3, 6]) + _SILENT_FRAME * 6
    for _ in range(samples // LONGEST):
        yield longest, LONGEST
    frames, rest = divmod(samples % LONGEST, 960)
    if frames:
        yield bytes([31 << 3 | bit | 3, frames]) + _SILENT_FRAME * frames, frames * 960
    for config, length in ((30, 480), (29, 240), (28, 120)):
        if rest >= length:
            rest -= length
            yield bytes([config << 3 | bit]) + _SILENT_FRAME, length


def is_silence(packet: bytes) -> bool:
    """Say whether a packet is one that `silence` makes: it decodes to zeros."""
    if len(packet) > 14 or packet[-2:] != _SILENT_FRAME or packet[0] < 28 << 3:
        return False
    counted = 2 if packet[0] & 3 == 3 else 1
    return packet[counted:] == _SILENT_FRAME * (packet[1] if counted == 2 else 1)


class Timeline:
    """A sample clock that runs over packets and says where silence is missing.

    It is always compared with the source's clock, so jitter, drift and rounding can't add up: after every packet
    it is within 10 ms of the packet's timestamp, or, where timestamps jitter by more, of the most patient of the
    next ten. All in samples at 48 kHz.
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
        """Turn (timestamp, samples, packet) into (silence that goes before it, packet).

        Packets that lie under what already sounds (repeated ones, or a source clock that is slower than its
        sound) are left out and counted. Timestamps that were reset go on where the last packet ended.
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
        """Yield how late a packet and those after it would be if none of them were moved."""
        yield lag
        clock = self.clock + length
        for later, samples, _ in ahead:
            if later is None or later < at - REWIND:
                return
            at = later
            yield later + self.origin - clock
            clock += samples
