"""A stand-in for a language model that obeys orders in a meeting's text, as a badly trained one does.

Its answers fit the requested schemas, and repeat the order in every field if the meeting's text or a participant's name
has the word that triggers it; else it answers like `LLMHost`.
"""

# pyright: basic

import json
from dataclasses import dataclass

from testing.hosts.chat_contract import asked, example
from testing.hosts.llm_host import Call, LLMHost

LINK = "https://evil.example/pay"
ORDER = f"PWNED [click here]({LINK}) <a href='{LINK}'>now</a> @**all** <!channel> @channel www.evil.example"


@dataclass
class ObedientHost(LLMHost):
    """The endpoint; `trigger` is the word that it obeys, `order` what it then writes into every field."""

    trigger: str = "instructions"
    order: str = ORDER

    def says(self, call: Call) -> str:
        if not self.is_triggered(call):
            return super().says(call)
        return json.dumps(example(asked(call.body)[2], lambda _: self.order))

    def is_triggered(self, call: Call) -> bool:
        """Return True if the trigger stands in the data of a request."""
        return self.trigger in "".join(part.split("</")[0] for part in call.text.split(">")[1:])
