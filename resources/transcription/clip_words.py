"""The words of a few clips, by faster-whisper."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from domain.text.spacing import continues
from domain.text.words import Word
from resources.transcription.clip import RATE, Clip
from resources.transcription.quality import BEAM, checked, decode_again

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.transcribe import Segment
    from faster_whisper.transcribe import Word as SpokenWord

# Each clip gets a window of Whisper's input length to itself.
SLOT_S = 30
# Languages that Whisper's tokenizer splits into characters; in others every word begins with a space.
UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "yue"})


def transcribe_batch(
    model: "WhisperModel", batch: list[Clip], language: str, speaker: int, terms: str | None, notes: Counter[str]
) -> Iterator[Word]:
    """Transcribe a few clips at once, each in a 30 s slot of its own, by which words are assigned to clips.

    The notes count clips whose text was no good and was decoded again or left out.
    """
    import numpy as np  # noqa: PLC0415 - the same
    from faster_whisper import BatchedInferencePipeline  # noqa: PLC0415 - takes a second to import

    slots = np.zeros(len(batch) * SLOT_S * RATE, np.float32)
    for number, clip in enumerate(batch):
        slots[number * SLOT_S * RATE :][: len(clip.samples)] = clip.samples
    stamps: list[Any] = [
        {"start": number * SLOT_S, "end": number * SLOT_S + len(clip.samples) / RATE}
        for number, clip in enumerate(batch)
    ]
    segments, _ = BatchedInferencePipeline(model).transcribe(  # pyright: ignore[reportUnknownMemberType] - a bare ndarray
        slots,
        language=language,
        clip_timestamps=stamps,
        batch_size=len(batch),
        beam_size=BEAM,
        word_timestamps=True,
        temperature=0.0,
        vad_filter=False,
        hotwords=terms,
    )
    heard: list[list[Segment]] = [[] for _ in batch]
    for segment in segments:
        heard[segment.seek // (SLOT_S * 100)].append(segment)
    for slot, (clip, found) in enumerate(zip(batch, heard, strict=True)):
        good, again = checked(found, partial(decode_again, model, clip, language, terms), notes)
        first, last = clip.start / RATE, clip.end / RATE
        offset = first if again else first - slot * SLOT_S
        for word in chain.from_iterable(_join_parts(s.words or [], spaced=language not in UNSPACED) for s in good):
            if text := word.word.strip():
                start, end = (float(min(max(at + offset, first), last)) for at in (word.start, word.end))
                confidence = min(max(float(word.probability), 0.0), 1.0)
                yield Word(text, round(start, 3), round(end, 3), speaker, round(confidence, 4))


def _join_parts(words: "list[SpokenWord]", *, spaced: bool) -> "list[SpokenWord]":
    """Join the parts into which Whisper splits words like "10" ",000" and "90" "-day": they have no leading space.

    Where words have none either, parts of Latin words and numbers are joined: "K" "ub" "ern" "etes", "20" "24".
    """
    whole: list[SpokenWord] = []
    for word in words:
        before = whole[-1] if whole and not word.word[:1].isspace() else None
        if before is not None and (spaced or continues(before.word, word.word)):
            confidence = min(before.probability, word.probability)
            whole[-1] = replace(before, word=before.word + word.word, end=word.end, probability=confidence)
        else:
            whole.append(word)
    return whole
