"""The clips of a track that Whisper transcribes."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Samples per second.
RATE = 16_000
# Pauses, padding and maximum length of a clip; Whisper's window is 30 s, of which 2 s stay free.
MIN_SILENCE_MS, PAD_MS, CLIP_S, MERGE_GAP_S = 500, 200, 28, 1.0


class Clip(NamedTuple):
    """A stretch with voice: its start, its samples and how many of them are voice, counted in samples at 16 kHz."""

    start: int
    samples: "NDArray[np.float32]"
    voice: int

    @property
    def end(self) -> int:
        """Position of the first sample after the clip."""
        return self.start + len(self.samples)
