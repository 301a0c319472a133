"""What a model writes reaches no reader as HTML, image or link, wherever it goes, and renders in bounded time."""

import re
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from domain import notifications
from domain.text import captions
from domain.text.markdown import escape, safe, to_html
from tests.domain.finished import finished

ATTACK = (
    "# Recap\n\n<script>alert(1)</script> <img src=x onerror=y> [a](javascript:b) ![c](http://evil.test/d.png)\n"
    "[e]: http://evil.test\n\n[e] <http://evil.test> http://evil.test/f www.evil.test **bold**\n- item\n"
)
# As Dagster's pages, Zulip and most receivers read it: with HTML, links, and bare URLs as links.
GENEROUS = MarkdownIt("commonmark", {"html": True})
MARKUP = re.compile(
    r"<(?!/?(h[1-6]|p|ul|ol|li|strong|em|code|pre|blockquote|br|hr)\b)[a-z/!]|https?://|www\.", re.IGNORECASE
)
PIECES = [
    *("<a", "<!--", "](", ")", "![", "[", "]", "]: ", "http://", "&lt;", "`", "\\", "*", "\n", "> ", "- ", "a"),
    *("&#91;", "<http://a>"),
]


def places() -> dict[str, str]:
    """The summary as each place gets it."""
    transcript = finished(long_summary=ATTACK)
    body: dict[str, Any] = notifications.webhook_body(transcript, "weekly", at=1.0, language="en", page_url="p")
    zulip = notifications.zulip_text(transcript, "p")
    return {
        "page": to_html(ATTACK),
        "export": captions.overview(transcript),
        "webhook": body["transcript"]["long_summary"],
        "Zulip": zulip[zulip.index("```spoiler Summary") : zulip.index("```spoiler Topics")],
    }


@pytest.mark.parametrize("place", ["page", "export", "webhook", "Zulip"])
def test_no_markup_of_a_model_reaches_a_reader(place: str) -> None:
    text = places()[place]
    shown = text if place == "page" else GENEROUS.render(text)
    assert not MARKUP.search(shown), shown
    assert "bold" in shown
    assert "item" in shown


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@example(r"\[a](a)")
@example(r"\\[a](a)")
def test_nor_does_any_combination(text: str) -> None:
    assert not MARKUP.search(GENEROUS.render(safe(text)))
    assert not MARKUP.search(to_html(text))
    assert not MARKUP.search(GENEROUS.render(escape(text.replace("\n", " "))))


@pytest.mark.parametrize(
    "piece", ["*a ", "**a", "> ", "- ", "`a``", "&a;", "[a", "![[", "<a", "\n> ", "_a*", "a\n=", "[a]: b\n", " ", "1. "]
)
def test_rendering_takes_bounded_time(piece: str) -> None:
    begin = time.process_time()
    to_html(piece * 1_000_000)
    # Without limits this takes minutes, or doesn't end.
    assert time.process_time() - begin < 5


def test_subrip_has_no_timestamp_line_in_a_name() -> None:
    for arrow in ("-->", "--->", "----->"):
        segment = finished().segments[0].model_copy(update={"name": f"00:00:01,000 {arrow} 00:00:02,000"})
        assert captions.srt([segment]).count("-->") == 1
