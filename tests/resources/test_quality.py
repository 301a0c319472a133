"""What Whisper reports of a clip decides whether its text stays, is decoded again, or is left out."""

from collections import Counter

import pytest
from faster_whisper.transcribe import Segment

from resources.transcription.quality import checked

LOOP = "you you you you you you you you you you you you you you you you you you you you you you"


def segment(text: str, logprob: float, no_speech: float = 0.1) -> Segment:
    return Segment(0, 0, 0.0, 1.0, text, [], logprob, 1.0, no_speech, [], 0.0)


GOOD = segment("Good morning, everyone.", -0.3)
UNSURE, LESS_SURE = segment("Good warning ever one.", -1.2), segment("Gut mo in every one.", -1.6)
REPEATED, SILENT = segment(LOOP, -0.1), segment("Thanks for watching!", -1.3, 0.8)


@pytest.mark.parametrize(
    ("first", "second", "stays", "notes"),
    [
        (GOOD, None, GOOD, []),
        # Whisper is unsure whether it is speech, and sure of the words: quiet speech.
        (segment("Yes.", -0.4, 0.9), None, segment("Yes.", -0.4, 0.9), []),
        (REPEATED, GOOD, GOOD, ["clips decoded again: the text repeats itself"]),
        (UNSURE, GOOD, GOOD, ["clips decoded again: the text is improbable"]),
        (UNSURE, LESS_SURE, UNSURE, ["clips decoded again: the text is improbable"]),
        (LESS_SURE, UNSURE, UNSURE, ["clips decoded again: the text is improbable"]),
        (
            *(REPEATED, REPEATED, None),
            ["clips decoded again: the text repeats itself", "clips left out: the text repeats itself"],
        ),
        # Laughter: no loop at a high temperature, and no text either.
        (
            *(REPEATED, UNSURE, None),
            ["clips decoded again: the text repeats itself", "clips left out: the text repeats itself"],
        ),
        (SILENT, None, None, ["clips left out: the text isn't speech"]),
        (
            UNSURE,
            SILENT,
            None,
            ["clips decoded again: the text is improbable", "clips left out: the text isn't speech"],
        ),
    ],
)
def test_texts_of_clips(first: Segment, second: Segment | None, stays: Segment | None, notes: list[str]):
    found: Counter[str] = Counter()
    asked: list[str] = []

    def again() -> list[Segment]:
        asked.append("again")
        assert second is not None
        return [second]

    assert list(checked([first], again, found)) == ([] if stays is None else [stays])
    assert found == Counter(notes)
    assert len(asked) == (second is not None)


def test_a_clip_without_text_needs_no_second_try():
    assert checked([], lambda: pytest.fail("decoded again"), Counter()) == []
