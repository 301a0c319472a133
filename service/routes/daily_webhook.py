"""Daily's webhook: verify the signature of the raw body, store it, answer. The event is interpreted later.

The receiver is an ASGI application of its own: FastAPI's work for a request takes longer than all that is done here.
"""

import re
import time
from collections.abc import Sequence
from typing import Annotated

from fastapi import Header
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from domain.errors import InvalidInput, ReflectorError
from domain.signatures import is_fresh, is_signed
from resources.database.inbox import of_webhook
from service.bodies import body_of, check_declared_as_json
from service.dependencies import AuthorizedRouter
from service.errors import Refused, answer_error, answer_refusal
from service.inbox_writer import InboxWriter
from service.metrics import WebhookMetrics
from service.routing import problems, request_body

router = AuthorizedRouter()
PATH = "/v1/daily/webhook"
# What Daily posts before it creates a webhook; unsigned, as it has no secret yet.
TEST = {b'{"test":"test"}', b'{"test": "test"}'}
LONGEST_TEST = 64
# Base64 of a SHA-256 digest.
SIGNATURE = re.compile(r"[A-Za-z0-9+/]{43}=")
# The rest of a refused body isn't read.
CLOSE = {"Connection": "close"}
OK = JSONResponse({"ok": True})


class DailyEvent(BaseModel, extra="allow"):
    """An event of Daily's; its payload depends on its type."""

    version: str | None = None
    type: str | None = None
    id: str | None = None
    payload: dict[str, object] = {}
    event_ts: float | None = None


class Received(BaseModel):
    """The event is stored."""

    ok: bool


@router.post(PATH, responses=problems(400, 401, 413, 415, 503), openapi_extra=request_body(DailyEvent))
async def receive_event(
    signature: Annotated[
        str,
        Header(
            alias="X-Webhook-Signature",
            description="Base64 of HMAC-SHA256 over timestamp, a dot and the raw body",
        ),
    ] = "",
    timestamp: Annotated[str, Header(alias="X-Webhook-Timestamp", description="Unix time")] = "",
) -> Received:
    """Receive an event of Daily's."""
    # The route is for the OpenAPI document, and for other methods: `Service` passes POST to `DailyWebhook`.
    raise NotImplementedError


class DailyWebhook:
    """The receiver; all `secrets` are valid, and without any it verifies nothing, as in a trial."""

    def __init__(self, writer: InboxWriter, secrets: Sequence[bytes], window: float, metrics: WebhookMetrics) -> None:
        self._writer, self._secrets, self._window, self._metrics = writer, secrets, window, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 200 once a signed body is stored durably, whatever it holds: Daily stops sending after three errors.

        A body that can't have a valid signature isn't read, unless it may be Daily's test.

        401 without a valid and fresh signature, 400 for a malformed timestamp, 413 over 1 MiB, 415 for an unsigned body
        that isn't declared as JSON, 503 if the inbox can't be written.
        """
        begin = time.perf_counter()
        try:
            await self._receive(scope, receive)
        except Refused as refused:
            answer = await answer_refusal(Request(scope), refused)
        except ReflectorError as error:
            answer = await answer_error(Request(scope), error)
        else:
            answer = OK
        await answer(scope, receive, send)
        self._metrics.add(answer.status_code, time.perf_counter() - begin)

    async def _receive(self, scope: Scope, receive: Receive) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if not self._secrets:
            check_declared_as_json(headers.get(b"content-type", b"").decode("latin-1"))
        length = headers.get(b"content-length", b"")
        signature = headers.get(b"x-webhook-signature", b"").decode("latin-1")
        timestamp = headers.get(b"x-webhook-timestamp", b"").decode("latin-1")
        if self._secrets:
            try:
                self._check(signature, timestamp)
            except Refused as refused:
                await _accept_test(length, receive, refused)
                return
        async with body_of(length, receive) as body:
            if body.strip() in TEST:
                return
            if self._secrets and not is_signed(self._secrets, timestamp, body, signature):
                raise Refused(401, "the signature is wrong")
            await self._writer.put(of_webhook(body))

    def _check(self, signature: str, timestamp: str) -> None:
        """Raise Refused if the body needn't be read, as the signature can't be valid."""
        if not signature or not timestamp:
            raise Refused(401, "X-Webhook-Signature and X-Webhook-Timestamp are needed", CLOSE)
        try:
            fresh = is_fresh(timestamp, time.time(), self._window)
        except InvalidInput as error:
            raise Refused(400, str(error), CLOSE) from None
        if not fresh:
            raise Refused(401, "the timestamp is too old, or in the future", CLOSE)
        if not SIGNATURE.fullmatch(signature.strip()):
            raise Refused(401, "the signature is wrong", CLOSE)


async def _accept_test(length: bytes, receive: Receive, refused: Refused) -> None:
    """Read the body if it can be Daily's test, and return if it is; else raise `refused`."""
    if length.isdigit() and (len(length) > 4 or int(length) > LONGEST_TEST):
        raise refused
    try:
        async with body_of(length, receive, LONGEST_TEST) as body:
            if body.strip() in TEST:
                return
    except Refused:
        raise refused from None
    raise refused
