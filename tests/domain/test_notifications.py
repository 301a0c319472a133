"""Outgoing messages: stable event ids, the documented body, and escaping for Zulip."""

import json
import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain import notifications
from testing.hosts.webhook_host import Completed, Test
from tests.domain.finished import RECORDING, finished

PAGE = "https://reflector.example.com"
TOKENS = [
    "`",
    "```",
    "~~~~",
    "```spoiler x",
    "@",
    "@**all**",
    "@_**Ada**",
    "@*g*",
    "[x]",
    "](",
    "][",
    "\n",
    "\r",
    "\0",
    " ",
    "> ",
    "a",
]
NASTY = st.lists(st.sampled_from(TOKENS), max_size=8).map("".join)


def topic(**fields: Any) -> dict[str, Any]:
    known: dict[str, Any] = {"id": "t", "title": "", "summary": "", "timestamp": 0.0, "duration": 1.0}
    return {**known, "words_from": 0, "words_to": 1, **fields}


def body(**other: Any) -> dict[str, Any]:
    return notifications.webhook_body(finished(**other), "weekly", at=1774252800.0, language="de", page_url=PAGE)


def test_the_body_matches_its_documentation() -> None:
    sent = json.loads(json.dumps(body()))
    Completed.model_validate(sent)
    assert sent["timestamp"] == "2026-03-23T08:00:00+00:00"
    assert sent["transcript"]["frontend_url"] == f"{PAGE}/transcripts/{RECORDING}"
    assert sent["room"] == {"id": "weekly", "name": "weekly"}
    first, second = sent["transcript"]["topics"]
    assert "The budget is enough." in first["webvtt"]
    assert "many plans" not in first["webvtt"]
    assert "many plans" in second["webvtt"]
    assert [one["speaker"] for one in sent["transcript"]["participants"]] == [0, None]
    Test.model_validate(notifications.trial_body("weekly", at=0.0, event="6ba7b810-9dad-11d1-80b4-00c04fd430c8"))


MOMENTS = st.sampled_from([0.0, 10.0, 20.0, 20.5, 65.0, 90.0]) | st.floats(0, 100)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(MOMENTS, MOMENTS), max_size=5), st.lists(st.tuples(MOMENTS, MOMENTS), max_size=8))
def test_each_sentence_is_in_the_captions_of_one_topic(
    topics: list[tuple[float, float]], spoken: list[tuple[float, float]]
) -> None:
    """Speakers overlap at a topic's boundary, and a last sentence can have no length."""
    sent = body(
        topics=[topic(id=str(n), timestamp=at, duration=length) for n, (at, length) in enumerate(sorted(topics))],
        segments=[
            {"speaker": 0, "name": "Ada", "start": at, "end": at + length, "text": f"Sentence {n}."}
            for n, (at, length) in enumerate(sorted(spoken))
        ],
    )["transcript"]
    cues = [cue for one in sent["topics"] for cue in one["webvtt"].strip().split("\n\n")[1:]]
    assert sorted(cues) == (sorted(sent["webvtt"].strip().split("\n\n")[1:]) if topics else [])


def test_the_event_id_depends_on_the_content_only() -> None:
    first = notifications.event_id(finished())
    assert notifications.event_id(finished()) == first
    assert notifications.event_id(finished(audio_key="elsewhere", method="other", words=9)) == first
    changed: list[dict[str, Any]] = [
        {"title": "Other"},
        {"segments": []},
        {"recording_id": "other"},
        {"topics": []},
        {"short_summary": "x"},
    ]
    assert len({first, *(notifications.event_id(finished(**one)) for one in changed)}) == len(changed) + 1


def test_zulip_text_has_title_date_link_length_summary_and_topics() -> None:
    text = notifications.zulip_text(finished(), PAGE)
    assert text.startswith(f"## Weekly meeting\n2026-03-23 08:00 UTC · [Transcript]({PAGE}/transcripts/{RECORDING})")
    assert "· 01:30\n" in text
    assert "```spoiler Summary\n# Quick recap" in text
    assert "```spoiler Topics\n* [00:00] **Budget** Enough\n* [01:05] **Plans** Many\n```" in text


@settings(deadline=None)
@given(NASTY, NASTY, NASTY, NASTY)
@example("", "[x]\0[x]", "", "")
def test_text_of_a_meeting_is_escaped(title: str, summary: str, heading: str, line: str) -> None:
    transcript = finished(title=title, long_summary=summary, topics=[topic(title=heading, summary=line)])
    text = notifications.zulip_text(transcript, PAGE)
    fences = [number for number, line in enumerate(text.split("\n")) if re.search("`{3}|~{3}", line)]
    lines = text.split("\n")
    opened = [lines[number] for number in fences]
    summaries = ["```spoiler Summary", "```"] if (summary.replace("\0", "").strip() or "They met.") else []
    assert opened == [*summaries, "```spoiler Topics", "```"] or opened == ["```spoiler Topics", "```"]
    assert not re.search(r"@_?\*", text)
    assert len(re.findall(r"(?<!\\)\[[^\]]*\]\(", text)) <= 1 + text.count("* [0"), "only our own links"
    assert "\0" not in text
    assert lines[0].startswith("## ")


@pytest.mark.parametrize("summary", ["short", "long words " * 2000])
def test_zulips_limit_is_kept_and_omitted_topics_are_counted(summary: str) -> None:
    topics = [topic(id=str(n), title=f"Topic {n}", summary="x" * 300, timestamp=60.0 * n) for n in range(100)]
    text = notifications.zulip_text(finished(title="t" * 500, long_summary=summary, topics=topics), PAGE)
    assert len(text) <= 10_000
    shown = len(re.findall(r"^\* \[", text, re.M))
    assert 5 < shown < 100
    assert f"and {100 - shown} more on [the transcript's page]({PAGE}/transcripts/{RECORDING})" in text
    assert text.endswith("```")


@settings(deadline=None)
@given(st.integers(0, 400), st.integers(1, 300), st.integers(0, 20_000))
def test_zulips_limit_is_kept_for_any_lengths(size: int, count: int, summary: int) -> None:
    topics = [topic(title="t", summary="x" * size)] * count
    text = notifications.zulip_text(finished(long_summary="y" * summary, topics=topics), PAGE)
    assert len(text) <= 10_000


def test_zulip_topics_are_truncated() -> None:
    assert notifications.zulip_topic("a  b\n") == "a b"
    assert notifications.zulip_topic("x" * 70) == "x" * 57 + "..."


def test_failure_text_has_room_step_and_reason() -> None:
    text = notifications.failure_text(
        "rec-1",
        room="weekly",
        step="title",
        reason="403: @**all** ```\nCheck it",
        run_url="https://d/runs/12345678-9",
        at=0,
    )
    assert text.startswith("**Recording rec-1 failed**\n* Room: weekly\n* Step: title\n* When: 1970-01-01 00:00 UTC\n")
    assert "[12345678](https://d/runs/12345678-9)" in text
    assert notifications.failure_mark("rec-1") in text
    assert "@**" not in text
    assert "```" not in text
