"""The client as the tests ask it."""

from typing import Any

from pydantic import BaseModel

from domain.summarize.prompts import Message, TopicAnswer
from resources.llm.client import LLM, AnswerCache
from resources.llm.wire import Usage
from testing.hosts.llm_host import LLMHost

QUESTION: list[Message] = [
    {"role": "system", "content": "You write minutes."},
    {"role": "user", "content": "What was this about?"},
]


def client(host: LLMHost, **more: Any) -> LLM:
    return LLM(**(dict[str, Any](base_url=host.url, model=host.model, api_key=host.key, request_timeout=5) | more))


def ask(llm: LLM, schema: type[BaseModel] = TopicAnswer, **more: Any) -> tuple[BaseModel, Usage]:
    return llm.ask(QUESTION, schema, recording="rec-1", **more)


def many(llm: LLM, count: int, cache: AnswerCache | None = None) -> tuple[list[TopicAnswer], Usage]:
    """Ask `count` different questions at once."""

    async def work(chat: Any):
        return await chat.each(
            lambda number: chat.ask([{"role": "user", "content": f"question {number:03}" + "!" * number}], TopicAnswer),
            range(count),
        )

    return llm.converse(work, recording="rec-1", cache=cache)
