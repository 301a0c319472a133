"""OpenAI's contract for chat completions: validation of requests, their schema, and example answers."""

# pyright: basic

import json
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


def example(schema: dict[str, Any], root: dict[str, Any], name: str, seed: int, quote: str) -> Any:
    """Return a value for a JSON schema with objects, lists, references, unions, enumerations and plain types."""
    if "$ref" in schema:
        return example(root["$defs"][schema["$ref"].rsplit("/", 1)[-1]], root, name, seed, quote)
    if "anyOf" in schema:
        some = next(one for one in schema["anyOf"] if one.get("type") != "null")
        return example(some, root, name, seed, quote)
    if "enum" in schema or "const" in schema:
        return schema.get("enum", [schema.get("const")])[0]
    kind = schema.get("type")
    if kind == "object":
        return {key: example(value, root, key, seed, quote) for key, value in schema.get("properties", {}).items()}
    if kind == "array":
        size = min(max(2, schema.get("minItems", 0)), schema.get("maxItems", 2))
        return [example(schema["items"], root, f"{name} {number + 1}", seed, quote) for number in range(size)]
    text = quote if name == "quote" else f"Plausible {name.replace('_', ' ')} {seed}"
    return {"string": text, "integer": 1, "number": 1.5, "boolean": True, "null": None}[str(kind)]
