"""Zulip's REST API: posting a message, editing it, and finding it again (spec: out)."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
from dagster import ConfigurableResource
from pydantic import Field

from domain.errors import NotFound, PermanentError, TransientError
from domain.redaction import redact_secrets
from resources.http import error_line, host, one_line, retry_after, send
from resources.secrets import secret_value

MOST_BYTES = 8 * 2**20
# How many messages of ours are looked through for one whose posting may not have been answered.
LOOKED_THROUGH = 100
# What Zulip says of a message that doesn't exist (its documentation: fetch a single message, error response).
GONE = "invalid message(s)"
HINTS = {
    "STREAM_DOES_NOT_EXIST": "Create the stream, or set another one, and subscribe the bot to it.",
    "TOPIC_WILDCARD_MENTION_NOT_ALLOWED": "The bot may not mention everyone.",
}


class Gone(NotFound):
    """A message that Zulip says doesn't exist any more."""


class Refused(PermanentError):
    """Something that Zulip doesn't let the bot do, as editing what is too old."""


class UnknownOutcome(TransientError):
    """A message that may have been posted or not: the answer was lost."""


class Zulip(ConfigurableResource):
    """A Zulip server and the bot that posts; without `realm` there is none. `timeout` seconds for a whole call.

    All methods raise TransientError where another attempt may do, with Zulip's Retry-After, PermanentError where not.
    Nothing is tried again in here.
    """

    realm: str = ""
    email: str = ""
    api_key: str = Field("", repr=False)
    timeout: float = 10

    @property
    def is_set(self) -> bool:
        """Say whether there is a server to post to."""
        return bool(self.realm)

    def post(self, stream: str, topic: str, content: str) -> int:
        """Post a message and return its id; raises UnknownOutcome when it may have been posted all the same."""
        form = {"type": "stream", "to": stream, "topic": topic, "content": content}
        try:
            answer = self._call("POST", "messages", form=form)
        except _Lost as error:
            raise UnknownOutcome(error.what) from None
        if isinstance(found := answer.get("id"), int):
            return found
        raise UnknownOutcome(f"{self._at} told no id of the message that it took")

    def edit(self, message_id: int, content: str) -> None:
        """Change a message; raises Gone only when it doesn't exist, Refused when it may not be edited."""
        self._call("PATCH", f"messages/{message_id}", form={"content": content})

    def find(self, stream: str, topic: str, mark: str) -> tuple[int, str] | None:
        """The bot's newest message of a topic that holds `mark`, with its content; None when there is none."""
        narrow = [
            {"operator": "stream", "operand": stream},
            {"operator": "topic", "operand": topic},
            {"operator": "sender", "operand": self.email},
        ]
        query = {
            "anchor": "newest",
            "num_before": str(LOOKED_THROUGH),
            "num_after": "0",
            "narrow": json.dumps(narrow),
            # The content as it was posted, not as it is shown.
            "apply_markdown": "false",
        }
        messages = self._call("GET", "messages", query=query).get("messages")
        for message in reversed(messages if isinstance(messages, list) else []):
            if isinstance(message, dict) and isinstance(message.get("id"), int):
                content = message.get("content")
                if isinstance(content, str) and mark in content:
                    return message["id"], content
        return None

    def check(self) -> str:
        """Say as whom the server knows the bot, and change nothing."""
        return f"{self._at} knows {self._call('GET', 'users/me').get('full_name', 'the bot')}"

    @property
    def _at(self) -> str:
        return f"Zulip at {host(self.realm)}"

    def _call(
        self, method: str, path: str, *, form: Mapping[str, str] | None = None, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        if not self.is_set:
            raise PermanentError("there is no Zulip server to post to", hint="Set ZULIP_REALM.")
        key = secret_value(self.api_key)
        request = {
            "data": form,
            "params": query,
            "auth": httpx.BasicAuth(self.email, key),
            # What went wrong is read off the text, which Zulip would translate.
            "headers": {"Accept-Language": "en"},
        }
        url = f"{self.realm}/api/v1/{path}"
        too_long = PermanentError(f"the answer of {self._at} is longer than {MOST_BYTES // 2**20} MiB")
        try:
            response, content = send(
                method, url, seconds=self.timeout, max_bytes=MOST_BYTES, too_long=too_long, **request
            )
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            reason = error_line(error, [key])
            raise TransientError(f"{self._at} can't be reached: {reason}", hint="Check ZULIP_REALM.") from None
        except TimeoutError:
            raise _Lost(f"{self._at} didn't answer in {self.timeout:g} s") from None
        except httpx.InvalidURL:
            raise PermanentError("ZULIP_REALM is no URL") from None
        except httpx.RequestError as error:
            reason = error_line(error, [key])
            raise _Lost(f"the connection to {self._at} broke: {reason}") from None
        answer = _object(content)
        if response.is_success and answer.get("result") == "success":
            return answer
        raise self._failure(response.status_code, response.headers, answer, key)

    def _failure(
        self, status: int, headers: httpx.Headers, answer: Mapping[str, Any], key: str
    ) -> TransientError | PermanentError:
        said, code = answer.get("msg"), str(answer.get("code") or "")
        detail = one_line(redact_secrets([key], said)) if isinstance(said, str) else ""
        what = f"{self._at} answered {status}" + (f" ({detail})" if detail else "")
        if status == 429:
            told = answer.get("retry-after")
            wait = retry_after(headers)
            wait = float(told) if wait is None and isinstance(told, int | float) else wait
            return TransientError(what, retry_after=wait)
        if status in {408, 425}:
            return TransientError(what, retry_after=retry_after(headers))
        if status >= 500 or not answer or answer.get("result") != "error":
            # Also what is no answer of Zulip's: a proxy before it may have let the request through.
            return _Lost(what)
        if status == 401:
            return PermanentError(what, hint="Check ZULIP_API_KEY and ZULIP_BOT_EMAIL: Zulip shows them of its bots.")
        if status in {400, 404} and detail.lower().rstrip(".") == GONE:
            return Gone(what)
        return Refused(what, hint=HINTS.get(code, "Check what the bot is allowed to do there."))


class _Lost(TransientError):
    """A request whose outcome isn't known."""


def _object(content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}
