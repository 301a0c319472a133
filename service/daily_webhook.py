"""Daily's webhook: verify the signature over the raw body, store it, answer. Whatever it means is for later.

An ASGI application of its own: what Starlette makes of each request takes longer than all that is done here.
"""

import time
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from domain.errors import InvalidInput, ReflectorError
from domain.signatures import is_fresh, is_signed
from resources.database.inbox import of_webhook
from service.bodies import read_raw_body
from service.errors import Refused, tell_error, tell_refusal
from service.inbox_writer import InboxWriter
from service.received import Received

# What Daily posts, unsigned as it made no secret yet, to see whether anybody is there before it creates a webhook.
TEST = {b'{"test":"test"}', b'{"test": "test"}'}
OK = JSONResponse({"ok": True})


class DailyWebhook:
    """The receiver; `secrets` are valid side by side, none of them is needed in a trial. `received` counts answers."""

    def __init__(self, writer: InboxWriter, secrets: Sequence[bytes], window: float) -> None:
        self._writer, self._secrets, self._window = writer, secrets, window
        self.received = Received()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 200 once a signed body is stored for good, whatever is in it: Daily stops sending after three others.

        401 without a valid and fresh signature, 400 for a malformed timestamp, 413 over 1 MiB, 503 when the inbox
        can't be written.
        """
        begin = time.perf_counter()
        try:
            await self._take(scope, receive)
        except Refused as refused:
            answer = await tell_refusal(Request(scope), refused)
        except ReflectorError as error:
            answer = await tell_error(Request(scope), error)
        else:
            answer = OK
        await answer(scope, receive, send)
        self.received.add(answer.status_code, time.perf_counter() - begin)

    async def _take(self, scope: Scope, receive: Receive) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        body = await read_raw_body(headers.get(b"content-length", b""), receive)
        if body.strip() in TEST:
            return
        if self._secrets:
            self._verify(headers, body)
        await self._writer.put(of_webhook(body))

    def _verify(self, headers: dict[bytes, bytes], body: bytes) -> None:
        signature = headers.get(b"x-webhook-signature", b"").decode("latin-1")
        timestamp = headers.get(b"x-webhook-timestamp", b"").decode("latin-1")
        if not signature or not timestamp:
            raise Refused(401, "X-Webhook-Signature and X-Webhook-Timestamp are needed")
        try:
            fresh = is_fresh(timestamp, time.time(), self._window)
        except InvalidInput as error:
            raise Refused(400, str(error)) from None
        if not is_signed(self._secrets, timestamp, body, signature):
            raise Refused(401, "the signature is wrong")
        if not fresh:
            raise Refused(401, "the timestamp is too old, or from the future")
