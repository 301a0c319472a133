"""Topics, title, summary and action items of a meeting: one interface, extractive or with a language model."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from dagster import ConfigurableResource, ResourceDependency
from pydantic import Field, field_validator

from domain.results import ActionItems, Decision, Evidence, NextStep, Summary, Title, Topics
from domain.summarize import extractive
from domain.summarize.answers import (
    MAX_ENTRIES,
    ParagraphAnswer,
    QuotedActionItemsAnswer,
    QuotedDetailsAnswer,
    QuotedTopicAnswer,
    RecapAnswer,
    SubjectsAnswer,
    TitleAnswer,
)
from domain.summarize.brief import brief_topic, is_brief, most_words, too_long
from domain.summarize.evidence import SpokenText, of_summary, unfound
from domain.summarize.grounding import known_name, mentions_any
from domain.summarize.prompts import USED_BY, Prompts
from domain.summarize.sections import sections
from domain.text.inert import inert
from domain.text.table import Table
from domain.text.topics import (
    EXTRACTIVE,
    NOTHING_SAID,
    UNTITLED,
    Chunk,
    chunk_text,
    long_summary,
    meeting_text,
    plain_names,
    topic,
)
from resources.call_cache import CallCache
from resources.llm.client import LLM, AnswerCache, Chat
from resources.llm.own_prompts import check_prompts
from resources.llm.wire import Usage

__all__ = ["Extractive", "Understanding", "Usage", "WithLLM"]

# Increment when the processing of answers changes but the text of the prompts doesn't.
LLM_REVISION = 1
# Quotes per paragraph of a summary.
MOST_EVIDENCE = 3


class Understanding(ConfigurableResource[Any], ABC):
    """Produces topics, title, summary and action items; `names` are the participants' names by speaker number.

    Raises the errors of the language model.
    """

    def refreshed(self) -> "Understanding":
        """Return an instance that ignores cached answers."""
        return self

    @abstractmethod
    def identity(self, asset: str) -> str:
        """Return what determines the result of topics, title, summary or action_items besides their inputs."""

    @abstractmethod
    def topics(
        self, words: Table, names: dict[int, str], *, recording: str, parts: Sequence[Chunk] | None = None
    ) -> tuple[Topics, Usage]:
        """Return a title and a summary for each section of the words table, or for each of `parts`."""

    @abstractmethod
    def title(self, topics: Topics, *, recording: str) -> tuple[Title, Usage]:
        """Return a title from the topics; "Untitled Meeting" if there are none."""

    @abstractmethod
    def summary(self, words: Table, topics: Topics, names: dict[int, str], *, recording: str) -> tuple[Summary, Usage]:
        """Return a recap and a paragraph per subject."""

    @abstractmethod
    def action_items(self, words: Table, names: dict[int, str], *, recording: str) -> tuple[ActionItems, Usage]:
        """Return decisions, and next steps with assignee and date."""


class Extractive(Understanding):
    """Selects sentences of the meeting: no model, no network, deterministic."""

    def identity(self, asset: str) -> str:  # noqa: ARG002 - one revision for all four
        return f"{EXTRACTIVE} {extractive.REVISION}"

    def topics(
        self,
        words: Table,
        names: dict[int, str],
        *,
        recording: str,  # noqa: ARG002
        parts: Sequence[Chunk] | None = None,
    ) -> tuple[Topics, Usage]:
        return extractive.topics(words, names, parts), Usage()

    def title(self, topics: Topics, *, recording: str) -> tuple[Title, Usage]:  # noqa: ARG002
        return extractive.title(topics), Usage()

    def summary(
        self,
        words: Table,
        topics: Topics,
        names: dict[int, str],
        *,
        recording: str,  # noqa: ARG002
    ) -> tuple[Summary, Usage]:
        return extractive.summary(words, topics, names), Usage()

    def action_items(self, words: Table, names: dict[int, str], *, recording: str) -> tuple[ActionItems, Usage]:  # noqa: ARG002
        return extractive.action_items(words, names), Usage()


class WithLLM(Understanding):
    """Uses a language model.

    `prompts` replaces single texts of `Prompts` by name; with `cache`, a repeated step calls the model only for
    missing answers.
    """

    llm: LLM
    prompts: dict[str, str] = Field(default_factory=dict)
    cache: ResourceDependency[AnswerCache | None] = None  # pyright: ignore[reportAssignmentType] - read through a descriptor

    @field_validator("prompts", mode="before")
    @classmethod
    def _own(cls, given: object) -> object:
        return given.model_dump(exclude_unset=True) if isinstance(given, Prompts) else given

    def refreshed(self) -> Understanding:
        fresh = self.cache.refreshed() if isinstance(self.cache, CallCache) else None
        return WithLLM(llm=self.llm, prompts=self.prompts, cache=fresh)

    def _cache_of(self, recording: str) -> AnswerCache | None:
        return self.cache.of(recording) if isinstance(self.cache, CallCache) else self.cache

    @property
    def _has_brief_prompt(self) -> bool:
        """Return False if topics, title or summary have a deployment's own prompts, but brief meetings haven't."""
        own = {name for asset in ("topics", "title", "summary") for name in USED_BY[asset]} & set(self.prompts)
        return not own or "brief" in own

    def identity(self, asset: str) -> str:
        # Of the sections of 0.2.0, like the prompts' fingerprint: finished recordings would be paid for again.
        cut = [300, 60] if asset == "topics" else []
        parts: list[Any] = [LLM_REVISION, self.llm.parameters(), check_prompts(self.prompts).fingerprint(asset), cut]
        return f"{self.llm.model} {hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]}"

    def topics(
        self, words: Table, names: dict[int, str], *, recording: str, parts: Sequence[Chunk] | None = None
    ) -> tuple[Topics, Usage]:
        found = sections(words) if parts is None else list(parts)
        if not found:
            return Topics(()), Usage()
        prompts, people = check_prompts(self.prompts), names_line(names)
        spoken = [SpokenText(words, names, chunk) for chunk in found]

        texts = [chunk_text(words, chunk, names) for chunk in found]
        brief = len(found) == 1 and is_brief(len(words)) and self._has_brief_prompt

        def excess(index: int, given: QuotedTopicAnswer) -> str:
            return too_long(given.title, given.summary, texts[index]) if brief else ""

        def doubt(index: int, given: QuotedTopicAnswer) -> str:
            return excess(index, given) or unfound(spoken[index], [given.quote])

        async def ask(chat: Chat) -> list[QuotedTopicAnswer]:
            async def one(index: int) -> QuotedTopicAnswer:
                name, more = ("brief", {"words": str(most_words(len(words)))}) if brief else ("topic", {})
                messages = prompts.messages(name, people, transcript=texts[index], **more)
                return await chat.ask(messages, QuotedTopicAnswer, partial(doubt, index))

            return await chat.each(one, range(len(found)))

        given, usage = self.llm.converse(ask, recording=recording, cache=self._cache_of(recording))
        shown = [
            None if excess(index, answer) else spoken[index].find(answer.quote) for index, answer in enumerate(given)
        ]
        # Answers without evidence, and those too long for a brief meeting, are replaced by its own sentences.
        own = extractive.topics(words, names, found).root if not all(shown) else ()
        made = [
            topic(index, chunk, words, answer.title, answer.summary).model_copy(update={"evidence": evidence})
            if evidence
            else own[index].model_copy(update={"title": inert(own[index].title), "summary": inert(own[index].summary)})
            for index, (chunk, answer, evidence) in enumerate(zip(found, given, shown, strict=True))
        ]
        return Topics(tuple(made)), usage

    def title(self, topics: Topics, *, recording: str) -> tuple[Title, Usage]:
        method = self.llm.model
        if not topics.root:
            return Title(title=UNTITLED, method=method), Usage()
        if self._has_brief_prompt and (one := brief_topic(topics.root)):
            return Title(title=one.title, method=method), Usage()
        lines = [f"{one.title}: {one.summary}" for one in topics.root]
        messages = check_prompts(self.prompts).messages("title", "", topics="\n".join(f"- {line}" for line in lines))

        def doubt(answer: TitleAnswer) -> str:
            return "" if mentions_any(answer.title, lines) else "the title has no word of the topics"

        answer, usage = self.llm.ask(
            messages, TitleAnswer, recording=recording, cache=self._cache_of(recording), doubt=doubt
        )
        # A title of something else isn't this meeting's.
        return extractive.title(topics) if doubt(answer) else Title(title=answer.title, method=method), usage

    def summary(
        self,
        words: Table,
        topics: Topics,
        names: dict[int, str],
        *,
        recording: str,
    ) -> tuple[Summary, Usage]:
        method = self.llm.model
        if not len(words):
            return empty_summary(method), Usage()
        if self._has_brief_prompt and (one := brief_topic(topics.root)):
            rests_on = of_summary([one.evidence]) if one.evidence else []
            text = long_summary(one.summary, ())
            return Summary(
                long_summary=text, short_summary=one.summary, method=method, evidence=tuple(rests_on)
            ), Usage()
        prompts, people, text = check_prompts(self.prompts), names_line(names), meeting_text(words, names)
        spoken = SpokenText(words, names)

        async def ask(chat: Chat) -> tuple[list[Paragraph], str]:
            async def write(subject: str) -> Paragraph | None:
                asked = prompts.messages("details", people, subject=subject, transcript=text)
                answer = await chat.ask(
                    asked, QuotedDetailsAnswer, lambda given: unfound(spoken, [one.quote for one in given.details], 1)
                )
                shown = [(one.detail, evidence) for one in answer.details if (evidence := spoken.find(one.quote))]
                if not shown:
                    return None
                noted = "\n".join(f"- {detail}" for detail, _ in shown[:MAX_ENTRIES])
                asked = prompts.messages("paragraph", people, subject=subject, details=noted)
                return Paragraph(subject, (await chat.ask(asked, ParagraphAnswer)).paragraph, [one for _, one in shown])

            found = await chat.ask(prompts.messages("subjects", people, transcript=text), SubjectsAnswer)
            written = [one for one in await chat.each(write, dict.fromkeys(found.subjects)) if one]
            if not written:
                return [], ""
            paragraphs = "\n\n".join(f"{one.subject}: {one.text}" for one in written)
            recap = await chat.ask(prompts.messages("recap", people, paragraphs=paragraphs), RecapAnswer)
            return written, recap.recap

        (written, recap), usage = self.llm.converse(ask, recording=recording, cache=self._cache_of(recording))
        # Answers without evidence are replaced by the meeting's own sentences.
        return _summary(written, recap, method) if written else extractive.summary(words, topics, names), usage

    def action_items(self, words: Table, names: dict[int, str], *, recording: str) -> tuple[ActionItems, Usage]:
        method = self.llm.model
        if not len(words):
            return ActionItems(method=method), Usage()
        text = meeting_text(words, names)
        messages = check_prompts(self.prompts).messages("action_items", names_line(names), transcript=text)
        spoken = SpokenText(words, names)

        def doubt(given: QuotedActionItemsAnswer) -> str:
            return unfound(spoken, [one.quote for one in (*given.decisions, *given.next_steps)])

        answer, usage = self.llm.ask(
            messages, QuotedActionItemsAnswer, recording=recording, cache=self._cache_of(recording), doubt=doubt
        )
        decisions = tuple(
            Decision(
                **one.model_dump(exclude={"decided_by", "quote"}),
                decided_by=known_name(one.decided_by, names, text),
                timestamp=evidence.timestamp,
                evidence=evidence,
            )
            for one in answer.decisions[:MAX_ENTRIES]
            if (evidence := spoken.find(one.quote))
        )
        next_steps = tuple(
            NextStep(
                **one.model_dump(exclude={"assigned_to", "quote"}),
                assigned_to=known_name(one.assigned_to, names, text),
                timestamp=evidence.timestamp,
                evidence=evidence,
            )
            for one in answer.next_steps[:MAX_ENTRIES]
            if (evidence := spoken.find(one.quote))
        )
        dropped = len(answer.decisions) + len(answer.next_steps) - len(decisions) - len(next_steps)
        return ActionItems(decisions=decisions, next_steps=next_steps, method=method, dropped=dropped), usage


class Paragraph(NamedTuple):
    """A paragraph of the summary, and what it rests on."""

    subject: str
    text: str
    evidence: list[Evidence]


def _summary(written: Sequence[Paragraph], recap: str, method: str) -> Summary:
    """Return the summary; the recap rests on the first evidence of each paragraph."""
    rests_on = of_summary([one.evidence[0] for one in written])
    for one in written:
        rests_on += of_summary(list(dict.fromkeys(one.evidence[:MOST_EVIDENCE])), one.subject)
    return Summary(
        long_summary=long_summary(recap, [(one.subject, one.text) for one in written]),
        short_summary=recap,
        method=method,
        evidence=tuple(rests_on),
    )


def names_line(names: dict[int, str]) -> str:
    """Return the participants' names as one line for a prompt."""
    return ", ".join(dict.fromkeys(plain_names(names).values()))


def empty_summary(method: str) -> Summary:
    """Return the summary of a meeting without speech."""
    return Summary(long_summary=long_summary(NOTHING_SAID, ()), short_summary=NOTHING_SAID, method=method)
