"""A meeting of a minute has a short title and a short summary, from one call of the language model."""

import json
from collections.abc import Iterator

import pytest

from domain.results import Topics
from domain.summarize.prompts import Prompts
from domain.text.words import Word, table
from resources.llm.client import LLM
from resources.llm.understanding import Extractive, Understanding, WithLLM
from testing.hosts.llm_host import Call, LLMHost

NAMES = {0: "Ada", 1: "Ben"}
SAID = (
    *("The warehouse is full and the next delivery comes on Monday.", "Then we rent the hall next door for a month."),
    *("The landlord wants four hundred euros for it.", "I will call the landlord today.", "Good, thanks, that is all."),
)


class TalkativeHost(LLMHost):
    """A model that summarizes any meeting at length, until it is told that this is too long."""

    obeys = True

    def says(self, call: Call) -> str:
        good = json.loads(super().says(call))
        if "summary" in good and not (self.obeys and "too long" in call.messages[-1]["content"]):
            good["summary"] = "Ada and Ben discussed the future of the company at great length. " * 20
        return json.dumps(good)


@pytest.fixture
def host() -> Iterator[TalkativeHost]:
    with TalkativeHost() as server:
        yield server


def asking(host: LLMHost, **prompts: str) -> WithLLM:
    return WithLLM(llm=LLM(base_url=host.url, model=host.model, api_key=host.key), prompts=prompts)


def minutes(understanding: Understanding) -> tuple[Topics, str, str, str]:
    """Return topics, title, recap and long summary of the meeting."""
    spoken = [(number % 2, word) for number, line in enumerate(SAID) for word in line.split()]
    words = table(Word(word, at * 0.4, at * 0.4 + 0.3, who, 1.0) for at, (who, word) in enumerate(spoken))
    topics, _ = understanding.topics(words, NAMES, recording="r")
    title, _ = understanding.title(topics, recording="r")
    summary, _ = understanding.summary(words, topics, NAMES, recording="r")
    return topics, title.title, summary.short_summary, summary.long_summary


def test_one_call_gives_topic_title_and_summary(host: TalkativeHost) -> None:
    topics, title, recap, long = minutes(asking(host))
    only = topics.root[0]
    assert (title, recap, long) == (only.title, only.summary, f"# Quick recap\n\n{only.summary}\n")
    first, again = host.requests
    assert "one sentence of at most 13 words" in first.text
    assert "the summary is too long for so short a meeting" in again.text
    assert len(recap) < 0.6 * len(" ".join(SAID))


def test_a_model_that_goes_on_at_length_is_replaced_by_what_was_said(host: TalkativeHost) -> None:
    host.obeys = False
    _, title, recap, _ = minutes(asking(host))
    assert host.count() == 2
    assert "great length" not in title + recap
    assert set(recap.removeprefix("Ada: ").split(" Ben: ")[0].split()) <= set(" ".join(SAID).split())


def test_own_prompts_are_used_as_before_unless_there_is_one_for_brief_meetings(host: TalkativeHost) -> None:
    minutes(asking(host, title="Like a pirate: $topics"))
    assert (host.count("TitleAnswer"), host.count("RecapAnswer")) == (1, 1)
    minutes(asking(host, title="Like a pirate: $topics", brief="In $words words: $transcript"))
    assert host.count("TitleAnswer") == 1
    assert "In 13 words: Ada: The warehouse" in host.requests[-2].text
    own = Prompts(brief="In $words words: $transcript")
    assert own.fingerprint("topics") != Prompts().fingerprint("topics")


def test_without_a_model_there_is_no_paragraph_per_subject() -> None:
    _, title, recap, long = minutes(Extractive())
    assert long == f"# Quick recap\n\n{recap}\n"
    assert len(title.split()) <= 6
    assert len(recap) < 0.7 * len(" ".join(SAID))
