"""Requests to a chat endpoint, its replies, and its errors translated to ours."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from domain.errors import InvalidAnswer, PermanentError, ReflectorError, TransientError, is_retryable
from domain.redaction import redact_secrets
from domain.summarize.llm_answers import Unusable, read_answer
from domain.summarize.prompts import Message
from resources.http import as_list, as_object, error_line, one_line, parse_object, retry_after

Answer = TypeVar("Answer", bound=BaseModel)

# Modes of requesting JSON, best first.
WAYS = ("json_schema", "tool", "text")
MOST_BYTES = 4 * 2**20
SENT_BACK = 8_000

TOO_LONG = re.compile(r"context.{0,3}(?:length|size|window)|maximum context|too long|too many tokens", re.I)
HINTS = {
    400: "Check that LLM_MODEL is a model of this endpoint and can take the whole meeting.",
    401: "Check LLM_API_KEY.",
    402: "Check the account of LLM_API_KEY.",
    403: "Check that LLM_API_KEY may use LLM_MODEL.",
    404: "Check LLM_URL (it usually ends in /v1) and LLM_MODEL.",
    413: "The meeting is too long for this endpoint: set LLM_URL and LLM_MODEL to one with a larger context.",
    422: "Check that LLM_MODEL is a model of this endpoint.",
}


class Refused(PermanentError):
    """A request that the endpoint rejects; another mode may work, unless the request is too long."""

    other_mode_may_work = False


class CallSkipped(TransientError):
    """A call that was not made because others had failed; never reported itself."""


class Usage(NamedTuple):
    """Calls that the model answered, and their tokens."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the sum."""
        return Usage(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


class _Function(BaseModel):
    arguments: Any = None


class _ToolCall(BaseModel):
    function: _Function | None = None


class _Message(BaseModel):
    content: Any = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None
    reasoning_content: Any = None
    reasoning: Any = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Tokens(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Completion(BaseModel):
    choices: list[_Choice]
    usage: _Tokens | None = None


class Reply(NamedTuple):
    """The model's answer and its usage; `cut` says why it is incomplete, `refusal` why there is none."""

    text: str
    usage: Usage = Usage(1)
    cut: str | None = None
    refusal: str | None = None

    def read(self, schema: type[Answer]) -> Answer:
        """Validate the answer against the schema; raises Unusable, and InvalidAnswer for a refusal."""
        if self.refusal:
            raise InvalidAnswer(
                f"the model refused to answer: {one_line(self.refusal)}", hint="Try another model (LLM_MODEL)."
            )
        try:
            return read_answer(self.text, schema)
        except Unusable as error:
            raise Unusable(f"{self.cut}; {error}", had_json=error.had_json) if self.cut else error from None


def request(messages: Sequence[Message], schema: type[BaseModel], way: str) -> dict[str, Any]:
    """Return the request's body, without the model, for one mode of requesting JSON."""
    from openai import pydantic_function_tool  # noqa: PLC0415 - takes most of a second to import

    tool = pydantic_function_tool(schema)
    name, shape = tool["function"]["name"], tool["function"].get("parameters", {})
    if way == "json_schema":
        wanted: dict[str, Any] = {"name": name, "schema": shape, "strict": True}
        return {"messages": messages, "response_format": {"type": "json_schema", "json_schema": wanted}}
    if way == "tool":
        choice: dict[str, Any] = {"type": "function", "function": {"name": name}}
        return {"messages": messages, "tools": [tool], "tool_choice": choice}
    *before, last = messages
    asked = f"{last['content']}\n\nAnswer with one JSON object and nothing else. Its JSON schema:\n{json.dumps(shape)}"
    return {"messages": [*before, {"role": last["role"], "content": asked}]}


def correction_messages(text: str, problem: str, schema: type[BaseModel]) -> list[Message]:
    """Return the messages that send an unusable answer back with a description of the problem."""
    # Endpoints reject an empty message, and JSON can't encode half of a surrogate pair.
    sent_back = text.encode("utf-8", "replace").decode().strip()[:SENT_BACK] or "(no answer)"
    wanted = (
        f"That can't be used: {problem}. Answer again, with one JSON object and nothing else, that fits this "
        f"JSON schema:\n{json.dumps(schema.model_json_schema())}"
    )
    return [{"role": "assistant", "content": sent_back}, {"role": "user", "content": wanted}]


def parse_reply(content: bytes, host: str, secrets: Sequence[str]) -> Reply:
    """Parse a chat completion; raises PermanentError or TransientError for anything else."""
    if len(content) > MOST_BYTES:
        return Reply("(an answer without end)", cut=f"it is longer than {MOST_BYTES // 2**20} MiB")
    body = parse_object(content)
    # Some gateways answer 200 and put the error of the service behind them into the body.
    if body and (error := as_object(body.get("error"))) is not None and not body.get("choices"):
        code = error.get("code")
        raise status_error(code if isinstance(code, int) else 502, body, {}, host, secrets)
    try:
        completion = _Completion.model_validate(body)
    except ValidationError:
        raise PermanentError(
            f"the language model at {host} didn't answer with a chat completion",
            hint="Check LLM_URL (it usually ends in /v1).",
        ) from None
    tokens = completion.usage or _Tokens()
    usage = Usage(1, tokens.prompt_tokens or 0, tokens.completion_tokens or 0)
    if not completion.choices:
        return Reply("", usage)
    choice = completion.choices[0]
    filtered = "its content filter stopped it" if choice.finish_reason == "content_filter" else None
    cut = "it was cut off at the endpoint's limit of tokens" if choice.finish_reason == "length" else None
    return Reply(_written(choice.message), usage, cut, choice.message.refusal or filtered)


def _written(message: _Message) -> str:
    for call in message.tool_calls or []:
        arguments = call.function.arguments if call.function else None
        if arguments:
            return arguments if isinstance(arguments, str) else json.dumps(arguments)
    # Endpoints of reasoning models sometimes return the whole answer as reasoning.
    texts = (_text(part) for part in (message.content, message.reasoning_content, message.reasoning))
    return next((text for text in texts if text.strip()), "")


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    texts = [part.get("text") for part in filter(None, map(as_object, as_list(content) or []))]
    return "".join(text for text in texts if isinstance(text, str))


def failure(error: Exception, host: str, timeout: float, secrets: Sequence[str]) -> ReflectorError:
    """Return our error for an exception of the client: transient or permanent, with what to check."""
    from openai import APIStatusError, APITimeoutError  # noqa: PLC0415 - takes most of a second to import

    if isinstance(error, APIStatusError):
        headers = {name.lower(): value for name, value in error.response.headers.items()}
        return status_error(error.status_code, error.body, headers, host, secrets)
    if isinstance(error, TimeoutError | APITimeoutError):
        return TransientError(
            f"the language model at {host} didn't answer in {timeout:g} s",
            hint="If this goes on, raise LLM_REQUEST_TIMEOUT.",
        )
    reason = error_line(error.__cause__ or error, secrets)
    return TransientError(
        f"the connection to the language model at {host} failed: {reason}", hint="Check that LLM_URL can be reached."
    )


def status_error(
    status: int, body: object, headers: Mapping[str, str], host: str, secrets: Sequence[str]
) -> TransientError | PermanentError:
    """Return the error for an HTTP status; `body` is the endpoint's answer."""
    detail = one_line(redact_secrets(secrets, _detail(body)))
    what = f"the language model at {host} answered {status}{f' ({detail})' if detail else ''}"
    if is_retryable(status):
        return TransientError(what, retry_after=retry_after(headers))
    refused = Refused(what, hint=HINTS.get(status, "Check LLM_URL, LLM_MODEL and LLM_API_KEY."))
    refused.other_mode_may_work = status in {400, 422} and not TOO_LONG.search(detail)
    return refused


def _detail(body: object) -> str:
    fields = as_object(body) or {}
    for name in ("error", "message", "detail"):
        if fields.get(name):
            return _detail(fields[name])
    return body if isinstance(body, str) and "<" not in body else "" if isinstance(body, str) else json.dumps(body)
