"""The old system, while both run: Daily's webhooks are relayed to it, its transcripts are fetched for comparison."""

import json
import time
from contextlib import suppress
from typing import Any

import httpx
from dagster import ConfigurableResource

from domain.errors import NotFound, PermanentError, TransientError, is_retryable
from domain.signatures import secret_bytes, sign
from resources.http import one_line, retry_after, send
from resources.outgoing.webhook import Attempt

WEBHOOK, TRANSCRIPT = "/v1/daily/webhook", "/v1/transcripts/{id}"
MOST_BYTES = 64 * 1024 * 1024
HINT = "Check REFLECTOR_OLD_URL."


class OldSystem(ConfigurableResource[Any]):
    """The old system's HTTP API; webhooks are signed again with Daily's base64 `secret`, since signatures expire."""

    url: str = ""
    token: str = ""
    secret: str = ""
    timeout: float = 30.0

    def relay(self, body: bytes, now: float | None = None) -> Attempt:
        """Post the unchanged body of one of Daily's webhooks; errors are reported in the result, not raised.

        `now` (seconds since the epoch) is signed together with the body.
        """
        at, begin = str(int(time.time() if now is None else now)), time.monotonic()
        headers = {"Content-Type": "application/json"}
        if self.secret:
            headers |= {"X-Webhook-Timestamp": at, "X-Webhook-Signature": sign(secret_bytes(self.secret), at, body)}
        try:
            answer, content = self._request("POST", WEBHOOK, content=body, headers=headers)
        except TransientError as error:
            return Attempt("later", None, str(error), time.monotonic() - begin)
        status, seconds = answer.status_code, time.monotonic() - begin
        if answer.is_success:
            return Attempt("sent", status, None, seconds)
        reason = f"the old system answered {status} ({_excerpt(content)})"
        return Attempt(
            "later" if is_retryable(status) else "refused", status, reason, seconds, retry_after(answer.headers)
        )

    def transcript(self, recording_id: str) -> Any:
        """Return the old system's transcript of a recording, as JSON.

        Raises NotFound when there is none, TransientError or PermanentError for other failures.
        """
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer, content = self._request("GET", TRANSCRIPT.format(id=recording_id), headers=headers)
        status = answer.status_code
        if status == 404:
            raise NotFound("the old system has no such transcript", recording=recording_id)
        if is_retryable(status):
            raise TransientError(
                f"the old system answered {status}", recording=recording_id, retry_after=retry_after(answer.headers)
            )
        if not answer.is_success:
            hint = "Check REFLECTOR_OLD_TOKEN." if status in {401, 403} else HINT
            raise PermanentError(f"the old system answered {status} ({_excerpt(content)})", hint=hint)
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise PermanentError("the old system's answer is not JSON", recording=recording_id, hint=HINT) from None

    def check(self) -> str:
        """Check that transcripts can be read; raises the errors of `transcript`."""
        with suppress(NotFound):
            self.transcript("doctor")
        return "its transcripts can be read"

    def _request(self, method: str, path: str, **request: Any) -> tuple[httpx.Response, bytes]:
        """Send a request, limited in time and bytes; raises TransientError when there is no complete answer."""
        too_long = TransientError(f"the old system's answer is over {MOST_BYTES} bytes", hint=HINT)
        url = self.url.rstrip("/") + path
        try:
            return send(
                method,
                url,
                seconds=self.timeout,
                max_bytes=MOST_BYTES,
                too_long=too_long,
                trust_env=False,
                **request,
            )
        except TimeoutError:
            raise TransientError(f"the old system didn't answer in {self.timeout:g} s", hint=HINT) from None
        except httpx.RequestError as error:
            raise TransientError(f"the old system can't be reached ({type(error).__name__})", hint=HINT) from None


def _excerpt(content: bytes) -> str:
    return one_line(content[:200].decode(errors="replace")) or "empty body"
