"""The old system, while both run: Daily's webhooks are relayed to it, its transcripts are fetched to compare."""

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
# No transcript is longer.
MOST_BYTES = 64 * 1024 * 1024
HINT = "REFLECTOR_OLD_URL names it."


class OldSystem(ConfigurableResource):
    """The old system's HTTP API; `secret` is Daily's webhook's, base64, for webhooks are signed anew: theirs age."""

    url: str = ""
    token: str = ""
    secret: str = ""
    timeout: float = 30.0

    def relay(self, body: bytes, now: float | None = None) -> Attempt:
        """Post one of Daily's webhooks to it, its body as it came; nothing is raised, the answer says what went wrong.

        `now` (seconds since the epoch) is signed with the body.
        """
        at, begin = str(int(time.time() if now is None else now)), time.monotonic()
        headers = {"Content-Type": "application/json"}
        if self.secret:
            headers |= {"X-Webhook-Timestamp": at, "X-Webhook-Signature": sign(secret_bytes(self.secret), at, body)}
        try:
            answer, content = self._ask("POST", WEBHOOK, content=body, headers=headers)
        except TransientError as error:
            return Attempt("later", None, str(error), time.monotonic() - begin)
        status, seconds = answer.status_code, time.monotonic() - begin
        if answer.is_success:
            return Attempt("sent", status, None, seconds)
        reason = f"the old system answered {status} ({_said(content)})"
        return Attempt(
            "later" if is_retryable(status) else "refused", status, reason, seconds, retry_after(answer.headers)
        )

    def transcript(self, recording_id: str) -> Any:
        """Fetch its transcript of a recording, as JSON.

        Raises NotFound when it has none, TransientError and PermanentError as its answer says.
        """
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer, content = self._ask("GET", TRANSCRIPT.format(id=recording_id), headers=headers)
        status = answer.status_code
        if status == 404:
            raise NotFound("the old system has no such transcript", recording=recording_id)
        if is_retryable(status):
            raise TransientError(
                f"the old system answered {status}", recording=recording_id, retry_after=retry_after(answer.headers)
            )
        if not answer.is_success:
            hint = "Check REFLECTOR_OLD_TOKEN." if status in {401, 403} else HINT
            raise PermanentError(f"the old system answered {status} ({_said(content)})", hint=hint)
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise PermanentError("the old system's answer is no JSON", recording=recording_id, hint=HINT) from None

    def check(self) -> str:
        """Say whether it lets us read transcripts, and change nothing; raises as `transcript` does."""
        with suppress(NotFound):
            self.transcript("doctor")
        return "its transcripts can be read"

    def _ask(self, method: str, path: str, **request: Any) -> tuple[httpx.Response, bytes]:
        """Ask it, within a limit of time and bytes; raises TransientError when there is no whole answer."""
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
            raise TransientError(f"the old system doesn't answer ({type(error).__name__})", hint=HINT) from None


def _said(content: bytes) -> str:
    return one_line(content[:200].decode(errors="replace")) or "nothing more"
