"""Windows of Whisper's input: consecutive clips share one, as it costs the same however little speech it has."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from resources.transcription.clip import CLIP_S, RATE, Clip

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Samples of a window: no more than one clip may have.
MOST = CLIP_S * RATE


class Window(NamedTuple):
    """Clips one after the other; their padding is the pause between them."""

    clips: Sequence[Clip]

    def samples(self) -> "NDArray[np.float32]":
        """Return the samples at 16 kHz."""
        import numpy as np  # noqa: PLC0415 - takes a while to import

        return np.concatenate([clip.samples for clip in self.clips])

    def number(self, start: float, end: float) -> int:
        """Return which clip has the middle of a word, whose times are in seconds of the window."""
        ends = accumulate(len(clip.samples) / RATE for clip in self.clips[:-1])
        return sum(end_of_clip <= (start + end) / 2 for end_of_clip in ends)

    def place(self, start: float, end: float) -> tuple[float, float]:
        """Return a word's start and end in the recording, within its clip, for those in the window, in seconds."""
        number = self.number(start, end)
        begin = sum(len(clip.samples) for clip in self.clips[:number]) / RATE
        first, last = self.clips[number].start / RATE, self.clips[number].end / RATE
        start, end = (float(min(max(at - begin + first, first), last)) for at in (start, end))
        return start, end


def windows(clips: Iterable[Clip]) -> Iterator[Window]:
    """Yield the clips in windows of at most 28 s, in order."""
    held: list[Clip] = []
    length = 0
    for clip in clips:
        if held and length + len(clip.samples) > MOST:
            yield Window(held)
            held, length = [], 0
        held.append(clip)
        length += len(clip.samples)
    if held:
        yield Window(held)
