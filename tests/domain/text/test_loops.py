"""What a transcriber repeats faster than anybody speaks is shortened; what people say stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.text.loops import compression, without_loops
from domain.text.words import Word


def spoken(text: str, seconds: float) -> list[Word]:
    parts = text.split()
    each = seconds / len(parts)
    return [Word(part, n * each, (n + 1) * each, 0, 0.9) for n, part in enumerate(parts)]


@pytest.mark.parametrize(
    ("text", "seconds", "left"),
    [
        ("Ha" + "ha" * 150, 4.6, "Hahaha"),
        ("ja" * 40 + "j", 2.0, "jajaja"),
        ("4 - " * 112, 16.8, "4 - " * 84),
        ("well " + "thank you " * 30, 3.05, "well " + "thank you " * 15),
        # Not repeated, and far too long for its time.
        ("so Llanfairpwllgwyngyllgogerychwyrndrobwll", 0.4, "so"),
    ],
)
def test_what_cant_be_spoken_is_shortened(text: str, seconds: float, left: str):
    kept, changed = without_loops(spoken(text, seconds))
    assert len(kept) == pytest.approx(len(left.split()), abs=1)
    assert " ".join(word.word for word in kept)[: len(left) - 4] == left[: len(left) - 4]
    assert changed > 0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("no no no no no no", 1.2),
        ("5 5 5 1 2 2 2 2 2 2", 2.5),
        ("Donaudampfschifffahrtsgesellschaft ist lang", 2.6),
        ("ha ha ha ha ha", 1.0),
        ("I think that we can do that very very fast if we really have to", 2.2),
    ],
)
def test_what_people_say_stays(text: str, seconds: float):
    words = spoken(text, seconds)
    assert without_loops(words) == (tuple(words), 0)


@given(st.lists(st.sampled_from(["a", "we", "go", "there", "会", "4"]), max_size=60), st.floats(0.16, 0.5))
def test_words_at_a_speaker_s_pace_all_stay(parts: list[str], each: float):
    words = [Word(part, n * each, (n + 1) * each, 0, 0.9) for n, part in enumerate(parts)]
    assert without_loops(words) == (tuple(words), 0)


def test_a_loop_compresses_well_and_speech_does_not():
    assert compression("") == 0
    assert compression(" Fa fa fa fa fa fa fa fa fa fa fa fa fa fa fa fa fa fa fa") > 2.4
    assert (
        compression("We tested it twice on a copy of the production database. Both times every record arrived.") < 1.5
    )
