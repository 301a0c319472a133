"""Zulip's REST API: posting, editing and finding messages (spec: out)."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
from dagster import ConfigurableResource
from pydantic import Field

from domain.errors import NotFound, PermanentError, TransientError
from domain.redaction import redact_secrets
from resources.http import as_list, as_object, error_line, host, one_line, parse_object, retry_after, send
from resources.secrets import secret_value

MOST_BYTES = 8 * 2**20
# Number of our messages that are searched for one whose posting was not confirmed.
MOST_SEARCHED = 100
# Zulip's error for a message that doesn't exist (its documentation: fetch a single message, error response).
GONE = "invalid message(s)"
HINTS = {
    "STREAM_DOES_NOT_EXIST": "Create the stream, or set another one, and subscribe the bot to it.",
    "TOPIC_WILDCARD_MENTION_NOT_ALLOWED": "The bot may not mention everyone.",
}


class Gone(NotFound):
    """A message that no longer exists according to Zulip."""


class Refused(PermanentError):
    """A request that Zulip doesn't permit the bot, such as editing a message that is too old."""


class UnknownOutcome(TransientError):
    """A message that may or may not have been posted: the answer was lost."""


class Zulip(ConfigurableResource[Any]):
    """A Zulip server and its bot, not configured without `realm`; `timeout` in seconds per call.

    All methods raise TransientError, with Zulip's Retry-After, if another attempt may succeed, otherwise
    PermanentError. There are no retries here.
    """

    realm: str = ""
    email: str = ""
    api_key: str = Field("", repr=False)
    timeout: float = 10

    @property
    def is_set(self) -> bool:
        """Return True if a server is configured."""
        return bool(self.realm)

    def post(self, stream: str, topic: str, content: str) -> int:
        """Post a message and return its id; raises UnknownOutcome when it may have been posted despite an error."""
        form = {"type": "stream", "to": stream, "topic": topic, "content": content}
        try:
            answer = self._call("POST", "messages", form=form)
        except _Lost as error:
            raise UnknownOutcome(error.what) from None
        if isinstance(found := answer.get("id"), int):
            return found
        raise UnknownOutcome(f"{self._at} accepted a message without returning its id")

    def edit(self, message_id: int, content: str) -> None:
        """Edit a message; raises Gone if it no longer exists, Refused if Zulip doesn't permit the edit."""
        self._call("PATCH", f"messages/{message_id}", form={"content": content})

    def find(self, stream: str, topic: str, mark: str) -> tuple[int, str] | None:
        """Return id and content of the bot's newest message in a topic that contains `mark`; None if there is none."""
        narrow = [
            {"operator": "stream", "operand": stream},
            {"operator": "topic", "operand": topic},
            {"operator": "sender", "operand": self.email},
        ]
        query = {
            "anchor": "newest",
            "num_before": str(MOST_SEARCHED),
            "num_after": "0",
            "narrow": json.dumps(narrow),
            # The content as posted, not rendered.
            "apply_markdown": "false",
        }
        messages = as_list(self._call("GET", "messages", query=query).get("messages")) or []
        for message in filter(None, map(as_object, reversed(messages))):
            message_id, content = message.get("id"), message.get("content")
            if isinstance(message_id, int) and isinstance(content, str) and mark in content:
                return message_id, content
        return None

    def check(self) -> str:
        """Check that the server accepts the bot's key; return one line with the bot's name."""
        return f"{self._at} knows {self._call('GET', 'users/me').get('full_name', 'the bot')}"

    @property
    def _at(self) -> str:
        return f"Zulip at {host(self.realm)}"

    def _call(
        self, method: str, path: str, *, form: Mapping[str, str] | None = None, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        if not self.is_set:
            raise PermanentError("no Zulip server is configured", hint="Set ZULIP_REALM.")
        key = secret_value(self.api_key)
        request: dict[str, Any] = {
            "data": form,
            "params": query,
            "auth": httpx.BasicAuth(self.email, key),
            # Errors are recognized by their text, which Zulip would translate.
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
            raise PermanentError("ZULIP_REALM is not a valid URL") from None
        except httpx.RequestError as error:
            reason = error_line(error, [key])
            raise _Lost(f"the connection to {self._at} broke: {reason}") from None
        answer = parse_object(content) or {}
        if response.is_success and answer.get("result") == "success":
            return answer
        raise self._failure(response.status_code, response.headers, answer, key)

    def _failure(
        self, status: int, headers: httpx.Headers, answer: Mapping[str, Any], key: str
    ) -> TransientError | PermanentError:
        message, code = answer.get("msg"), str(answer.get("code") or "")
        detail = one_line(redact_secrets([key], message)) if isinstance(message, str) else ""
        what = f"{self._at} answered {status}" + (f" ({detail})" if detail else "")
        if status == 429:
            in_body, wait = answer.get("retry-after"), retry_after(headers)
            wait = float(in_body) if wait is None and isinstance(in_body, int | float) else wait
            return TransientError(what, retry_after=wait)
        if status in {408, 425}:
            return TransientError(what, retry_after=retry_after(headers))
        if status >= 500 or not answer or answer.get("result") != "error":
            # Includes answers that aren't Zulip's: a proxy may have forwarded the request before it failed.
            return _Lost(what)
        if status == 401:
            return PermanentError(what, hint="Check ZULIP_API_KEY and ZULIP_BOT_EMAIL: Zulip shows them of its bots.")
        if status in {400, 404} and detail.lower().rstrip(".") == GONE:
            return Gone(what)
        return Refused(what, hint=HINTS.get(code, "Check what the bot is allowed to do there."))


class _Lost(TransientError):
    """A request with unknown outcome."""
