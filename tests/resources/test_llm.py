"""The client of the language model, against a real HTTP server that checks OpenAI's contract."""

import asyncio
from collections.abc import Iterator

import dagster as dg
import pytest
from pydantic import BaseModel, Field

from domain.errors import InvalidAnswer, PermanentError, TransientError
from domain.summarize.prompts import TopicAnswer
from resources.llm.client import LLM
from resources.llm.wire import Usage
from testing.hosts.llm_host import LLMHost
from tests.resources.llm_client import QUESTION, ask, client, many


class Deep(BaseModel):
    """A shape with nested objects, choices and optional fields."""

    class Part(BaseModel):
        name: str
        size: int | None = None

    parts: list[Part] = Field(min_length=1, max_length=3)
    note: str | None = None


class Memory:
    """A cache in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return self.kept.get(key)

    def put(self, key: str, value: bytes) -> None:
        self.kept[key] = value


@pytest.fixture
def host() -> Iterator[LLMHost]:
    with LLMHost() as server:
        yield server


def test_asks_by_json_schema_first_and_counts_tokens(host: LLMHost) -> None:
    answer, usage = ask(client(host))
    assert isinstance(answer, TopicAnswer)
    assert [(call.way, call.schema, call.status) for call in host.requests] == [("json_schema", "TopicAnswer", 200)]
    assert usage.calls == 1
    assert usage.prompt_tokens == len(["You", "write", "minutes.", "What", "was", "this", "about?"])
    assert usage.completion_tokens > 0
    assert "temperature" not in host.requests[0].body
    ask(client(host, temperature=0.2))
    assert host.requests[1].body["temperature"] == pytest.approx(0.2)


@pytest.mark.parametrize("way", ["json_schema", "tool", "text"])
def test_nested_schemas_by_every_way(host: LLMHost, way: str) -> None:
    host.ways = (way,)
    answer, usage = ask(client(host), Deep)
    assert isinstance(answer, Deep)
    assert answer.parts[0].name
    assert host.requests[-1].way == way
    assert usage.calls == 1


def test_remembers_which_way_an_endpoint_understands(host: LLMHost) -> None:
    host.ways = ("tool",)
    ask(client(host))
    assert [call.way for call in host.requests] == ["json_schema", "tool"]
    ask(client(host))
    assert [call.way for call in host.requests[2:]] == ["tool"]


def test_an_endpoint_that_ignores_the_way_of_asking_is_asked_in_the_next(host: LLMHost) -> None:
    host.misbehave("prose", 10, when=lambda call: call.way != "text")
    _, usage = ask(client(host))
    assert [call.way for call in host.requests] == ["json_schema", "tool", "text"]
    assert usage.calls == 3


@pytest.mark.parametrize("kind", ["prose", "broken", "wrong", "empty", "length", "huge"])
def test_an_invalid_answer_is_sent_back_and_mended(host: LLMHost, kind: str) -> None:
    host.misbehave(kind)
    answer, _ = ask(client(host))
    assert isinstance(answer, TopicAnswer)
    first, second = host.requests
    assert len(second.messages) == len(first.messages) + 2
    correction = second.messages[-1]["content"]
    assert {"wrong": "title: Field required", "length": "cut off", "huge": "4 MiB", "empty": "empty"}.get(
        kind, "JSON"
    ) in correction
    assert len(second.text) < 20_000


@pytest.mark.parametrize("kind", ["think", "fenced"])
def test_thoughts_and_fences_around_json_are_no_fault(host: LLMHost, kind: str) -> None:
    host.misbehave(kind)
    _, usage = ask(client(host))
    assert usage.calls == 1


def test_an_answer_that_stays_invalid_ends_in_a_permanent_error(host: LLMHost) -> None:
    host.misbehave("wrong", 100)
    with pytest.raises(InvalidAnswer, match="TopicAnswer in 4 attempts: title: Field required") as error:
        ask(client(host))
    assert host.count("TopicAnswer") == 4
    assert error.value.recording == "rec-1"
    with pytest.raises(InvalidAnswer):
        ask(client(host, parse_max_retries=0))
    assert host.count() == 5


def test_a_refusal_ends_at_once(host: LLMHost) -> None:
    host.misbehave("refusal")
    with pytest.raises(InvalidAnswer, match="refused to answer: I can't help"):
        ask(client(host))
    assert host.count() == 1


def test_the_cache_answers_without_a_call(host: LLMHost) -> None:
    cache = Memory()
    first, spent = ask(client(host), cache=cache)
    again, nothing = ask(client(host, api_key="another", base_url="http://127.0.0.1:9/v1"), cache=cache)
    assert again == first
    assert (spent.calls, nothing) == (1, Usage(0, 0, 0))
    # Another model, another temperature, another shape: other keys.
    host.model = "test-model-2"
    ask(client(host), cache=cache)
    ask(client(host, temperature=1.0), cache=cache)
    ask(client(host), Deep, cache=cache)
    assert (host.count(), len(cache.kept)) == (4, 4)
    cache.kept = dict.fromkeys(cache.kept, b"damaged")
    ask(client(host), cache=cache)
    assert host.count() == 5


def test_failures_are_not_cached(host: LLMHost) -> None:
    cache = Memory()
    host.fail(1, 500)
    with pytest.raises(TransientError):
        ask(client(host), cache=cache)
    assert not cache.kept


def test_calls_run_at_once_under_one_limit_in_order(host: LLMHost) -> None:
    host.latency = 0.05
    answers, usage = many(client(host, max_concurrency=3), 12)
    assert host.most_at_once == 3
    assert usage.calls == 12
    # The host writes the length of the question into its answer.
    assert [answer.title for answer in answers] == [f"Plausible title {12 + number}" for number in range(12)]


def test_one_failed_call_wastes_no_other(host: LLMHost) -> None:
    cache = Memory()
    host.fail(1, 500, when=lambda call: "question 000" in call.text)
    with pytest.raises(TransientError, match="500"):
        many(client(host, max_concurrency=1), 6, cache)
    assert host.count() == 6
    _, usage = many(client(host), 6, cache)
    assert (usage.calls, host.count()) == (1, 7)


def test_no_further_call_begins_when_none_can_succeed(host: LLMHost) -> None:
    host.fail(100, 401)
    with pytest.raises(PermanentError, match="401"):
        many(client(host, max_concurrency=2), 20)
    assert host.count() <= 3
    host.plans.clear()
    host.fail(100, 503)
    before = host.count()
    with pytest.raises(TransientError, match="503"):
        many(client(host, max_concurrency=2), 20)
    assert host.count() - before <= 5


def test_works_as_a_dagster_resource(host: LLMHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_LLM_KEY", host.key)

    @dg.asset
    def asked(llm: LLM) -> int:
        return llm.ask(QUESTION, TopicAnswer, recording="rec-1")[1].calls

    llm = LLM(base_url=host.url, model=host.model, api_key=dg.EnvVar("TEST_LLM_KEY"))
    result = dg.materialize([asked], resources={"llm": llm})
    assert result.output_for_node("asked") == 1


def test_works_inside_a_running_event_loop(host: LLMHost) -> None:
    async def main() -> Usage:
        return ask(client(host))[1]

    assert asyncio.run(main()).calls == 1
