"""What Whisper reports of itself: clips that it decodes again, or leaves out (the thresholds are its authors')."""

from collections import Counter
from collections.abc import Callable, Sequence
from math import log
from statistics import fmean
from typing import TYPE_CHECKING

from domain.text.loops import compression
from resources.transcription.clip import RATE, Clip

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.transcribe import Segment, Word

MOST_COMPRESSION, LEAST_PROBABILITY, NO_SPEECH = 2.4, -1.0, 0.6
"""A text that compresses better is a loop; the mean log probability of a token; the probability of no speech."""
TEMPERATURES = (0.2, 0.4, 0.6, 0.8, 1.0)
# A beam of 1 loses the last sentence of some clips.
BEAM, SAMPLES = 5, 3
# There is no speech of more tokens.
TOKENS_PER_S, MOST_TOKENS = 20, 200

# Of a clip in a joined window. Short answers have one; laughter gets none, or the first word of the speech behind it.
LEAST_WORDS_PER_S = 0.5

LOOP, IMPROBABLE, SILENCE = "repeats itself", "is improbable", "isn't speech"


def fault(segments: "Sequence[Segment]") -> str | None:
    """Return what is wrong with what was heard of a clip, or None."""
    if not segments:
        return None
    if compression("".join(segment.text for segment in segments)) > MOST_COMPRESSION:
        return LOOP
    if min(segment.avg_logprob for segment in segments) >= LEAST_PROBABILITY:
        return None
    return SILENCE if max(segment.no_speech_prob for segment in segments) > NO_SPEECH else IMPROBABLE


def is_likely(words: "Sequence[Word]", seconds: float) -> bool:
    """Return whether words can be the whole text of a clip in a joined window, with these seconds of voice."""
    if len(words) < LEAST_WORDS_PER_S * seconds or compression("".join(word.word for word in words)) > MOST_COMPRESSION:
        return False
    return fmean(log(max(word.probability, 1e-9)) for word in words) >= LEAST_PROBABILITY


def checked(
    segments: "Sequence[Segment]", again: "Callable[[], Sequence[Segment]]", notes: Counter[str]
) -> "Sequence[Segment]":
    """Return what was heard of a clip, at once or when decoded again; nothing if it is a loop or isn't speech.

    The notes count what was decoded again and left out, with the reason. Improbable speech stays: of both texts the
    more probable one. What is improbable instead of a loop, such as of laughter, is no text.
    """
    if (first := fault(segments)) is None:
        return segments
    if first == SILENCE:
        notes[f"clips left out: the text {SILENCE}"] += 1
        return ()
    notes[f"clips decoded again: the text {first}"] += 1
    retried = again()
    last = fault(retried) if retried else first
    if last is None:
        return retried
    if first == last == IMPROBABLE:
        return max((segments, retried), key=_probability)
    notes[f"clips left out: the text {first if last == IMPROBABLE else last}"] += 1
    return ()


def _probability(segments: "Sequence[Segment]") -> float:
    return min((segment.avg_logprob for segment in segments), default=float("-inf"))


def decode_again(model: "WhisperModel", clip: Clip, language: str, hotwords: str | None) -> "list[Segment]":
    """Decode a clip at rising temperatures, until the text is no loop and probable; times are in the clip."""
    seconds = len(clip.samples) / RATE
    segments, _ = model.transcribe(  # pyright: ignore[reportUnknownMemberType] - a bare ndarray
        clip.samples,
        language=language,
        beam_size=BEAM,
        temperature=TEMPERATURES,
        compression_ratio_threshold=MOST_COMPRESSION,
        log_prob_threshold=LEAST_PROBABILITY,
        no_speech_threshold=NO_SPEECH,
        condition_on_previous_text=False,
        without_timestamps=True,
        word_timestamps=True,
        max_new_tokens=min(round(TOKENS_PER_S * seconds) + 10, MOST_TOKENS),
        best_of=SAMPLES,
        hotwords=hotwords,
    )
    return list(segments)
