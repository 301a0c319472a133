"""Parse a language model's answer: find the JSON in it and validate it against the schema."""

import json
import re
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

Schema = TypeVar("Schema", bound=BaseModel)

THOUGHT = re.compile(r"<(think|thinking|reasoning)>.*?</\1>", re.S | re.I)
# Chat templates that open the thought block leave only its end tag in the answer.
THOUGHT_END = re.compile(r"^.*</(?:think|thinking|reasoning)>", re.S | re.I)
MAX_STARTS = 50
MAX_PROBLEM = 400


class Unusable(ValueError):
    """An unusable answer; `had_json` distinguishes an invalid object from none at all."""

    def __init__(self, problem: str, *, had_json: bool) -> None:
        super().__init__(problem)
        self.had_json = had_json


def read_answer(text: str, schema: type[Schema]) -> Schema:
    """Return the first JSON object that fits the schema, ignoring thoughts, prose and code fences; raise Unusable."""
    without_thoughts = THOUGHT_END.sub("", THOUGHT.sub("", text))
    if not without_thoughts.strip():
        raise Unusable("the answer is empty", had_json=False)
    problem = ""
    for found in _objects(without_thoughts):
        try:
            return schema.model_validate(found)
        except ValidationError as error:
            problem = problem or describe(error)
    if problem:
        raise Unusable(problem, had_json=True)
    raise Unusable("the answer holds no JSON object that can be read", had_json=False)


def describe(error: ValidationError) -> str:
    """Describe the problems of an answer in one line, field by field."""
    problems = [
        f"{'.'.join(str(part) for part in found['loc']) or 'the object'}: {found['msg']}"
        for found in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    line = " ".join("; ".join(problems).split())
    return line if len(line) <= MAX_PROBLEM else f"{line[:MAX_PROBLEM]} ..."


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a text, with a limit on attempts, as a text of braces only would take forever."""
    decoder = json.JSONDecoder()
    at = text.find("{")
    for _ in range(MAX_STARTS):
        if at < 0:
            return
        try:
            found, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            if isinstance(found, dict):
                yield found
        at = text.find("{", end)
