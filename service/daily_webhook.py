"""Daily's webhook: verify the signature over the raw body, store it, answer. Whatever it means is for later."""

import time
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse

from reflector_assets.domain.errors import InvalidInput
from reflector_assets.domain.signatures import is_fresh, is_signed
from resources.inbox import of_webhook
from service.answers import Refused
from service.bodies import read_body
from service.inbox_writer import InboxWriter

# What Daily posts, unsigned as it made no secret yet, to see whether anybody is there before it creates a webhook.
TEST = {b'{"test":"test"}', b'{"test": "test"}'}
OK = JSONResponse({"ok": True})


class DailyWebhook:
    """The receiver; `secrets` are valid side by side, none of them is needed in a trial."""

    def __init__(self, writer: InboxWriter, secrets: Sequence[bytes], window: float) -> None:
        self._writer, self._secrets, self._window = writer, secrets, window

    async def receive(self, request: Request) -> JSONResponse:
        """Answer 200 once a signed body is stored for good, whatever is in it: Daily stops sending after three others.

        401 without a valid and fresh signature, 400 for a malformed timestamp, 413 over 1 MiB, 503 when the inbox
        can't be written.
        """
        body = await read_body(request)
        if body.strip() in TEST:
            return OK
        if self._secrets:
            self._verify(request, body)
        await self._writer.put(of_webhook(body))
        return OK

    def _verify(self, request: Request, body: bytes) -> None:
        signature = request.headers.get("x-webhook-signature")
        timestamp = request.headers.get("x-webhook-timestamp")
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
