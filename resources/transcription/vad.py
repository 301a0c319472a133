"""Voice activity detection: the clips of a track that Whisper transcribes, found while the file is decoded."""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from domain.audio import decoding, opus
from domain.audio.probe import SilentFile, open_audio
from resources.transcription.clip import CLIP_S, MERGE_GAP_S, MIN_SILENCE_MS, PAD_MS, RATE, Clip

Samples = NDArray[np.float32]

STEP = opus.RATE // RATE
# Samples per window of voice detection, and the peak below which audio is digital silence, as of a muted microphone.
WINDOW = 240 * RATE
SILENT = 1e-4

log = logging.getLogger(__name__)


class AudioPiece(NamedTuple):
    """Consecutive 16 kHz mono samples; `start` is the first sample's position in the recording."""

    start: int
    samples: Samples


def decode(path: Path) -> Iterator[AudioPiece]:
    """Decode a file to 16 kHz mono and yield it in pieces, by the file's timestamps; raises UnreadableAudio.

    Missing packets and the silence inserted by padding are gaps between the pieces. A file without packets yields
    nothing: its participant was never audible.
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
    """Yield the stretches with voice as clips of at most 28 s, ready for Whisper.

    Digital silence is skipped, so that hours of a muted microphone cost neither time nor memory. The rest goes through
    voice activity detection in windows of 4 min, cut at pauses.
    """
    held: list[Samples] = []
    begin = end = 0
    for start, samples in _skip_silence(pieces):
        if not held or start - end > RATE:
            yield from _find_clips(held, begin)
            held, begin = [], start
        elif start > end:
            held.append(np.zeros(start - end, np.float32))
        held.append(samples)
        end = start + len(samples)
        if end - begin >= WINDOW:
            found = _find_clips(held, begin)
            rest = end - 2 * RATE
            if found and found[-1].end > rest:
                # The last clip may continue: search it again, at the earliest from the end of the clip before it.
                last = found.pop()
                rest = max(last.start - RATE // 2, found[-1].end if found else begin)
            yield from found
            held, begin = [np.concatenate(held)[rest - begin :].copy()], rest
    yield from _find_clips(held, begin)


def _skip_silence(pieces: Iterable[AudioPiece]) -> Iterator[AudioPiece]:
    """Drop silent pieces except for the ones directly before and after sound."""
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


def _find_clips(held: list[Samples], begin: int) -> list[Clip]:
    """Detect voice and join stretches at most 1 s apart to clips of at most 28 s."""
    if not held:
        return []
    from faster_whisper import vad  # noqa: PLC0415 - takes a second to import

    options = vad.VadOptions(min_silence_duration_ms=MIN_SILENCE_MS, speech_pad_ms=PAD_MS, max_speech_duration_s=CLIP_S)
    samples = np.concatenate(held)
    spans: list[tuple[int, int, int]] = []
    for found in cast(Any, vad).get_speech_timestamps(samples, options, sampling_rate=RATE):
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
