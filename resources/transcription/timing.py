"""Word times that agree with the track's sound, for all backends: their models share one fault."""

import logging
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
    words: Sequence[Word], local: Callable[[], AbstractContextManager[Path]], duration: float
) -> tuple[Word, ...] | None:
    """Return the words with times by the sound of their track, whose path `local` provides.

    None if the track can't be read: what was heard, and may have been paid for, must not be lost by that.
    """
    from domain.audio.levels import Meter  # noqa: PLC0415 - NumPy and PyAV take 0.4 s to load
    from resources.transcription.vad import decode  # noqa: PLC0415 - the same

    meter = Meter(RATE)
    try:
        with local() as path:
            for piece in decode(path):
                meter.add(piece.start, piece.samples)
    except ReflectorError as error:
        log.warning("The word times can't be compared with the track's sound: %s", error)
        return None
    return by_sound(words, meter, duration)


def by_sound(words: Sequence[Word], meter: "Meter", duration: float) -> tuple[Word, ...]:
    """Return the words with times by the sound that was measured, up to `duration` in seconds."""
    from domain.audio import levels, word_times  # noqa: PLC0415 - NumPy takes long to load

    heard = meter.levels()[: int(duration / levels.FRAME_S)]
    return word_times.settle(words, levels.sounds(heard, [(word.start, word.end) for word in words]))


def measured(pieces: "Iterable[AudioPiece]", meter: "Meter") -> "Iterator[AudioPiece]":
    """Yield the pieces, and add them to the meter."""
    for piece in pieces:
        meter.add(piece.start, piece.samples)
        yield piece
