"""Brief meetings, too short for two topics: their one topic has the title and the summary of the meeting, too."""

from collections.abc import Sequence

from domain.results import Topic
from domain.summarize.sections import LEAST_WORDS

# Characters of a title, and those of a summary whatever was said.
TITLE, LEAST = 60, 80


def is_brief(words: int) -> bool:
    """Return True if a meeting of this many words can have only one topic."""
    return words < 2 * LEAST_WORDS


def brief_topic(topics: Sequence[Topic]) -> Topic | None:
    """Return the topic of a brief meeting, unless it has no summary; None of a longer one."""
    only = topics[0] if len(topics) == 1 else None
    return only if only and only.summary and is_brief(only.words_to - only.words_from) else None


def most_words(words: int) -> int:
    """Return how many words a summary may have by the prompt, for a meeting of `words` words."""
    return max(8, words // 3)


def too_long(title: str, summary: str, said: str) -> str:
    """Return an objection to a title and a summary that don't suit what was said; empty if they do.

    Letters are counted, not words, because some scripts have no spaces: half of what was said.
    """
    most = max(LEAST, len(said) // 2)
    if len(title) > TITLE:
        return f"the title is too long for so short a meeting: at most {TITLE} characters"
    if len(summary) > most:
        return f"the summary is too long for so short a meeting: at most {most} characters"
    return ""
