"""Word times that agree with the track's sound, for all backends: their models share one fault."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from domain.errors import ReflectorError
from domain.text.words import Word
from resources.transcription.clip import RATE

if TYPE_CHECKING:
    from domain.audio.levels import Meter
    from resources.transcription.vad import AudioPiece

log = logging.getLogger(__name__)


def settle(
    words: Sequence[Word], local: Callable[[], AbstractContextManager[Path]], duration: float, meter: "Meter | None"
) -> tuple[Word, ...] | None:
    """Return the words with times by the sound of their track, up to `duration` in seconds.

    Without a meter, the track at the path that `local` provides is decoded. None if it can't be read: what was heard,
    and may have been paid for, must not be lost by that.
    """
    from domain.audio import levels, word_times  # noqa: PLC0415 - NumPy and PyAV take 0.4 s to load
    from resources.transcription.vad import decode  # noqa: PLC0415 - the same

    try:
        if meter is None:
            meter = levels.Meter(RATE)
            with local() as path:
                deque(measured(decode(path), meter), maxlen=0)
    except ReflectorError as error:
        log.warning("The word times can't be compared with the track's sound: %s", error)
        return None
    heard = meter.levels()[: int(duration / levels.FRAME_S)]
    return word_times.settle(words, levels.sounds(heard, [(word.start, word.end) for word in words]))


def measured(pieces: "Iterable[AudioPiece]", meter: "Meter") -> "Iterator[AudioPiece]":
    """Yield the pieces, and add them to the meter."""
    for piece in pieces:
        meter.add(piece.start, piece.samples)
        yield piece
