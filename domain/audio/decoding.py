"""Decode a file to float samples at 48 kHz, each chunk with its position on the file's clock."""

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import av.error
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from domain.audio.opus import LEAP, RATE, TOLERANCE, is_silence, packet_samples
from domain.audio.probe import HINT, SilentFile, Source
from domain.errors import UnreadableAudio

BLOCK = 0.5
"""Seconds of audio per chunk."""


class Chunk(NamedTuple):
    """Float32 samples of shape (1 or 2 channels, samples), and the position of the first one on the file's clock."""

    at: int
    samples: NDArray[np.float32]


class _Clock:
    """Collects frames into chunks; a frame after a gap starts a new contiguous section."""

    def __init__(self, channels: int) -> None:
        self._layout = "mono" if channels == 1 else "stereo"
        self._fifo: AudioFifo | None = None
        self._resampler: AudioResampler | None = None
        self._rate = RATE
        self._added = 0
        self._base: int | None = None
        self._next = self._emitted = 0

    @property
    def now(self) -> int:
        """The position of the next frame if it directly follows the last one."""
        return (self._base or 0) + self._added * RATE // self._rate

    @property
    def started(self) -> bool:
        """Return True if any frame was added."""
        return self._base is not None

    def skip(self, samples: int) -> Iterator[Chunk]:
        """Advance over silence without decoding it."""
        yield from self.flush()
        self._base = self._next = self.now + samples
        self._added = 0

    def add(self, frame: AudioFrame, at: int | None) -> Iterator[Chunk]:
        """Add a decoded frame with its timestamp in samples at 48 kHz."""
        if self._base is None or (at is not None and TOLERANCE <= at - self.now <= LEAP):
            yield from self.flush()
            self._base = self._next = at if at is not None and 0 < at <= LEAP else self.now
            self._added = 0
        # The position is tracked here: the FIFO would reject a discontinuous timestamp.
        frame.pts = None
        if self._fifo is None:
            self._open(frame)
        assert self._fifo is not None
        try:
            self._fifo.write(frame)
        except ValueError:
            # The format changed in mid-stream.
            yield from self.flush()
            self._base, self._added = self.now, 0
            self._open(frame)
            self._fifo.write(frame)
        self._added += frame.samples
        while self._fifo.samples >= BLOCK * self._rate:
            yield from self._convert(self._fifo.read(int(BLOCK * self._rate)))

    def flush(self) -> Iterator[Chunk]:
        """Yield the rest of the current section."""
        if self._fifo is not None and self._fifo.samples:
            yield from self._convert(self._fifo.read(0, partial=True))
        if self._resampler is not None and self._added:
            yield from self._convert(None)
            self._resampler = AudioResampler(format="fltp", layout=self._layout, rate=RATE)

    def finish(self, channels: int) -> Iterator[Chunk]:
        """Yield the rest, and an empty chunk that marks the end of trailing silence."""
        yield from self.flush()
        if self.now > self._emitted:
            yield Chunk(self.now, np.zeros((channels, 0), dtype=np.float32))

    def _open(self, frame: AudioFrame) -> None:
        self._fifo, self._rate = AudioFifo(), frame.sample_rate
        unchanged = (frame.format.name, frame.layout.name, frame.sample_rate) == ("fltp", self._layout, RATE)
        self._resampler = None if unchanged else AudioResampler(format="fltp", layout=self._layout, rate=RATE)

    def _convert(self, frame: AudioFrame | None) -> Iterator[Chunk]:
        for out in [frame] if self._resampler is None else self._resampler.resample(frame):
            if out is not None and out.samples:
                at = max(self._next, self._emitted)
                yield Chunk(at, np.asarray(out.to_ndarray(), dtype=np.float32))
                self._next = self._emitted = at + out.samples


def chunks(source: Source) -> Iterator[Chunk]:
    """Yield the decoded file in chunks of at most half a second, in order and without overlap.

    Gaps in the timestamps become gaps between chunks, as does the silence inserted by padding, which isn't decoded.
    Frames that can't be decoded are skipped and noted. Raise SilentFile, or UnreadableAudio if none can be decoded.
    """
    # PyAV's stubs leave the packet's type parameter open.
    decoder = cast(Any, source.stream.codec_context)
    clock = _Clock(source.channels)
    is_opus, broken = source.codec == "opus", 0
    for packet in source.packets():
        if is_opus and packet.size <= 14 and clock.started and is_silence(data := bytes(packet)):
            yield from clock.skip(packet_samples(data))
            continue
        try:
            frames = decoder.decode(packet)
        except av.error.FFmpegError:
            broken += 1
            continue
        for frame in frames:
            yield from clock.add(frame, source.at(frame.pts))
    for frame in decoder.decode(None):
        yield from clock.add(frame, source.at(frame.pts))
    yield from clock.finish(source.channels)
    if not clock.started:
        if not broken:
            # Shorter than the codec's delay.
            raise SilentFile.of(source.path)
        raise UnreadableAudio(f"{source.path.name}: none of its {source.read} packets can be decoded", hint=HINT)
    if broken:
        source.notes.append(f"{broken} of {source.read} packets can't be decoded and are left out")
