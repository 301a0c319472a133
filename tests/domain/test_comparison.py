"""Comparison of two transcripts of one meeting, with figures calculated by hand."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.comparison import ShadowComparison, compare, report, table, word_error_rate
from domain.errors import PermanentError
from domain.old_transcripts import OldTopic, OldTranscript, read_list
from domain.results import Transcript
from tests.domain.finished import finished
from tests.domain.text.test_markdown import GENEROUS, MARKUP

# Ours says "The budget is enough." and "We have many plans.": eight words.
OLD: dict[str, Any] = {
    "id": "whatever",
    "title": "weekly Meeting!",
    "short_summary": "They met again.",
    "long_summary": "# Quick recap\n\nThey met again.",
    "status": "ended",
    "transcript": "WEBVTT\n\n00:01.000 --> 00:04.000\n<v Ada>The budget is large enough\n\n"
    "00:01:06.000 --> 00:01:09.000\n<v Ada>we HAVE some plans\n",
    "transcript_format": "webvtt-named",
    "share_mode": "private",
}
GIVEN: dict[str, Any] = {"id": "1", "title": "All of it", "summary": "", "timestamp": 0.0, "transcript": "not read"}
TOPICS = read_list([GIVEN], OldTopic)
URL = "https://old.example.com/transcripts/whatever"


def compared(ours: Transcript | None = None, **other: Any) -> ShadowComparison:
    return compare(ours or finished(), OldTranscript.read({**OLD, **other}), TOPICS, URL)


SENTENCES = st.lists(st.text("abc ,.!?'é", max_size=30), max_size=5).map(" ".join)


def test_the_figures_of_a_pair() -> None:
    found = compared()
    assert found.theirs is not None
    assert (found.ours.topics, found.theirs.topics) == (2, 1)
    assert (found.ours.words, found.theirs.words) == (8, 9)
    assert found.same_title, "except for case and punctuation"
    # Of nine words, "large" is missing and "some" differs.
    assert found.word_error_rate == pytest.approx(2 / 9, abs=1e-4)
    assert (found.note, found.their_id, found.their_url) == (None, "whatever", URL)
    markdown = table(found)
    assert "| title | Weekly meeting | weekly Meeting! |" in markdown
    assert "| short summary | They met. | They met again. |" in markdown
    assert "| topics | 2 | 1 |" in markdown
    assert "| words | 8 | 9 |" in markdown
    harmful = found.ours.model_copy(update={"title": "<img src=x> [a](b) | http://evil.test"})
    assert not MARKUP.search(GENEROUS.render(table(found.model_copy(update={"ours": harmful, "their_url": None}))))
    assert "Word error rate against the old system: 22.2 %." in markdown
    assert f"[whatever]({URL})" in markdown


@pytest.mark.parametrize("status", ["idle", "uploaded", "recording", "processing", "error"])
def test_an_unfinished_transcript_is_no_result(status: str) -> None:
    found = compared(status=status)
    assert (found.theirs, found.their_id, found.note) == (
        None,
        "whatever",
        f"the old system isn't done with it ({status})",
    )


@pytest.mark.parametrize("text", ["WEBVTT", "", "WEBVTT\n\n00:01.000 --> 00:04.000\n<v Ada>...\n"])
def test_a_finished_transcript_without_words_is_no_result(text: str) -> None:
    found = compared(transcript=text)
    assert (found.theirs, found.word_error_rate, found.note) == (None, None, "the old system finished it without words")
    assert "unknown" in table(found)


WRONG: list[Any] = [[], "text", {"title": 7}, {**OLD, "status": None}, {**OLD, "transcript": []}]


@pytest.mark.parametrize("wrong", WRONG)
def test_invalid_transcripts_are_rejected(wrong: Any) -> None:
    with pytest.raises(PermanentError, match="can't be read"):
        OldTranscript.read(wrong)


def test_comparisons_are_aggregated() -> None:
    missing = ShadowComparison(recording_id="c", ours=compared().ours, note="not there")
    found = report([compared(), compared(finished(title="Other", topics=[])), missing])
    assert (found.recordings, found.compared, found.same_titles) == (3, 2, 1)
    assert found.median_topics == (1.0, 1.0)
    assert found.median_words == (8.0, 9.0)
    assert found.worst_word_error_rate == found.median_word_error_rate == pytest.approx(2 / 9, abs=1e-4)
    assert report([]).median_words is None


@given(SENTENCES, SENTENCES)
def test_equal_texts_have_rate_zero_and_no_rate_is_negative(one: str, other: str) -> None:
    rate, same = word_error_rate(one, other), word_error_rate(one, one.upper())
    assert rate is None or rate >= 0
    assert same in (None, 0.0)
