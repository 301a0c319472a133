"""Topics, title, summary and action items of a meeting: one interface, extractive or with a language model."""

import hashlib
import json
import tomllib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dagster import ConfigurableResource, ResourceDependency
from pydantic import Field, ValidationError, field_validator

from domain.errors import InvalidInput
from domain.results import ActionItems, Decision, NextStep, Summary, Title, Topics
from domain.summarize import extractive, llm_answers
from domain.summarize.prompts import (
    ActionItemsAnswer,
    DetailsAnswer,
    ParagraphAnswer,
    Prompts,
    RecapAnswer,
    SubjectsAnswer,
    TitleAnswer,
    TopicAnswer,
)
from domain.text.table import Table
from domain.text.topics import (
    CHUNK_WORDS,
    EXTRACTIVE,
    MIN_CHUNK_WORDS,
    NOTHING_SAID,
    UNTITLED,
    Chunk,
    chunk_text,
    chunks,
    long_summary,
    meeting_text,
    plain_names,
    topic,
)
from resources.call_cache import CallCache
from resources.llm.client import LLM, AnswerCache, Chat
from resources.llm.wire import Usage

__all__ = ["Extractive", "Understanding", "Usage", "WithLLM", "read_prompts"]

# Increment when the processing of answers changes but the text of the prompts doesn't.
LLM_REVISION = 1


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
        """Return a title and a summary for each chunk of the words table, or for each of `parts`."""

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
        parts: Sequence[Chunk] | None = None,  # noqa: ARG002 - it costs nothing to divide all anew
    ) -> tuple[Topics, Usage]:
        return extractive.topics(words, names), Usage()

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

    def identity(self, asset: str) -> str:
        cut = [CHUNK_WORDS, MIN_CHUNK_WORDS] if asset == "topics" else []
        parts: list[Any] = [LLM_REVISION, self.llm.parameters(), check_prompts(self.prompts).fingerprint(asset), cut]
        return f"{self.llm.model} {hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]}"

    def topics(
        self, words: Table, names: dict[int, str], *, recording: str, parts: Sequence[Chunk] | None = None
    ) -> tuple[Topics, Usage]:
        found = list(enumerate(chunks(len(words)) if parts is None else parts))
        if not found:
            return Topics(()), Usage()
        prompts, people = check_prompts(self.prompts), names_line(names)
        texts = {index: chunk_text(words, chunk, names) for index, chunk in found}

        async def ask(chat: Chat) -> list[TopicAnswer]:
            asked = [prompts.messages("topic", people, transcript=texts[index]) for index, _ in found]
            return await chat.each(lambda messages: chat.ask(messages, TopicAnswer), asked)

        given, usage = self.llm.converse(ask, recording=recording, cache=self._cache_of(recording))
        made = [topic(*at, words, one.title, one.summary) for at, one in zip(found, given, strict=True)]
        return Topics(tuple(made)), usage

    def title(self, topics: Topics, *, recording: str) -> tuple[Title, Usage]:
        method = self.llm.model
        if not topics.root:
            return Title(title=UNTITLED, method=method), Usage()
        lines = "\n".join(f"- {one.title}: {one.summary}" for one in topics.root)
        messages = check_prompts(self.prompts).messages("title", "", topics=lines)
        answer, usage = self.llm.ask(messages, TitleAnswer, recording=recording, cache=self._cache_of(recording))
        return Title(title=answer.title, method=method), usage

    def summary(
        self,
        words: Table,
        topics: Topics,  # noqa: ARG002 - the model reads the whole meeting
        names: dict[int, str],
        *,
        recording: str,
    ) -> tuple[Summary, Usage]:
        method = self.llm.model
        if not len(words):
            return empty_summary(method), Usage()
        prompts, people, text = check_prompts(self.prompts), names_line(names), meeting_text(words, names)

        async def ask(chat: Chat) -> tuple[list[tuple[str, str]], str]:
            async def write(subject: str) -> tuple[str, str]:
                asked = prompts.messages("details", people, subject=subject, transcript=text)
                noted = "\n".join(f"- {line}" for line in (await chat.ask(asked, DetailsAnswer)).details)
                asked = prompts.messages("paragraph", people, subject=subject, details=noted or "- nothing more")
                return subject, (await chat.ask(asked, ParagraphAnswer)).paragraph

            found = await chat.ask(prompts.messages("subjects", people, transcript=text), SubjectsAnswer)
            written = await chat.each(write, dict.fromkeys(found.subjects))
            paragraphs = "\n\n".join(f"{subject}: {paragraph}" for subject, paragraph in written)
            recap = await chat.ask(prompts.messages("recap", people, paragraphs=paragraphs), RecapAnswer)
            return written, recap.recap

        (written, recap), usage = self.llm.converse(ask, recording=recording, cache=self._cache_of(recording))
        return Summary(long_summary=long_summary(recap, written), short_summary=recap, method=method), usage

    def action_items(self, words: Table, names: dict[int, str], *, recording: str) -> tuple[ActionItems, Usage]:
        method = self.llm.model
        if not len(words):
            return ActionItems(method=method), Usage()
        messages = check_prompts(self.prompts).messages(
            "action_items", names_line(names), transcript=meeting_text(words, names)
        )
        answer, usage = self.llm.ask(messages, ActionItemsAnswer, recording=recording, cache=self._cache_of(recording))
        decisions = tuple(Decision(**one.model_dump()) for one in answer.decisions)
        next_steps = tuple(NextStep(**one.model_dump()) for one in answer.next_steps)
        return ActionItems(decisions=decisions, next_steps=next_steps, method=method), usage


def read_prompts(path: Path) -> dict[str, str]:
    """Read a TOML file with custom prompts (`name = "text"`), for `WithLLM.prompts`; raises InvalidInput."""
    hint = f"Check the file of REFLECTOR_PROMPTS; prompts are {', '.join(Prompts.model_fields)}."
    try:
        own = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"the prompts in {path.name} can't be read: {error}", hint=hint) from error
    return check_prompts(own, path.name).model_dump(include=set(own))


def check_prompts(own: object, source: str = "the configuration") -> Prompts:
    """Return the prompts with custom ones in place of built-in ones; raises InvalidInput for an invalid one."""
    try:
        return Prompts.model_validate(own)
    except ValidationError as error:
        raise InvalidInput(
            f"the prompts in {source} can't be used: {llm_answers.describe(error)}",
            hint=f"Prompts are {', '.join(Prompts.model_fields)}.",
        ) from error


def names_line(names: dict[int, str]) -> str:
    """Return the participants' names as one line for a prompt."""
    return ", ".join(dict.fromkeys(plain_names(names).values()))


def empty_summary(method: str) -> Summary:
    """Return the summary of a meeting without speech."""
    return Summary(long_summary=long_summary(NOTHING_SAID, ()), short_summary=NOTHING_SAID, method=method)
