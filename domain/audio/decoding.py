"""Decoding a file to sound on its own clock: float samples at 48 kHz, and where each stretch of them lies."""
# pyright: reportUnknownMemberType=false
# PyAV's stubs leave some parameters open.

from collections.abc import Iterator
from typing import NamedTuple

import av.error
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from domain.audio.opus import LEAP, RATE, TOLERANCE, is_silence, packet_samples
from domain.audio.probe import HINT, Source
from domain.errors import UnreadableAudio

BLOCK = 0.5
"""Seconds of sound that are turned into an array at once."""


class Chunk(NamedTuple):
    """Sound in float32, shape (channels: 1 or 2, samples), and the sample of the file's clock where it begins."""

    at: int
    samples: NDArray[np.float32]


class _Clock:
    """Collects frames into chunks; frames that are later than the sound so far begin a new stretch."""

    def __init__(self, channels: int) -> None:
        self._layout = "mono" if channels == 1 else "stereo"
        self._fifo: AudioFifo | None = None
        self._resampler: AudioResampler | None = None
        self._rate = RATE
        self._taken = 0
        self._base: int | None = None
        self._next = self._given = 0

    @property
    def now(self) -> int:
        """The sample where the next frame begins if it follows the last one."""
        return (self._base or 0) + self._taken * RATE // self._rate

    @property
    def begun(self) -> bool:
        """Whether any sound was taken."""
        return self._base is not None

    def skip(self, samples: int) -> Iterator[Chunk]:
        """Let silence pass that needn't be decoded."""
        yield from self.flush()
        self._base = self._next = self.now + samples
        self._taken = 0

    def take(self, frame: AudioFrame, at: int | None) -> Iterator[Chunk]:
        """Take a decoded frame with its timestamp in samples at 48 kHz."""
        if self._base is None or (at is not None and TOLERANCE <= at - self.now <= LEAP):
            yield from self.flush()
            self._base = self._next = at if at is not None and 0 < at <= LEAP else self.now
            self._taken = 0
        # The timestamp is kept here: the queue would refuse one that doesn't fit.
        frame.pts = None
        if self._fifo is None:
            self._begin(frame)
        assert self._fifo is not None
        try:
            self._fifo.write(frame)
        except ValueError:
            # The sound's format changed in mid-stream.
            yield from self.flush()
            self._base, self._taken = self.now, 0
            self._begin(frame)
            self._fifo.write(frame)
        self._taken += frame.samples
        while self._fifo.samples >= BLOCK * self._rate:
            yield from self._convert(self._fifo.read(int(BLOCK * self._rate)))

    def flush(self) -> Iterator[Chunk]:
        """Hand out what is left of this stretch."""
        if self._fifo is not None and self._fifo.samples:
            yield from self._convert(self._fifo.read(0, partial=True))
        if self._resampler is not None and self._taken:
            yield from self._convert(None)
            self._resampler = AudioResampler(format="fltp", layout=self._layout, rate=RATE)

    def finish(self, channels: int) -> Iterator[Chunk]:
        """Hand out the rest, and mark where silence at the very end ends with a chunk of no samples."""
        yield from self.flush()
        if self.now > self._given:
            yield Chunk(self.now, np.zeros((channels, 0), dtype=np.float32))

    def _begin(self, frame: AudioFrame) -> None:
        self._fifo, self._rate = AudioFifo(), frame.sample_rate
        as_it_is = (frame.format.name, frame.layout.name, frame.sample_rate) == ("fltp", self._layout, RATE)
        self._resampler = None if as_it_is else AudioResampler(format="fltp", layout=self._layout, rate=RATE)

    def _convert(self, frame: AudioFrame | None) -> Iterator[Chunk]:
        for out in [frame] if self._resampler is None else self._resampler.resample(frame):
            if out is not None and out.samples:
                at = max(self._next, self._given)
                yield Chunk(at, np.asarray(out.to_ndarray(), dtype=np.float32))
                self._next = self._given = at + out.samples


def chunks(source: Source) -> Iterator[Chunk]:
    """Decode a file in chunks of at most half a second that never overlap and never go back.

    Gaps in the timestamps are gaps between chunks, and so is the silence that padding put in: it isn't decoded.
    Frames that can't be decoded are left out and noted. Raises SilentFile, and UnreadableAudio when none can.
    """
    decoder = source.stream.codec_context
    clock = _Clock(source.channels)
    is_opus, broken = source.codec == "opus", 0
    for packet in source.packets():
        if is_opus and packet.size <= 14 and clock.begun and is_silence(data := bytes(packet)):
            yield from clock.skip(packet_samples(data))
            continue
        try:
            frames = decoder.decode(packet)
        except av.error.FFmpegError:
            broken += 1
            continue
        for frame in frames:
            yield from clock.take(frame, source.at(frame.pts))
    for frame in decoder.decode(None):
        yield from clock.take(frame, source.at(frame.pts))
    yield from clock.finish(source.channels)
    if not clock.begun:
        raise UnreadableAudio(f"{source.path.name}: none of its {source.read} packets can be decoded", hint=HINT)
    if broken:
        source.notes.append(f"{broken} of {source.read} packets can't be decoded and are left out")
