"""What Whisper gets to hear of a track: the stretches with voice, found while the file is decoded."""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from domain.audio import decoding, opus
from domain.audio.probe import SilentFile, open_audio

Samples = NDArray[np.float32]

RATE = 16_000
STEP = opus.RATE // RATE
# Audio that is looked at for voice at once, and what holds no sound at all: a muted track's silence is exactly that.
WINDOW = 240 * RATE
SILENT = 1e-4
# Pauses, padding and greatest length of what Whisper gets at once; it hears 30 s, of which 2 s stay free.
MIN_SILENCE_MS, PAD_MS, CLIP_S, MERGE_GAP_S = 500, 200, 28, 1.0

log = logging.getLogger(__name__)


class AudioPiece(NamedTuple):
    """A piece of sound: its first sample's number on the recording's clock, and 16 kHz mono samples."""

    start: int
    samples: Samples


class Clip(NamedTuple):
    """A stretch with voice, numbers in samples at 16 kHz: where it starts, its sound, how much of it was voice."""

    start: int
    samples: Samples
    voice: int

    @property
    def end(self) -> int:
        """The first sample after it."""
        return self.start + len(self.samples)


def decode(path: Path) -> Iterator[AudioPiece]:
    """Decode a file to 16 kHz mono, piece by piece on its own clock; raises UnreadableAudio.

    Missing packets and the silence that padding put in are gaps between the pieces. A file without any packets
    gives none: its participant never said a word.
    """
    resampler, taken, begin, done = _resampler(), 0, 0, 0
    try:
        with open_audio(path) as source:
            for chunk in decoding.chunks(source):
                if not chunk.samples.size:
                    continue
                if chunk.at != begin + taken:
                    for piece in _resampled(resampler, None):
                        yield AudioPiece(round(begin / STEP) + done, piece)
                        done += len(piece)
                    resampler, taken, begin, done = _resampler(), 0, chunk.at, 0
                taken += chunk.samples.shape[1]
                for piece in _resampled(resampler, chunk.samples.mean(axis=0, dtype=np.float32)):
                    yield AudioPiece(round(begin / STEP) + done, piece)
                    done += len(piece)
            for piece in _resampled(resampler, None):
                yield AudioPiece(round(begin / STEP) + done, piece)
                done += len(piece)
            for note in source.notes:
                log.warning("%s: %s", path.name, note)
    except SilentFile:
        return


def clips(pieces: Iterable[AudioPiece]) -> Iterator[Clip]:
    """Cut what has voice into clips of at most 28 s, ready for Whisper.

    Seconds without any sound are left out, so that hours of a muted microphone cost neither time nor memory; what
    stays goes through voice activity detection in windows of 4 min, cut where nobody speaks.
    """
    held: list[Samples] = []
    begin = end = 0
    for start, samples in _sounding(pieces):
        if not held or start - end > RATE:
            yield from _voiced(held, begin)
            held, begin = [], start
        elif start > end:
            held.append(np.zeros(start - end, np.float32))
        held.append(samples)
        end = start + len(samples)
        if end - begin >= WINDOW:
            found = _voiced(held, begin)
            rest = end - 2 * RATE
            if found and found[-1].end > rest:
                # It may go on: it is heard again, from where the clip before it ended at the earliest.
                last = found.pop()
                rest = max(last.start - RATE // 2, found[-1].end if found else begin)
            yield from found
            held, begin = [np.concatenate(held)[rest - begin :].copy()], rest
    yield from _voiced(held, begin)


def _sounding(pieces: Iterable[AudioPiece]) -> Iterator[AudioPiece]:
    """Leave out what has no sound, but for the piece before and the piece after a sound."""
    quiet: AudioPiece | None = None
    after_sound = False
    for piece in pieces:
        if float(np.abs(piece.samples).max()) >= SILENT:
            if quiet:
                yield quiet
            quiet, after_sound = None, True
            yield piece
        elif after_sound:
            after_sound = False
            yield piece
        else:
            quiet = piece


def _voiced(held: list[Samples], begin: int) -> list[Clip]:
    """Find voice, and join what is at most 1 s apart to clips of at most 28 s."""
    if not held:
        return []
    from faster_whisper.vad import VadOptions, get_speech_timestamps  # noqa: PLC0415 - takes a second to import

    options = VadOptions(min_silence_duration_ms=MIN_SILENCE_MS, speech_pad_ms=PAD_MS, max_speech_duration_s=CLIP_S)
    samples = np.concatenate(held)
    spans: list[tuple[int, int, int]] = []
    for found in get_speech_timestamps(samples, options, sampling_rate=RATE):
        start, end = int(found["start"]), min(int(found["end"]), len(samples))
        if spans and start - spans[-1][1] <= MERGE_GAP_S * RATE and end - spans[-1][0] <= CLIP_S * RATE:
            spans[-1] = spans[-1][0], end, spans[-1][2] + end - start
        elif end > start:
            spans.append((start, end, end - start))
    return [Clip(begin + start, samples[start:end].copy(), voice) for start, end, voice in spans]


def _resampler() -> AudioResampler:
    return AudioResampler(format="flt", layout="mono", rate=RATE)


def _resampled(resampler: AudioResampler, samples: Samples | None) -> Iterator[Samples]:
    frame = None
    if samples is not None:
        frame = AudioFrame.from_ndarray(samples[np.newaxis], format="fltp", layout="mono")
        frame.sample_rate = opus.RATE
    for piece in resampler.resample(frame):
        if piece.samples:
            yield piece.to_ndarray()[0]
