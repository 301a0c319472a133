"""The words table, its Parquet format, merging tracks, and splitting words into sentences."""

from contextlib import suppress
from io import BytesIO
from typing import Any

import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import PermanentError
from domain.text.words import Word, from_parquet, merge, segments, sentences, table, text, to_parquet, words

TIMES = st.floats(0, 7200, allow_nan=False)
SPOKEN = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6).filter(str.strip)
WORDS = st.lists(st.builds(Word, SPOKEN, TIMES, TIMES, st.integers(-1, 20), st.floats(0, 1)), max_size=12)
TRACKS = st.lists(WORDS.map(lambda words: sorted(words, key=lambda word: word.start)), max_size=4)
pa: Any = pyarrow


def spoken(text: str, *, speaker: int = 0, start: float = 0.0, pace: float = 0.4) -> list[Word]:
    """Return one word every `pace` seconds, without pauses."""
    return [Word(w, start + n * pace, start + (n + 1) * pace, speaker, 0.9) for n, w in enumerate(text.split())]


def split(text: str) -> list[str]:
    return [sentence.text for sentence in sentences(table(spoken(text)))]


def test_the_table_has_the_documented_columns_even_without_words():
    for found in (table([Word(" Hello ", 1, 2, 0, 1)]), table([]), merge([]), merge([table([]), table([])])):
        kinds = {name: str(kind) for name, kind in found.dtypes.items()}
        assert kinds == {
            "word": "str",
            "start": "float64",
            "end": "float64",
            "speaker": "int64",
            "confidence": "float64",
        }
    assert words(table([Word(" Hello\n", 1, 2, 0, 1)])) == [Word("Hello", 1.0, 2.0, 0, 1.0)]
    assert words(table([])) == []


@settings(max_examples=50, deadline=None)
@given(WORDS)
def test_parquet_round_trip(rows: list[Word]):
    original = table(rows)
    restored = from_parquet(to_parquet(original))
    pd.testing.assert_frame_equal(restored, original)
    assert words(restored) == [word._replace(word=word.word.strip()) for word in rows]


def test_parquet_bytes_depend_on_the_content_alone():
    one = table(spoken("We release on Friday."))
    later = table(spoken("Not this. We release on Friday.", start=-0.8)).iloc[2:].astype({"word": "object"})
    assert words(one)[1].word == words(later)[1].word
    assert to_parquet(later) == to_parquet(table(words(later)))
    assert to_parquet(one) == to_parquet(one.copy())
    assert to_parquet(one) != to_parquet(table(spoken("We release on Monday.")))


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_damaged_parquet_is_rejected_or_read(data: st.DataObject):
    content = bytearray(to_parquet(table(spoken("Every record arrived, and nothing was lost."))))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(PermanentError):
        assert list(from_parquet(bytes(content)).columns) == list(table([]).columns)


@pytest.mark.parametrize(
    "other",
    [
        pd.DataFrame({"word": ["a"], "start": [0.0]}),
        pd.DataFrame({"word": ["a"], "start": ["soon"], "end": [1.0], "speaker": [0], "confidence": [1.0]}),
        pd.DataFrame({"word": ["a", None], "start": 0.0, "end": 1.0, "speaker": 0, "confidence": 1.0}),
        pd.DataFrame({"word": ["a"], "start": [None], "end": [1.0], "speaker": [0], "confidence": [1.0]}),
    ],
)
def test_other_tables_are_rejected(other: pd.DataFrame):
    with pytest.raises(PermanentError, match="no words table"):
        from_parquet(other.to_parquet())


def test_invalid_utf_8_is_rejected():
    invalid = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")])
    file = BytesIO()
    pa.parquet.write_table(
        pa.table({"word": invalid, "start": [0.0], "end": [1.0], "speaker": [0], "confidence": [1.0]}), file
    )
    with pytest.raises(PermanentError, match="no words table"):
        from_parquet(file.getvalue())


@pytest.mark.parametrize("garbage", [b"", b"PAR1", b"PAR1" * 100, b"{}"])
def test_other_content_is_rejected(garbage: bytes):
    with pytest.raises(PermanentError, match="no words table"):
        from_parquet(garbage)


@settings(max_examples=50, deadline=None)
@given(TRACKS)
def test_merge_sorts_by_start_and_is_stable(tracks: list[list[Word]]):
    merged = merge([table(track) for track in tracks])
    expected = sorted((word for track in tracks for word in words(table(track))), key=lambda word: word.start)
    assert words(merged) == expected
    assert list(merged.index) == list(range(len(expected)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It works. We ship it!", ["It works.", "We ship it!"]),
        ("Does it work? Yes.", ["Does it work?", "Yes."]),
        ('He said "stop." Then he left.', ['He said "stop."', "Then he left."]),
        ("I met Mr. Smith and Dr. Jones today.", ["I met Mr. Smith and Dr. Jones today."]),
        ("Ask J. R. Tolkien about it.", ["Ask J. R. Tolkien about it."]),
        ("It costs 3.5 euros. Cheap.", ["It costs 3.5 euros.", "Cheap."]),
        ("It costs 3. 5 euros.", ["It costs 3. 5 euros."]),
        ("Pens, paper, etc. are here.", ["Pens, paper, etc. are here."]),
        ("Pens, paper, etc. Then we left.", ["Pens, paper, etc.", "Then we left."]),
        ("Some fruit, e.g. Apples.", ["Some fruit, e.g. Apples."]),
        ("I was... thinking. Well... Yes.", ["I was... thinking.", "Well...", "Yes."]),
        ("The U.S. office opens at 9 a.m. on Monday.", ["The U.S. office opens at 9 a.m. on Monday."]),
        ("no punctuation at all", ["no punctuation at all"]),
        ("今日 は 晴れ です 。 明日 も 。", ["今日は晴れです。", "明日も。"]),
    ],
)
def test_sentences_end_at_punctuation(text: str, expected: list[str]):
    assert split(text) == expected


def test_overlapping_speakers_do_not_break_a_sentence():
    ada = table(spoken("We move the button to the top.", speaker=0, start=1.0))
    ben = table(spoken("Good idea. Yes.", speaker=1, start=1.5))
    found = sentences(merge([ada, ben]))
    assert [(s.speaker, s.text) for s in found] == [
        (0, "We move the button to the top."),
        (1, "Good idea."),
        (1, "Yes."),
    ]
    merged = words(merge([ada, ben]))
    for sentence in found:
        assert " ".join(merged[row].word for row in sentence.rows) == sentence.text
        assert {merged[row].speaker for row in sentence.rows} == {sentence.speaker}


def test_sentences_with_equal_starts_keep_the_order_of_the_table():
    rows = [Word("Yes.", 1, 2, 1, 1), Word("Hm", 1, 1.2, 0, 1), Word("well.", 1.2, 2, 0, 1), Word("No.", 1, 2, 1, 1)]
    assert [sentence.text for sentence in sentences(table(rows))] == ["Yes.", "Hm well.", "No."]
    assert [
        sentence.text for sentence in sentences(table([*spoken("Later.", start=5), *spoken("First.", speaker=1)]))
    ] == [
        "First.",
        "Later.",
    ]


def test_only_a_long_pause_ends_a_sentence():
    def split_with(pause: float) -> list[str]:
        before = spoken("so I thought")
        after = spoken("we could wait", start=before[-1].end + pause)
        return [sentence.text for sentence in sentences(table([*before, *after]))]

    assert split_with(1.6) == ["so I thought", "we could wait"]
    assert split_with(1.4) == ["so I thought we could wait"]


def test_a_long_sentence_is_split_after_a_clause():
    text = " ".join([*(f"w{n}" for n in range(29)), "w29,", *(f"w{n}" for n in range(30, 60))])
    found = split(text)
    assert [len(part.split()) for part in found] == [30, 30]
    assert " ".join(found) == text
    slow = sentences(table(spoken("word " * 30, pace=1.4)))
    assert all(sentence.end - sentence.start <= 20 for sentence in slow)
    assert [len(part.split()) for part in split("word " * 100)] == [40, 40, 20]


@settings(max_examples=50, deadline=None)
@given(TRACKS)
def test_sentences_contain_every_word_once_in_order(tracks: list[list[Word]]):
    merged = merge([table(track) for track in tracks])
    rows, found = words(merged), sentences(merged)
    assert sorted(row for sentence in found for row in sentence.rows) == list(range(len(merged)))
    assert found == sorted(found, key=lambda sentence: (sentence.start, sentence.rows[0]))
    assert all(list(sentence.rows) == sorted(sentence.rows) for sentence in found)
    speakers_of = {sentence.rows: {rows[row].speaker for row in sentence.rows} for sentence in found}
    assert all(len(speakers) == 1 for speakers in speakers_of.values())


def test_text_has_a_new_line_for_each_change_of_speaker():
    rows = merge(
        [
            table(spoken("Hello. How are you?", speaker=0)),
            table(spoken("Fine.", speaker=1, start=3)),
            table(spoken("Good.", speaker=0, start=5)),
        ]
    )
    assert text(rows) == text(sentences(rows)) == "Hello. How are you?\nFine.\nGood."
    assert text(table([])) == ""


def test_segments_have_names():
    found = segments(sentences(table(spoken("Hello.") + spoken("Hi.", speaker=3, start=2))), {0: "Ada"})
    assert [(s.name, s.text, s.speaker) for s in found] == [("Ada", "Hello.", 0), ("Speaker 4", "Hi.", 3)]
