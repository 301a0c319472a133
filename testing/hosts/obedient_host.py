"""A stand-in for a language model that obeys whoever speaks in a meeting, as a badly trained one does.

Its answers fit the requested schemas, and repeat what it was told to write wherever the record of the meeting or a
participant's name has the word that triggers it; else it answers like `LLMHost`.
"""

# pyright: basic

import json
from dataclasses import dataclass
from typing import Any

from testing.hosts.chat_contract import asked
from testing.hosts.llm_host import Call, LLMHost

LINK = "https://evil.example/pay"
ORDER = f"PWNED [click here]({LINK}) <a href='{LINK}'>now</a> @**all** <!channel> @channel www.evil.example"


@dataclass
class ObedientHost(LLMHost):
    """The endpoint; `trigger` is the word that it obeys, `order` what it then writes into every field."""

    trigger: str = "instructions"
    order: str = ORDER

    def says(self, call: Call) -> str:
        if not self.is_told(call):
            return super().says(call)
        schema = asked(call.body)[2]
        return json.dumps(self._obeying(schema, schema))

    def is_told(self, call: Call) -> bool:
        """Return True if the trigger stands in the data of a request."""
        return self.trigger in "".join(part.split("</")[0] for part in call.text.split(">")[1:])

    def _obeying(self, schema: dict[str, Any], root: dict[str, Any]) -> Any:
        if "$ref" in schema:
            return self._obeying(root["$defs"][schema["$ref"].rsplit("/", 1)[-1]], root)
        if "anyOf" in schema:
            return self._obeying(next(one for one in schema["anyOf"] if one.get("type") != "null"), root)
        if schema.get("type") == "object":
            return {key: self._obeying(value, root) for key, value in schema.get("properties", {}).items()}
        if schema.get("type") == "array":
            return [self._obeying(schema["items"], root)]
        return self.order
