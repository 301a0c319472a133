"""The client of the old system: relays Daily's webhooks to it, and reads its API."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from dagster import ConfigurableResource

from domain.errors import NotFound, PermanentError, TransientError, is_retryable
from domain.old_rooms import OldRoomPage
from domain.old_transcripts import OldMeeting, OldPage
from domain.signatures import secret_bytes, sign
from resources.http import download, one_line, retry_after, send
from resources.outgoing.webhook import Attempt

WEBHOOK = "/v1/daily/webhook"
MOST_BYTES = 64 * 1024 * 1024
# Entries of a page of a list.
PAGE = 100
MOST_AUDIO_BYTES = 4 * 1024**3
HINT = "Check REFLECTOR_OLD_URL."
ANOTHER_KEY = "use a key that the rooms' owner made there (POST /v1/user/api-keys)."

P = TypeVar("P", OldPage, OldRoomPage)


class OldSystem(ConfigurableResource[Any]):
    """The old system's HTTP API, by its `api_key`, or else by `token`, a JWT.

    Webhooks are signed again with Daily's base64 `secret`, since signatures expire. `pages_url` is the URL of its web
    frontend, if that isn't `url`.
    """

    url: str = ""
    api_key: str = ""
    token: str = ""
    secret: str = ""
    timeout: float = 30.0
    pages_url: str = ""

    def page(self, transcript_id: str) -> str:
        """Return the URL of a transcript's page."""
        return f"{(self.pages_url or self.url).rstrip('/')}/transcripts/{transcript_id}"

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

    def get(self, path: str, seconds: float | None = None, **query: str | int) -> Any:
        """Return the JSON that a path answers, within `seconds` if that is less than the timeout.

        Raises NotFound, TransientError or PermanentError; the last names what to do about a refused credential.
        """
        if not self.url:
            raise PermanentError("REFLECTOR_OLD_URL isn't set", hint="It names the old system's API.")
        answer, content = self._request("GET", path, seconds, params=query, headers=self._credentials())
        self._check(answer, path, content)
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise PermanentError(f"the old system's answer to {path} is not JSON", hint=HINT) from None

    def download(self, path: str, target: Path) -> None:
        """Write the body that a path answers to a file; raises the errors of `get`."""
        too_long = PermanentError(f"the old system's answer is over {MOST_AUDIO_BYTES} bytes", hint=HINT)
        url = self.url.rstrip("/") + path
        limits: dict[str, Any] = {"seconds": self.timeout, "max_bytes": MOST_AUDIO_BYTES, "too_long": too_long}
        try:
            answer = download(url, target, headers=self._credentials(), **limits)
        except httpx.RequestError as error:
            raise TransientError(f"{path} can't be read ({type(error).__name__})", hint=HINT) from None
        self._check(answer, path)

    def _check(self, answer: httpx.Response, path: str, content: bytes = b"") -> None:
        """Raise the error for an answer that isn't successful."""
        status = answer.status_code
        if status == 404:
            raise NotFound(f"the old system has no {path}")
        if is_retryable(status):
            raise TransientError(f"the old system answered {status}", retry_after=retry_after(answer.headers))
        if not answer.is_success:
            hint = self.hint(status)
            raise PermanentError(f"the old system answered {status} to {path} ({_excerpt(content)})", hint=hint)

    def _credentials(self) -> dict[str, str]:
        if self.api_key:
            return {"X-API-Key": self.api_key}
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def hint(self, status: int) -> str:
        """Return what to do about an answer that refuses."""
        if status not in {401, 403}:
            return HINT
        if not self.api_key and not self.token:
            return f"Set REFLECTOR_OLD_API_KEY: {ANOTHER_KEY}"
        if status == 403:
            used = "REFLECTOR_OLD_API_KEY" if self.api_key else "REFLECTOR_OLD_TOKEN"
            return f"The owner of {used} may not read it: {ANOTHER_KEY}"
        if self.api_key:
            return f"It doesn't know REFLECTOR_OLD_API_KEY: {ANOTHER_KEY}"
        return "REFLECTOR_OLD_TOKEN must be one of its JWTs, which end after a day: use REFLECTOR_OLD_API_KEY instead."

    def _request(
        self, method: str, path: str, seconds: float | None = None, **request: Any
    ) -> tuple[httpx.Response, bytes]:
        """Send a request, limited in time and bytes; raises TransientError when there is no complete answer."""
        too_long = TransientError(f"the old system's answer is over {MOST_BYTES} bytes", hint=HINT)
        url, limit = self.url.rstrip("/") + path, min(self.timeout, seconds or self.timeout)
        try:
            return send(method, url, seconds=limit, max_bytes=MOST_BYTES, too_long=too_long, trust_env=False, **request)
        except TimeoutError:
            raise TransientError(f"the old system didn't answer in {limit:.3g} s", hint=HINT) from None
        except httpx.RequestError as error:
            raise TransientError(f"the old system can't be reached ({type(error).__name__})", hint=HINT) from None


def _excerpt(content: bytes) -> str:
    return one_line(content[:200].decode(errors="replace")) or "empty body"


def transcript_path(transcript_id: str) -> str:
    """Return the path of a transcript in the API."""
    return f"/v1/transcripts/{quote(transcript_id, safe='')}"


def meeting(get: Callable[..., Any], room: str, meeting_id: str) -> OldMeeting | None:
    """Return a meeting of a room, read by `get`, which is like `OldSystem.get`; None if the room doesn't have it."""
    try:
        return OldMeeting.read(get(f"/v1/rooms/{quote(room, safe='')}/meetings/{quote(meeting_id, safe='')}"))
    except NotFound:
        return None


def pages(get: Callable[..., Any], model: type[P], path: str, **query: str) -> Iterator[P]:
    """Yield the pages of a list, read by `get`, which is like `OldSystem.get`; raises its errors."""
    number, count = 1, 1
    while number <= count:
        page = model.read(get(path, page=number, size=PAGE, **query))
        yield page
        number, count = number + 1, page.pages
