"""A meeting is divided where its subject changes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import topic_boundaries
from domain.summarize.sections import LEAST_WORDS, MOST, sections
from domain.text.words import Word, table


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.sampled_from(["budget", "budget.", "roof", "roof.", "仓库。", "the", "we", "next", "point."]), max_size=900
    ),
    st.floats(0.1, 3.0),
)
def test_sections_cover_every_word_once_and_are_neither_short_nor_many(spoken: list[str], seconds: float) -> None:
    words = table(Word(word, n * seconds, n * seconds + 0.1, n // 7 % 3, 1.0) for n, word in enumerate(spoken))
    found = sections(words)
    assert [row for chunk in found for row in range(*chunk)] == list(range(len(words)))
    assert all(chunk.words_to - chunk.words_from >= LEAST_WORDS for chunk in found) or len(found) <= 1
    assert len(found) <= max(1, min(MOST, len(words) * seconds / 60))
    assert sections(words) == found


@pytest.mark.parametrize("language", list(topic_boundaries.LANGUAGES))
def test_changes_of_subject_are_found_more_often_than_every_300_words(language: str) -> None:
    recall, precision, _ = topic_boundaries.measured(sections, language, 6)
    before, exact, _ = topic_boundaries.measured(topic_boundaries.every_300_words, language, 6)
    assert recall > before
    assert recall + precision > before + exact + 0.1


def test_two_minutes_are_one_topic_and_three_hours_at_most_forty() -> None:
    words, changes = topic_boundaries.meeting(3, "English")
    assert len(changes) > 3
    assert len(sections(words.iloc[:300])) == 1
    spoken = [word for seed in range(8) for word in topic_boundaries.meeting(seed, "English")[0]["word"].tolist()]
    long = table(Word(word, n * 0.65, n * 0.65 + 0.3, n // 9 % 20, 1.0) for n, word in enumerate(spoken[:16_600]))
    assert 20 <= len(sections(long)) <= 40
