"""The words of a few windows of clips, by faster-whisper."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from domain.text.spacing import continues
from domain.text.words import Word
from resources.transcription.clip import RATE
from resources.transcription.quality import BEAM, checked, decode_again, fault, is_likely
from resources.transcription.whisper_device import BATCH
from resources.transcription.window import Window

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.transcribe import Segment
    from faster_whisper.transcribe import Word as SpokenWord

# Each window gets Whisper's input length to itself.
SLOT_S = 30
# Languages that Whisper's tokenizer splits into characters; in others every word begins with a space.
UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "yue"})


def transcribe_batch(
    model: "WhisperModel", batch: Sequence[Window], language: str, speaker: int, terms: str | None, notes: Counter[str]
) -> Iterator[Word]:
    """Transcribe a few windows at once; the clips of one whose text is no good get windows of their own.

    The notes count clips whose text was no good and was decoded again or left out.
    """
    for window, heard in zip(batch, _hear(model, batch, language, terms), strict=True):
        if len(window.clips) > 1 and not _is_good(window, heard):
            # A window can have more clips than a batch.
            apart = [Window([clip]) for clip in window.clips]
            for first in range(0, len(apart), BATCH["cpu"]):
                few = apart[first : first + BATCH["cpu"]]
                yield from transcribe_batch(model, few, language, speaker, terms, notes)
            continue
        good = checked(heard, partial(decode_again, model, window.clips[0], language, terms), notes)
        for word in chain.from_iterable(_join_parts(s.words or [], spaced=language not in UNSPACED) for s in good):
            if text := word.word.strip():
                start, end = window.place(word.start, word.end)
                confidence = min(max(float(word.probability), 0.0), 1.0)
                yield Word(text, round(start, 3), round(end, 3), speaker, round(confidence, 4))


def _is_good(window: Window, heard: "Sequence[Segment]") -> bool:
    """Return whether the text of a joined window is good, also in each of its clips."""
    shares: list[list[SpokenWord]] = [[] for _ in window.clips]
    for word in chain.from_iterable(segment.words or [] for segment in heard):
        shares[window.number(word.start, word.end)].append(word)
    likely = (is_likely(words, clip.voice / RATE) for words, clip in zip(shares, window.clips, strict=True))
    return fault(heard) is None and all(likely)


def _hear(model: "WhisperModel", batch: Sequence[Window], language: str, terms: str | None) -> "list[list[Segment]]":
    """Return what is heard of each window; the times of words are in the window."""
    import numpy as np  # noqa: PLC0415 - the same
    from faster_whisper import BatchedInferencePipeline  # noqa: PLC0415 - takes a second to import

    slots = np.zeros(len(batch) * SLOT_S * RATE, np.float32)
    stamps: list[Any] = []
    for number, samples in enumerate(window.samples() for window in batch):
        slots[number * SLOT_S * RATE :][: len(samples)] = samples
        stamps.append({"start": number * SLOT_S, "end": number * SLOT_S + len(samples) / RATE})
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
        number = segment.seek // (SLOT_S * 100)
        begin = number * SLOT_S
        words = [replace(word, start=word.start - begin, end=word.end - begin) for word in segment.words or []]
        heard[number].append(replace(segment, words=words))
    return heard


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
