"""Parsing of language models' answers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.summarize.llm_answers import Unusable, read_answer
from domain.summarize.prompts import TopicAnswer

GOOD = '{"title": "Budget", "summary": "Ada set it."}'


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"<think>{{'no'}} {{\"title\": 1}}</think>\n{GOOD}",
        f"hmm, a summary ...</think>{GOOD}",
        f"```json\n{GOOD}\n```",
        f'Sure! For example {{}} or {{"a": 1}}. Here: {GOOD} Done.',
        f"\ufeff  {GOOD}",
    ],
)
def test_json_is_found_in_surrounding_text(text: str) -> None:
    assert read_answer(text, TopicAnswer).title == "Budget"


@pytest.mark.parametrize(
    ("text", "reason", "had_json"),
    [
        ("", "empty", False),
        (f"<think>{GOOD}</think> ", "empty", False),
        ("Just prose.", "no JSON", False),
        (GOOD[:-4], "no JSON", False),
        ("[1, 2]", "no JSON", False),
        ('{"title": "Budget"}', "summary: Field required", True),
        ('{"title": " ", "summary": "x"}', "title: .*empty", True),
        ('{"title": "\\ud800\\u0000", "summary": "x"}', "title: .*empty", True),
        (json.dumps({"title": "long " * 100, "summary": "x"}), "at most 160", True),
        ("{" * 100_000, "no JSON", False),
        ('{"a":' * 50_000, "no JSON", False),
    ],
)
def test_unusable_answers_have_a_reason(text: str, reason: str, had_json: bool) -> None:
    with pytest.raises(Unusable, match=reason) as error:
        read_answer(text, TopicAnswer)
    assert error.value.had_json == had_json
    assert len(str(error.value)) < 500


@given(st.text(), st.text())
def test_any_surrounding_text_gives_the_answer_or_unusable(before: str, after: str) -> None:
    try:
        assert read_answer(before + GOOD + after, TopicAnswer)
    except Unusable:
        assert "<" in before + after or "{" in before or '"' in before
