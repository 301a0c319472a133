"""Client of an OpenAI-compatible chat endpoint that requests answers matching a schema."""

import asyncio
import hashlib
import json
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import unquote, urlsplit

from dagster import ConfigurableResource
from pydantic import BaseModel, Field

from domain.errors import InvalidAnswer, PermanentError, ReflectorError, TransientError
from domain.summarize.llm_answers import Unusable
from domain.summarize.prompts import Message
from resources import usage
from resources.http import host
from resources.llm.wire import (
    WAYS,
    CallSkipped,
    Refused,
    Reply,
    Usage,
    correction_messages,
    failure,
    parse_reply,
    request,
)

if TYPE_CHECKING:
    from openai import AsyncOpenAI

Answer = TypeVar("Answer", bound=BaseModel)
Result = TypeVar("Result")
Item = TypeVar("Item")
Failure = TypeVar("Failure", bound=ReflectorError)

MOST_TRANSIENT = 3

# The request mode that worked last, by endpoint and model, in this process.
_worked: dict[tuple[str, str], str] = {}


def believed(_answer: BaseModel) -> str:
    """Return no objection to an answer."""
    return ""


class AnswerCache(Protocol):
    """Answers by key, so that a repeated step pays for no call twice; used from several threads."""

    def get(self, key: str) -> bytes | None:
        """Return the value or None."""
        ...

    def put(self, key: str, value: bytes) -> None:
        """Store a value."""
        ...


class Ready(BaseModel):
    """The answer that `LLM.check` requests."""

    ready: bool


class LLM(ConfigurableResource[Any]):
    """An OpenAI-compatible chat endpoint; `request_timeout` in seconds covers one whole call.

    `parse_max_retries` is how often an invalid answer is sent back, `max_concurrency` how many calls run at once.
    Pass the key as an EnvVar: Dagster shows plain values of resources in its UI.
    """

    base_url: str
    model: str
    api_key: str = Field(default="", repr=False)
    request_timeout: float = 120
    parse_max_retries: int = 3
    max_concurrency: int = 4
    temperature: float | None = None

    def ask(
        self,
        messages: Sequence[Message],
        schema: type[Answer],
        *,
        recording: str,
        cache: AnswerCache | None = None,
        doubt: Callable[[Answer], str] = believed,
    ) -> tuple[Answer, Usage]:
        """Return one answer; raises TransientError, PermanentError, and InvalidAnswer after the correction rounds.

        `doubt` as in `Chat.ask`.
        """
        return self.converse(lambda chat: chat.ask(messages, schema, doubt), recording=recording, cache=cache)

    def converse(
        self,
        work: "Callable[[Chat], Awaitable[Result]]",
        *,
        recording: str,
        cache: AnswerCache | None = None,
    ) -> tuple[Result, Usage]:
        """Run work that makes several calls under one concurrency limit; return its result and its usage.

        The calls run in another thread, so that a step's time limit interrupts them immediately.
        """
        # Both take most of a second to import, which processes without LLM calls shouldn't pay for.
        from anyio.from_thread import start_blocking_portal  # noqa: PLC0415
        from openai import AsyncOpenAI  # noqa: PLC0415

        self._check()

        async def talk() -> tuple[Result, Usage]:
            async with AsyncOpenAI(
                base_url=self._plain_url(),
                # The client requires a key; an endpoint without authentication ignores it.
                api_key=self.api_key or "none",
                default_headers=self._login(),
                timeout=self.request_timeout,
                max_retries=0,
            ) as client:
                chat = Chat(self, client, recording, cache)
                return await work(chat), chat.usage

        with start_blocking_portal() as portal:
            return portal.start_task_soon(talk).result()

    def check(self, seconds: float) -> str:
        """Make a minimal call in the same way as steps, which checks URL, key and model; raises the errors of `ask`.

        It costs about ten tokens. A list of models would be free, but some endpoints return it without a valid key.
        """
        hasty = self.model_copy(update={"request_timeout": seconds, "parse_max_retries": 0})
        _, used = hasty.ask([{"role": "user", "content": 'Answer with {"ready": true}'}], Ready, recording="")
        return f"{self.model} at {self.host()} answered, {used.prompt_tokens + used.completion_tokens} tokens"

    def parameters(self) -> dict[str, Any]:
        """Return what determines an answer besides the prompt; neither endpoint nor key is part of it."""
        return {"model": self.model, "temperature": self.temperature}

    def host(self) -> str:
        """Return the endpoint's host and port, for messages."""
        return host(self.base_url)

    def secrets(self) -> list[str]:
        """Return the secrets to redact in messages, longest first."""
        parts = urlsplit(self.base_url)
        login = self._login().get("Authorization", "").removeprefix("Basic ")
        return sorted((text for text in (self.api_key, parts.password, login) if text), key=len, reverse=True)

    def _plain_url(self) -> str:
        """Return the URL without user and password, which the HTTP library would log with every call."""
        parts = urlsplit(self.base_url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    def _login(self) -> dict[str, str]:
        """Return user and password of the URL as an Authorization header."""
        parts = urlsplit(self.base_url)
        login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        return {"Authorization": f"Basic {b64encode(login.encode()).decode()}"} if parts.username else {}

    def _check(self) -> None:
        try:
            parts = urlsplit(self.base_url)
            sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            sound = False
        if not sound:
            raise PermanentError("the language model's URL isn't an http or https URL", hint="Check LLM_URL.")
        if not self.model:
            raise PermanentError("no language model is configured", hint="Set LLM_MODEL.")


class Chat:
    """The LLM calls of one step, which share a connection pool, a concurrency limit and a usage count."""

    def __init__(self, llm: LLM, client: "AsyncOpenAI", recording: str, cache: AnswerCache | None) -> None:
        self.usage = Usage()
        self._llm, self._client, self._recording, self._cache = llm, client, recording, cache
        self._slots = asyncio.Semaphore(max(1, llm.max_concurrency))
        self._failures: list[ReflectorError] = []

    async def each(self, work: Callable[[Item], Awaitable[Result]], items: Iterable[Item]) -> list[Result]:
        """Do the work for all items concurrently and return the results in order; raise the first failure at the end.

        Running calls are completed, because they are paid for and their answers are cached. After a permanent failure
        or several transient ones, no further call starts.
        """

        async def one(item: Item) -> Result:
            return await work(item)

        done = await asyncio.gather(*(one(item) for item in items), return_exceptions=True)
        failures = [result for result in done if isinstance(result, BaseException)]
        if failures:
            raise next((error for error in failures if not isinstance(error, CallSkipped)), failures[0])
        return [result for result in done if not isinstance(result, BaseException)]

    async def ask(
        self, messages: Sequence[Message], schema: type[Answer], doubt: Callable[[Answer], str] = believed
    ) -> Answer:
        """Return an answer that matches the schema, from the cache if possible.

        `doubt` returns an objection to an answer, which is sent back once; the caller decides about the last answer.
        """
        if self._cache is None:
            return await self._ask(messages, schema, doubt)
        key = self._key(messages, schema)
        known = await asyncio.to_thread(self._cache.get, key)
        if known is not None:
            try:
                return schema.model_validate_json(known)
            except ValueError:
                # Damaged or of an older schema: call again and replace it.
                pass
        answer = await self._ask(messages, schema, doubt)
        await asyncio.to_thread(self._cache.put, key, answer.model_dump_json().encode())
        return answer

    async def _ask(self, messages: Sequence[Message], schema: type[Answer], doubt: Callable[[Answer], str]) -> Answer:
        endpoint = (self._llm.base_url, self._llm.model)
        way, correction, problem = _worked.get(endpoint, WAYS[0]), list[Message](), ""
        tries = 1 + max(0, self._llm.parse_max_retries)
        doubted: Answer | None = None
        for _ in range(tries):
            way, reply = await self._reply([*messages, *correction], schema, way)
            try:
                answer = reply.read(schema)
            except Unusable as error:
                problem = str(error)
                correction = correction_messages(reply.text, problem, schema)
                # An answer without JSON shows that the endpoint accepts this mode but ignores it.
                way = way if error.had_json else WAYS[min(WAYS.index(way) + 1, len(WAYS) - 1)]
            except PermanentError as error:
                if doubted:
                    return doubted
                raise self._failed(error) from None
            else:
                _worked[endpoint] = way
                if doubted or not (problem := doubt(answer)):
                    return answer
                doubted = answer
                correction = correction_messages(reply.text, problem, schema)
        if doubted:
            return doubted
        raise self._failed(
            InvalidAnswer(
                f"{self._llm.model} returned no valid {schema.__name__} in {tries} attempts: {problem}",
                hint="Run the step again, or set LLM_MODEL to a model that writes JSON reliably.",
            )
        )

    async def _reply(self, messages: Sequence[Message], schema: type[BaseModel], way: str) -> tuple[str, Reply]:
        """Make the request in the given mode, and in the following ones if the endpoint rejects it."""
        for at in range(WAYS.index(way), len(WAYS)):
            try:
                return WAYS[at], await self._post(request(messages, schema, WAYS[at]))
            except Refused as error:
                if at == len(WAYS) - 1 or not error.other_mode_may_work:
                    raise self._failed(error) from None
            except (TransientError, PermanentError) as error:
                raise self._failed(error) from None
        raise AssertionError(way)

    async def _post(self, body: dict[str, Any]) -> Reply:
        import openai  # noqa: PLC0415 - see converse

        llm = self._llm
        extra: dict[str, Any] = {} if llm.temperature is None else {"temperature": llm.temperature}
        async with self._slots:
            if self._stopped():
                raise CallSkipped("not called, because other calls failed")
            try:
                # The client's own limit restarts with every byte; this one covers the whole call.
                async with asyncio.timeout(llm.request_timeout):
                    completions: Any = self._client.chat.completions
                    response = await completions.with_raw_response.create(model=llm.model, **body, **extra)
            except (openai.OpenAIError, TimeoutError) as error:
                raise failure(error, llm.host(), llm.request_timeout, llm.secrets()) from None
        reply = parse_reply(response.content, llm.host(), llm.secrets())
        self.usage += reply.usage
        # Counted here too, because a failed step doesn't return its usage.
        usage.count("llm_calls", reply.usage.calls)
        usage.count("prompt_tokens", reply.usage.prompt_tokens)
        usage.count("completion_tokens", reply.usage.completion_tokens)
        return reply

    def _stopped(self) -> bool:
        permanent = any(isinstance(error, PermanentError) for error in self._failures)
        return permanent or len(self._failures) >= MOST_TRANSIENT

    def _failed(self, error: Failure) -> Failure:
        if not isinstance(error, CallSkipped):
            self._failures.append(error)
        return error.at(recording=self._recording)

    def _key(self, messages: Sequence[Message], schema: type[BaseModel]) -> str:
        inputs: list[Any] = [self._llm.parameters(), list(messages), schema.__name__, schema.model_json_schema()]
        return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
