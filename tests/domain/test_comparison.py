"""Comparison of two transcripts of one meeting, with figures calculated by hand."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.comparison import OldTranscript, ShadowComparison, compare, report, table, word_error_rate
from domain.errors import PermanentError
from domain.text.captions import webvtt
from tests.domain.finished import finished

# Ours says "The budget is enough." and "We have many plans.": eight words.
OLD: dict[str, Any] = {
    "id": "whatever",
    "title": "weekly Meeting!",
    "short_summary": "They met again.",
    "long_summary": "# Quick recap\n\nThey met again.",
    "status": "ended",
    "topics": [{"id": "1", "title": "All of it", "summary": "", "timestamp": 0.0, "transcript": "not read"}],
    "webvtt": "WEBVTT\n\n00:01.000 --> 00:04.000\n<v Ada>The budget is large enough\n\n"
    "00:01:06.000 --> 00:01:09.000\n<v Ada>we HAVE some plans\n",
    "share_mode": "private",
}
SENTENCES = st.lists(st.text("abc ,.!?'é", max_size=30), max_size=5).map(" ".join)


def test_the_figures_of_a_pair() -> None:
    found = compare(finished(), OldTranscript.read(OLD))
    assert found.theirs is not None
    assert (found.ours.topics, found.theirs.topics) == (2, 1)
    assert (found.ours.words, found.theirs.words) == (8, 9)
    assert found.same_title, "except for case and punctuation"
    # Of nine words, "large" is missing and "some" differs.
    assert found.word_error_rate == pytest.approx(2 / 9, abs=1e-4)
    assert found.note is None
    markdown = table(found)
    assert "| title | Weekly meeting | weekly Meeting! |" in markdown
    assert "| short summary | They met. | They met again. |" in markdown
    assert "| topics | 2 | 1 |" in markdown
    assert "| words | 8 | 9 |" in markdown
    assert "Word error rate against the old system: 22.2 %." in markdown


def test_words_come_from_topics_without_captions() -> None:
    topics = [{"title": "a", "transcript": "The budget is"}, {"title": "b", "webvtt": webvtt(finished().segments)}]
    old = OldTranscript.read({"topics": topics})
    assert old.text() == "The budget is The budget is enough. We have many plans."
    assert compare(finished(), old).word_error_rate == pytest.approx(3 / 11, abs=1e-4)
    wordless = compare(finished(), OldTranscript.read({}))
    assert (wordless.word_error_rate, wordless.same_title) == (None, False)
    assert "unknown" in table(wordless)


@pytest.mark.parametrize(("status", "done"), [("ended", True), ("error", True), (None, True), ("processing", False)])
def test_unfinished_transcripts_are_detected(status: str | None, *, done: bool) -> None:
    assert OldTranscript.read({"status": status}).is_finished() == done


WRONG: list[Any] = [[], "text", {"title": 7}, {"topics": [{"title": []}]}]


@pytest.mark.parametrize("wrong", WRONG)
def test_invalid_transcripts_are_rejected(wrong: Any) -> None:
    with pytest.raises(PermanentError, match="can't be read"):
        OldTranscript.read(wrong)


def test_comparisons_are_aggregated() -> None:
    old = OldTranscript.read(OLD)
    missing = ShadowComparison(recording_id="c", ours=compare(finished(), old).ours, note="not there")
    found = report([compare(finished(), old), compare(finished(title="Other", topics=[]), old), missing])
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
