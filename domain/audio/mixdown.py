"""Mix tracks to one stereo mp3 in a single pass, a second at a time, and measure its peaks."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, cast

import lameenc
import numpy as np
from numpy.typing import NDArray

from domain.audio.decoding import Chunk, chunks
from domain.audio.mp3 import MONO_KBPS, STEREO_KBPS, Widener
from domain.audio.opus import RATE
from domain.audio.peaks import PeakMeter
from domain.audio.probe import SilentFile, Source, open_audio
from domain.errors import UnreadableAudio
from domain.recording import Frozen

DELAY = 1105
"""Samples of latency: 576 in LAME, 529 in decoders."""
KNEE = 0.8
"""Level above which the sum of voices is softly limited instead of clipped."""
SILENCE = 1e-3
"""Level (-60 dB) below which audio counts as silence."""
MAX_QUEUED = 4
"""Blocks waiting for the encoder."""

Block = NDArray[np.float32]


class Mix(Frozen):
    """Result of mixing: `duration` in seconds, peaks 0..1 with two decimals."""

    duration: float
    peaks: tuple[float, ...]
    notes: tuple[str, ...] = ()


def mix(
    tracks: Sequence[Path], target: Path, *, duration: float | None = None, quality: int = 7, peaks: int = 255
) -> Mix:
    """Mix tracks by their timestamps into a stereo mp3 at `target`, at least `duration` seconds long.

    `quality` is LAME's, 0 (best) to 9. Mono tracks go to both channels at full level. Raise UnreadableAudio with the
    position of a track that can't be read; a track without sound is noted. The same tracks give the same bytes.
    """
    meter, notes = PeakMeter(), list[str]()
    with ExitStack() as stack, target.open("wb") as file, ThreadPoolExecutor(1, "lame") as thread:
        readers = [_Track(stack, path, f"file {n} of {len(tracks)}") for n, path in enumerate(tracks, 1)]
        blocks = _blocks(readers, round((duration or 0) * RATE))
        lame = _Encoder(file, max((reader.channels for reader in readers), default=1), quality)
        waiting: deque[Future[None]] = deque()
        # Decode in this thread and encode in the other one: both release the GIL.
        for block in blocks:
            meter.add(block)
            first = meter.samples == block.shape[1]
            waiting.append(thread.submit(lame.write, _without_delay(block, notes) if first else block))
            if len(waiting) > MAX_QUEUED:
                waiting.popleft().result()
        waiting.append(thread.submit(lame.finish))
        for written in waiting:
            written.result()
        notes += [note for reader in readers for note in reader.notes]
    return Mix(duration=meter.samples / RATE, peaks=meter.peaks(peaks), notes=tuple(notes))


class _Track:
    """Reads one track for mixing."""

    def __init__(self, stack: ExitStack, path: Path, place: str) -> None:
        self.place = place
        self.channels = 1
        self._source: Source | None = None
        self._silent: list[str] = []
        self._chunks: Iterator[Chunk] = iter(())
        self._next: Chunk | None = None
        try:
            self._source = stack.enter_context(open_audio(path))
            self.channels = self._source.channels
            self._chunks = chunks(self._source)
        except SilentFile:
            self._silent = ["no sound in it"]
        except UnreadableAudio as error:
            raise self._located(error) from error
        self._advance()

    @property
    def notes(self) -> list[str]:
        """Remarks about the file, with its position."""
        return [f"{self.place}: {note}" for note in self._silent + (self._source.notes if self._source else [])]

    @property
    def ended(self) -> bool:
        """Return True if all of it was read."""
        return self._next is None

    def add_to(self, block: Block, start: int) -> int:
        """Add the samples of a block that starts at sample `start`; return how many samples of it are filled."""
        filled, length = 0, block.shape[1]
        while self._next is not None and self._next.at < start + length:
            at, samples = self._next
            room = start + length - at
            here = samples[:, :room]
            block[:, at - start : at - start + here.shape[1]] += here
            filled = at - start + here.shape[1]
            if samples.shape[1] > room:
                self._next = Chunk(start + length, samples[:, room:])
            else:
                self._advance()
        return filled

    def _advance(self) -> None:
        try:
            self._next = next(self._chunks, None)
        except SilentFile:
            self._silent, self._next = ["no sound in it"], None
        except UnreadableAudio as error:
            raise self._located(error) from error

    def _located(self, error: UnreadableAudio) -> UnreadableAudio:
        return UnreadableAudio(f"{self.place} can't be mixed: {error.what}", hint=error.hint)


def _blocks(readers: Sequence[_Track], least: int) -> Iterator[Block]:
    """Yield the mix a second at a time; mono (1, samples) unless a track is stereo."""
    channels, start = max((reader.channels for reader in readers), default=1), 0
    while start < least or not all(reader.ended for reader in readers):
        block = np.zeros((channels, RATE), dtype=np.float32)
        filled = max((reader.add_to(block, start) for reader in readers), default=0)
        last = all(reader.ended for reader in readers) and least <= start + RATE
        block = block[:, : max(filled, least - start)] if last else block
        if block.shape[1]:
            yield _limited(block)
        start += RATE


def _limited(block: Block) -> Block:
    """Softly limit levels above the knee."""
    loud = np.abs(block) > KNEE if max(block.max(), -block.min()) > KNEE else None
    if loud is not None:
        over = np.abs(block[loud]) - KNEE
        block[loud] = np.sign(block[loud]) * (KNEE + (1 - KNEE) * np.tanh(over / (1 - KNEE)))
    return block


def _without_delay(block: Block, notes: list[str]) -> Block:
    """Remove as much leading silence as the encoder adds, so that the mp3 isn't late."""
    if np.abs(block[:, :DELAY]).max(initial=0) < SILENCE:
        return block[:, DELAY:]
    notes.append("speech in the first 23 ms, so the mp3 is 23 ms late")
    return block


class _Encoder:
    """Writes blocks to an mp3 file of constant bit rate, in which players can seek without an index."""

    def __init__(self, file: BinaryIO, channels: int, quality: int) -> None:
        self._file = file
        self._widener = Widener() if channels == 1 else None
        self._lame = cast(Any, lameenc).Encoder()
        self._lame.set_in_sample_rate(RATE)
        self._lame.set_channels(channels)
        # Joint stereo stays on: without it a centred voice takes twice the bits.
        self._lame.set_bit_rate(MONO_KBPS if self._widener else STEREO_KBPS)
        self._lame.set_quality(quality)
        self._lame.silence()

    def write(self, block: Block) -> None:
        """Encode a block of shape (channels, samples)."""
        pcm = np.rint(block.T * 32767).astype(np.int16)
        self._put(bytes(self._lame.encode(pcm.tobytes())))

    def finish(self) -> None:
        """Flush the encoder."""
        self._put(bytes(self._lame.flush()))
        if self._widener:
            self._file.write(self._widener.finish())

    def _put(self, frames: bytes) -> None:
        self._file.write(self._widener.feed(frames) if self._widener else frames)
