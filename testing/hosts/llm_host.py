"""A stand-in for a chat endpoint: checks every request against OpenAI's contract and misbehaves on demand.

`python -m testing.hosts.llm_host` prints its URL as JSON and runs until stdin ends.
"""

# pyright: basic

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from domain.summarize.prompts import Prompts
from testing.hosts.chat_contract import asked, check, example, plausible
from testing.hosts.host import Answer, Host, Request, every, run_alone

# Own prompts for titles: a meeting of a few words is asked about as a long one is.
AS_LONG = {"title": Prompts().title}
WAYS = ("json_schema", "tool", "text")
# Texts that the model returns instead of a plain valid answer.
SAYINGS: dict[str, Callable[[str], str]] = {
    "prose": lambda good: "Sure! Here is what I think about this meeting.",
    "broken": lambda good: good[:-3],
    "wrong": lambda good: '{"unexpected": true}',
    "empty": lambda good: "",
    "huge": lambda good: "x" * 10_000_000,
    "think": lambda good: f'<think>{{"maybe": 1}} Let me see ...</think>\n{good}',
    "fenced": lambda good: f"Here you are:\n```json\n{good}\n```\nAnything else?",
}
MISBEHAVIOURS = (*SAYINGS, "refusal", "length", "html", "gateway")


@dataclass(kw_only=True)
class Call(Request):
    """A request: its messages, the requested schema, and the mode."""

    messages: list[dict[str, Any]]
    schema: str
    way: str
    body: dict[str, Any]

    @property
    def text(self) -> str:
        return "\n".join(str(message["content"]) for message in self.messages)

    @property
    def quote(self) -> str:
        """The first words of the transcript that the request is about."""
        asking = next(one for one in self.messages if one["role"] == "user")["content"]
        _, _, transcript = asking.partition("<transcript>\n")
        line = transcript.partition("\n")[0].partition(": ")[2]
        return " ".join(line.split()[:12]) or "nothing"


@dataclass
class LLMHost(Host[Call]):
    """The endpoint; `ways` are the supported modes of requesting a schema."""

    key: str = "test-llm-key"
    model: str = "test-model"
    ways: tuple[str, ...] = WAYS

    @property
    def url(self) -> str:
        return f"{super().url}/v1"

    @property
    def env(self) -> dict[str, str]:
        """The settings of a deployment that uses this server."""
        return {"LLM_URL": self.url, "LLM_API_KEY": self.key, "LLM_MODEL": self.model}

    def misbehave(self, kind: str, times: int = 1, when: Callable[[Call], bool] = every) -> None:
        """Answer the next calls with one of MISBEHAVIOURS."""
        assert kind in MISBEHAVIOURS, kind
        self.plan(times, lambda call: self._misbehaved(call, kind), when)

    def count(self, schema: str | None = None) -> int:
        """Return the number of requests, in total or for one schema."""
        with self.lock:
            return sum(schema in {None, call.schema} for call in self.requests)

    def says(self, call: Call) -> str:
        """Return an answer that matches the requested schema, with quotes from the transcript in the request."""
        schema = asked(call.body)[2]
        return json.dumps(example(schema, plausible(len(call.messages[-1]["content"]), call.quote)))

    def read(self, request: Request) -> Call | Answer:
        if request.method != "POST":
            return self.error(405, "only POST")
        if request.path != "/v1/chat/completions":
            return self.error(404, f"no such path: {request.path}")
        login = request.headers.get("Authorization")
        if login != f"Bearer {self.key}":
            return self.error(401, f"Incorrect API key provided: {login}")
        try:
            body = request.json()
            check(body)
        except (ValueError, ValidationError) as problem:
            return self.error(400, f"invalid request: {problem}")
        if body["model"] != self.model:
            return self.error(404, f"The model {body['model']} does not exist")
        schema, way, _ = asked(body)
        return Call(**vars(request), messages=body["messages"], schema=schema, way=way, body=body)

    def reply(self, call: Call) -> Answer:
        if call.way not in self.ways:
            return self.error(400, f"{call.way} is not supported by this model")
        return self._complete(call, self.says(call))

    def error(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> Answer:
        return Answer(status, {"error": {"message": message, "type": "error", "code": None}}, headers or {})

    def _misbehaved(self, call: Call, kind: str) -> Answer:
        if kind == "html":
            return Answer(body=b"<html><body>Welcome</body></html>", headers={"Content-Type": "text/html"})
        if kind == "gateway":
            return Answer(body={"error": {"code": 503, "message": "upstream is overloaded"}})
        if kind == "refusal":
            return self._complete(call, None, message={"refusal": "I can't help with that."})
        good = self.says(call)
        if kind == "length":
            return self._complete(call, good[: len(good) // 2], finish="length")
        return self._complete(call, SAYINGS[kind](good), as_text=kind in {"think", "fenced", "prose"})

    def _complete(
        self, call: Call, text: str | None, *, finish: str = "stop", as_text: bool = False, message: Any = None
    ) -> Answer:
        said: dict[str, Any] = {"role": "assistant", "content": text, **(message or {})}
        if call.way == "tool" and text and not as_text:
            function = {"name": call.schema, "arguments": text}
            said |= {"content": None, "tool_calls": [{"id": "call-1", "type": "function", "function": function}]}
        tokens = {"prompt_tokens": len(call.text.split()), "completion_tokens": len((text or "").split())}
        return Answer(
            body={
                "id": f"chatcmpl-{len(self.requests)}",
                "object": "chat.completion",
                "created": int(time.time()),
                "model": self.model,
                "choices": [{"index": 0, "message": said, "finish_reason": finish, "logprobs": None}],
                "usage": {**tokens, "total_tokens": sum(tokens.values())},
            }
        )


if __name__ == "__main__":
    server = LLMHost()
    run_alone(server, key=server.key, model=server.model)
