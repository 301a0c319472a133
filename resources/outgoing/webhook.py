"""Outgoing webhooks of rooms: single signed attempts and their outcome (spec: out)."""

import json
import time
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from dagster import ConfigurableResource

from domain.errors import PermanentError, TransientError, is_retryable
from domain.signatures import sign_outgoing
from resources.http import one_line
from resources.outgoing.http import Answer, Outgoing

USER_AGENT = "Reflector-Webhook/1"


class Attempt(NamedTuple):
    """The outcome of one attempt: `later` is retried, `refused` is not; `retry_after` is in seconds."""

    outcome: Literal["sent", "refused", "later"]
    status: int | None
    reason: str | None
    seconds: float
    retry_after: float | None = None


class Webhook(ConfigurableResource[Any]):
    """Sends events to the webhook URLs of rooms."""

    outgoing: Outgoing

    def send(
        self, url: str, secret: str | None, body: Mapping[str, Any], retry: int = 0, now: float | None = None
    ) -> Attempt:
        """Make one attempt; errors are reported in the result, not raised.

        `retry` is the number of earlier attempts; `now` (seconds since the epoch) is signed together with the body.
        """
        now, begin = time.time() if now is None else now, time.monotonic()
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            "X-Webhook-Event": str(body["event"]),
            "X-Webhook-Retry": str(retry),
        }
        if secret:
            headers["X-Webhook-Signature"] = sign_outgoing(secret, int(now), content)
        try:
            answer = self.outgoing.post(url, content, headers)
        except TransientError as error:
            return Attempt("later", None, str(error), time.monotonic() - begin)
        except PermanentError as error:
            return Attempt("refused", None, str(error), time.monotonic() - begin)
        return _attempt(answer)


def _attempt(answer: Answer) -> Attempt:
    status, seconds = answer.status, answer.seconds
    if 200 <= status < 300:
        return Attempt("sent", status, None, seconds)
    if 300 <= status < 400:
        where = f" to {answer.location}" if answer.location else ""
        reason = f"the receiver redirects{where} ({status}); redirects are not followed: set that URL for the room"
        return Attempt("refused", status, reason, seconds)
    body = one_line(answer.body.decode(errors="replace"))
    reason = f"the receiver answered {status}" + (f" ({body})" if body.isprintable() and body else "")
    return Attempt("later" if is_retryable(status) else "refused", status, reason, seconds, answer.retry_after)
