"""Both ways of understanding behind one interface; the language model is a real HTTP server."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from domain.errors import InvalidAnswer, InvalidInput, PermanentError, TransientError
from domain.results import Topics
from domain.summarize import extractive
from domain.summarize.prompts import Prompts
from domain.text.words import Word, table
from resources.call_cache import CallCache
from resources.llm.client import LLM
from resources.llm.own_prompts import read_prompts
from resources.llm.understanding import Extractive, Understanding, Usage, WithLLM
from testing.hosts.llm_host import Call, LLMHost

NAMES = {0: "Ada", 1: "Ben"}
ASSETS = ("topics", "title", "summary", "action_items")


def meeting(count: int) -> pd.DataFrame:
    """A meeting of `count` words, sentences of ten, the speakers taking turns; a new topic every 300 words."""
    subjects, announced = ("budget", "garden", "engine"), {300: "Next", 301: "topic", 600: "Next", 601: "topic"}
    spoken = [announced.get(at, f"word{at}." if at % 10 == 9 else f"word{at}") for at in range(count)]
    last = max(0, count // 300 - 1)
    spoken = [subjects[min(last, at // 300)] if at % 10 in {4, 6, 8} else word for at, word in enumerate(spoken)]
    return table(Word(word, at * 0.5, at * 0.5 + 0.4, at // 10 % 2, 0.9) for at, word in enumerate(spoken))


@pytest.fixture
def host() -> Iterator[LLMHost]:
    with LLMHost() as server:
        yield server


@pytest.fixture
def asking(host: LLMHost) -> WithLLM:
    return WithLLM(llm=LLM(base_url=host.url, model=host.model, api_key=host.key, request_timeout=5))


def test_topics_take_one_call_per_chunk(host: LLMHost, asking: WithLLM) -> None:
    words = meeting(650)
    topics, usage = asking.topics(words, NAMES, recording="r")
    assert [(t.id, t.words_from, t.words_to) for t in topics.root] == [("topic-1", 0, 300), ("topic-2", 300, 650)]
    assert [(t.timestamp, t.duration) for t in topics.root] == [(0.0, 149.9), (150.0, 174.9)]
    assert host.count("QuotedTopicAnswer") == usage.calls == host.count() == 2
    assert usage.prompt_tokens > 650
    by_first_word = {call.text.count("word0 "): call for call in host.requests}
    assert "Ada: word0 word1" in by_first_word[1].text
    assert "word299." in by_first_word[1].text
    assert "word300" not in by_first_word[1].text
    assert "People in this meeting: <participants>Ada, Ben</participants>." in by_first_word[1].text


def test_title_takes_one_call_over_the_topics(host: LLMHost, asking: WithLLM) -> None:
    topics, _ = asking.topics(meeting(400), NAMES, recording="r")
    title, usage = asking.title(topics, recording="r")
    assert title.title.startswith("Plausible title")
    assert title.method == host.model
    assert (usage.calls, host.count("TitleAnswer")) == (1, 1)
    assert all(t.title in host.requests[-1].text and t.summary in host.requests[-1].text for t in topics.root)


def test_summary_takes_two_calls_and_two_per_subject(host: LLMHost, asking: WithLLM) -> None:
    words = meeting(120)
    summary, usage = asking.summary(words, Topics(()), NAMES, recording="r")
    subjects = 2
    assert {
        name: host.count(name) for name in ("SubjectsAnswer", "QuotedDetailsAnswer", "ParagraphAnswer", "RecapAnswer")
    } == {
        "SubjectsAnswer": 1,
        "QuotedDetailsAnswer": subjects,
        "ParagraphAnswer": subjects,
        "RecapAnswer": 1,
    }
    assert usage.calls == 2 + 2 * subjects
    assert re.fullmatch(
        r"# Quick recap\n\nPlausible recap \d+\n\n# Summary\n\n"
        r"\*\*Plausible subjects 1 \d+\*\*\n\nPlausible paragraph \d+\n\n"
        r"\*\*Plausible subjects 2 \d+\*\*\n\nPlausible paragraph \d+\n",
        summary.long_summary,
    )
    assert summary.short_summary in summary.long_summary
    assert summary.short_summary.startswith("Plausible recap")
    assert summary.method == host.model


def test_action_items_take_one_call(host: LLMHost, asking: WithLLM) -> None:
    items, usage = asking.action_items(meeting(120), NAMES, recording="r")
    assert (usage.calls, host.count("QuotedActionItemsAnswer")) == (1, 1)
    assert items.decisions[0].decision.startswith("Plausible decision")
    assert items.next_steps[0].task.startswith("Plausible task")
    assert items.method == host.model
    assert items.error is None


def ask_everything(understanding: Understanding, words: pd.DataFrame, names: dict[int, str]) -> Usage:
    topics, spent = understanding.topics(words, names, recording="r")
    title, more = understanding.title(topics, recording="r")
    summary, summed = understanding.summary(words, topics, names, recording="r")
    items, listed = understanding.action_items(words, names, recording="r")
    assert topics.root == ()
    assert title.title == "Untitled Meeting"
    assert summary.short_summary == "Nothing was said in this recording."
    assert summary.long_summary == "# Quick recap\n\nNothing was said in this recording.\n"
    assert (items.decisions, items.next_steps, items.error) == ((), (), None)
    return spent + more + summed + listed


def test_a_silent_meeting_takes_no_call(host: LLMHost, asking: WithLLM) -> None:
    assert ask_everything(asking, meeting(0), {}) == Usage(0, 0, 0)
    assert ask_everything(Extractive(), meeting(0), {}) == Usage(0, 0, 0)
    assert host.count() == 0


def test_errors_pass_through(host: LLMHost, asking: WithLLM) -> None:
    words = meeting(100)
    host.fail(1, 503, retry_after=11)
    with pytest.raises(TransientError) as error:
        asking.topics(words, NAMES, recording="rec-7")
    assert (error.value.recording, error.value.retry_after) == ("rec-7", 11)
    host.fail(1, 401)
    with pytest.raises(PermanentError, match="LLM_API_KEY"):
        asking.summary(words, Topics(()), NAMES, recording="rec-7")
    host.misbehave("wrong", 4)
    with pytest.raises(InvalidAnswer):
        asking.action_items(words, NAMES, recording="rec-7")


def test_a_repeated_step_asks_only_for_what_is_missing(host: LLMHost, asking: WithLLM, tmp_path: Path) -> None:
    cache = CallCache(folder=str(tmp_path), max_bytes=10_000_000)
    asking = WithLLM(llm=asking.llm, cache=cache)
    words = meeting(900)
    host.fail(1, 500, when=lambda call: "word350 " in call.text)
    with pytest.raises(TransientError):
        asking.topics(words, NAMES, recording="r")
    assert host.count() == 3
    topics, usage = asking.topics(words, NAMES, recording="r")
    assert (host.count(), usage.calls, len(topics.root)) == (4, 1, 3)
    assert "word350 " in host.requests[-1].text
    host.fail(1, 500, when=lambda call: call.schema == "RecapAnswer")
    with pytest.raises(TransientError):
        asking.summary(words, topics, NAMES, recording="r")
    _, usage = asking.summary(words, topics, NAMES, recording="r")
    assert usage.calls == 1


def test_identity_is_what_decides_the_result(host: LLMHost, asking: WithLLM, tmp_path: Path) -> None:
    def identities(**more: Any) -> dict[str, str]:
        prompts = more.pop("prompts", {})
        llm = LLM(**(dict[str, Any](base_url=host.url, model="m", api_key="sk-secret") | more))
        made = WithLLM(llm=llm, prompts=prompts, cache=more.get("cache"))
        return {asset: made.identity(asset) for asset in ASSETS}

    first = identities()
    assert len(set(first.values())) == 4
    assert not any("secret" in value or "127.0.0.1" in value for value in first.values())
    # Where the endpoint is, with which key and how patiently it is asked, decides nothing.
    assert identities(base_url="http://u:p@127.0.0.1:1/v1", api_key="x", request_timeout=1, max_concurrency=9) == first
    for other in (identities(model="n"), identities(temperature=0.5), identities(prompts={"system": "Be brief."})):
        assert all(other[asset] != first[asset] for asset in ASSETS)
    recap = identities(prompts={"recap": "One line: $paragraphs"})
    assert {asset for asset in ASSETS if recap[asset] != first[asset]} == {"summary"}
    topic = identities(prompts={"topic": "One line: $transcript"})
    assert {asset for asset in ASSETS if topic[asset] != first[asset]} == {"topics"}
    assert {Extractive().identity(asset) for asset in ASSETS} == {f"extractive {extractive.REVISION}"}


def test_own_prompts_come_from_a_toml_file(host: LLMHost, asking: WithLLM, tmp_path: Path) -> None:
    own = tmp_path / "prompts.toml"
    own.write_text('title = """Name it like a pirate: $topics"""\n')
    prompts = read_prompts(own)
    assert set(prompts) == {"title"}
    topics, _ = asking.topics(meeting(100), NAMES, recording="r")
    WithLLM(llm=asking.llm, prompts=prompts).title(topics, recording="r")
    assert "like a pirate" in host.requests[-1].text


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("title = ", "can't be read"),
        ('titel = "x $topics"', "titel"),
        ('title = "no placeholder"', r"title.*lacks the placeholder \$topics"),
        ('title = "$topics $transcript"', r"unknown placeholder \$transcript"),
        ('title = "$topics for 5 $"', r"write \$\$"),
        ("title = 5", "title"),
    ],
)
def test_unusable_prompts_are_reported_plainly(tmp_path: Path, text: str, reported: str) -> None:
    own = tmp_path / "prompts.toml"
    own.write_text(text)
    with pytest.raises(InvalidInput, match=reported) as error:
        read_prompts(own)
    assert "\n" not in str(error.value)
    with pytest.raises(InvalidInput, match="missing"):
        read_prompts(tmp_path / "missing.toml")


@pytest.mark.parametrize("method", ["extractive", "llm"])
def test_both_serve_as_one_dagster_resource(host: LLMHost, asking: WithLLM, tmp_path: Path, method: str) -> None:
    @dg.asset
    def made(understanding: Understanding) -> str:
        return understanding.topics(meeting(100), NAMES, recording="r")[0].root[0].id

    cached = WithLLM(llm=asking.llm, cache=CallCache(folder=str(tmp_path), max_bytes=1_000_000))
    resource = Extractive() if method == "extractive" else cached
    assert dg.materialize([made], resources={"understanding": resource}).output_for_node("made") == "topic-1"
    assert bool(list(tmp_path.iterdir())) == (method == "llm")


class Inventing(LLMHost):
    """Quotes what nobody said, the first `times` times."""

    times = 1000

    def says(self, call: Call) -> str:
        answer = super().says(call)
        if '"quote"' not in answer or self.times <= 0:
            return answer
        self.times -= 1
        return re.sub(r'"quote": "[^"]*"', '"quote": "nobody ever uttered this about elephants"', answer)


def inventing(host: Inventing) -> WithLLM:
    return WithLLM(llm=LLM(base_url=host.url, model=host.model, api_key=host.key, request_timeout=30))


def test_statements_carry_the_words_that_they_rest_on(asking: WithLLM) -> None:
    words = meeting(400)
    topics, _ = asking.topics(words, NAMES, recording="r")
    assert [one.evidence.timestamp for one in topics.root if one.evidence] == [one.timestamp for one in topics.root]
    items, _ = asking.action_items(words, NAMES, recording="r")
    assert {one.evidence.speaker for one in (*items.decisions, *items.next_steps) if one.evidence} == {"Ada"}
    summary, _ = asking.summary(words, topics, NAMES, recording="r")
    subjects = [one.subject for one in summary.evidence]
    assert subjects[:2] == [None, None]
    assert all(subject in summary.long_summary for subject in subjects[2:] if subject)


def test_what_a_model_invents_is_asked_for_once_more(asking: WithLLM) -> None:
    words = meeting(120)
    with Inventing() as host:
        host.times = 1
        items, usage = inventing(host).action_items(words, NAMES, recording="r")
        assert (usage.calls, items.dropped) == (2, 0)
        assert "aren't in the transcript" in host.requests[-1].messages[-1]["content"]
        assert items.decisions[0].evidence


def test_what_a_model_cannot_show_is_dropped_or_replaced_by_what_was_said(asking: WithLLM) -> None:
    words = meeting(400)
    with Inventing() as host:
        items, usage = inventing(host).action_items(words, NAMES, recording="r")
        assert (items.decisions, items.next_steps, items.dropped, usage.calls) == ((), (), 4, 2)
        topics, _ = inventing(host).topics(words, NAMES, recording="r")
        assert topics == extractive.topics(words, NAMES)
        assert all(one.evidence for one in topics.root)
        summary, _ = inventing(host).summary(words, topics, NAMES, recording="r")
        assert summary.method == "extractive"
        assert host.count("ParagraphAnswer") == host.count("RecapAnswer") == 0


def test_quotes_and_new_prompts_of_this_product_make_nothing_stale() -> None:
    """The fingerprints of 0.2.0: another one would have every deployment pay for finished recordings again."""
    assert {asset: Prompts().fingerprint(asset) for asset in ASSETS} == {
        "topics": "80ef6198e6bc1e8d",
        "title": "87c613dadbb14e5f",
        "summary": "692a9aaaf887afea",
        "action_items": "66fcdba60ccdd09e",
    }
