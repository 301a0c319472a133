"""OpenAI's contract for chat completions: validation of requests, their schema, and example answers."""

# pyright: basic

import json
from collections.abc import Callable
from typing import Any

from openai.types.chat import ChatCompletionMessageParam
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter

BODY = TypeAdapter(CompletionCreateParamsNonStreaming)
MESSAGES = TypeAdapter(list[ChatCompletionMessageParam])
FIELDS = {name for base in CompletionCreateParamsNonStreaming.__mro__ for name in getattr(base, "__annotations__", {})}


def check(body: dict[str, Any]) -> None:
    """Validate a request by the SDK's own types and by this product's rules; raises ValueError."""
    if unknown := set(body) - FIELDS:
        raise ValueError(f"unknown fields {sorted(unknown)}")
    if limits := {"max_tokens", "max_completion_tokens"} & set(body):
        raise ValueError(f"{sorted(limits)} must not be sent: reasoning models use it up")
    BODY.validate_python(body, strict=True)
    # In the SDK's types the messages are an Iterable, which pydantic validates only on iteration.
    if not MESSAGES.validate_python(body["messages"]):
        raise ValueError("no messages")
    if not all(isinstance(message["content"], str) and message["content"] for message in body["messages"]):
        raise ValueError("a message without content")
    roles = [message["role"] for message in body["messages"]]
    turns = roles[1:] if roles[0] == "system" else roles
    if "system" in turns or any(role != ("user", "assistant")[at % 2] for at, role in enumerate(turns)):
        raise ValueError(f"roles must alternate after the system message: {roles}")


def asked(body: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Return the requested schema's name, the mode of the request, and the schema."""
    form: dict[str, Any] = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        return form["json_schema"]["name"], "json_schema", form["json_schema"]["schema"]
    if body.get("tools"):
        function = body["tools"][0]["function"]
        assert body["tool_choice"]["function"]["name"] == function["name"]
        return function["name"], "tool", function["parameters"]
    text = "\n".join(message["content"] for message in body["messages"] if message["role"] == "user")
    schema = json.JSONDecoder().raw_decode(text, text.rindex("JSON schema:\n") + len("JSON schema:\n"))[0]
    return schema["title"], "text", schema


def example(schema: dict[str, Any], write: Callable[[str], str]) -> Any:
    """Return a value for a JSON schema, whose texts `write` returns for the name of their field.

    It knows objects, lists, references, unions, enumerations and plain types.
    """

    def made(part: dict[str, Any], name: str) -> Any:
        if "$ref" in part:
            return made(schema["$defs"][part["$ref"].rsplit("/", 1)[-1]], name)
        if "anyOf" in part:
            return made(next(one for one in part["anyOf"] if one.get("type") != "null"), name)
        if "enum" in part or "const" in part:
            return part.get("enum", [part.get("const")])[0]
        kind = part.get("type")
        if kind == "object":
            return {key: made(value, key) for key, value in part.get("properties", {}).items()}
        if kind == "array":
            size = min(max(2, part.get("minItems", 0)), part.get("maxItems", 2))
            return [made(part["items"], f"{name} {number + 1}") for number in range(size)]
        return (
            write(name) if kind == "string" else {"integer": 1, "number": 1.5, "boolean": True, "null": None}[str(kind)]
        )

    return made(schema, "answer")


def plausible(seed: int, quote: str) -> Callable[[str], str]:
    """Return the writer of texts that name their field, and of quotes."""
    return lambda name: quote if name == "quote" else f"Plausible {name.replace('_', ' ')} {seed}"
