"""The service does what its OpenAPI document says, whatever Schemathesis makes of it."""

# pyright: basic

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from resources.database.inbox import Inbox
from testing.parts.receiver import signed
from tests.examples import examples
from tests.service.in_process import TOKEN, application

pytestmark = pytest.mark.slow(9)

pytest_plugins = ["tests.service.databases"]

# Of each kind, valid and invalid requests.
EXAMPLES = examples(20, 75)
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    unsupported_method,
    allow_header_conformance,
]
# Rooms and consent are checked for meaning, too; the webhook takes all that is signed.
STRICT = [*CHECKS, negative_data_rejection, ignored_auth]


@dataclass
class Front:
    """ASGI in front of the application: counts its answers, gives the token, and signs webhooks on request."""

    app: Any
    signs: bool = False
    answers: Counter[int] = field(default_factory=Counter)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if self.signs:
            body, more = b"", True
            while more:
                message = await receive()
                body += message.get("body", b"")
                more = message.get("more_body", False)
            mine = [(name.lower().encode(), value.encode()) for name, value in signed(body).items()]
            names = {name for name, _ in mine}
            scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0].lower() not in names] + mine}
            messages = iter([{"type": "http.request", "body": body, "more_body": False}])

            async def again() -> Any:
                return next(messages)

            receive = again

        async def counted(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.answers[message["status"]] += 1
            await send(message)

        return await self.app(scope, receive, counted)


@pytest.fixture(scope="module")
def made(postgres: Any) -> tuple[Any, Inbox]:
    app, inbox, _ = application(postgres.create_database("openapi"))
    return app, inbox


def attack(front: Front, path: str, method: str, count: int, checks: list[Any], **headers: str) -> None:
    operation = schemathesis.openapi.from_asgi("/openapi.json", front)[path][method]
    for mode in GenerationMode:

        @settings(max_examples=count, suppress_health_check=SLOW)
        @given(case=operation.as_strategy(generation_mode=mode))
        def send(case: schemathesis.Case) -> None:
            case.call_and_validate(headers=headers, checks=checks)

        send()


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/v1/rooms", "GET"),
        ("/v1/rooms/{name}", "GET"),
        ("/v1/rooms/{name}", "PUT"),
        ("/v1/rooms/{name}", "PATCH"),
        ("/v1/rooms/{name}", "DELETE"),
        ("/v1/meetings/{id}/consent", "GET"),
        ("/v1/meetings/{id}/consent", "POST"),
    ],
)
def test_rooms_and_consent_keep_to_the_document(made: tuple[Any, Inbox], path: str, method: str) -> None:
    front = Front(made[0])
    # What a valid URL is a document can say only roughly.
    checks = STRICT if method in {"PUT", "PATCH"} else [*STRICT, positive_data_acceptance]
    attack(front, path, method, EXAMPLES, checks, Authorization=f"Bearer {TOKEN}")
    assert front.answers.total() >= 1.6 * EXAMPLES


@pytest.mark.parametrize("signs", [False, True])
def test_the_webhook_keeps_to_the_document(made: tuple[Any, Inbox], signs: bool) -> None:
    front, inbox = Front(made[0], signs), made[1]
    before = len(inbox.items(limit=1_000_000))
    attack(front, "/v1/daily/webhook", "POST", 2 * EXAMPLES, CHECKS)
    assert front.answers.total() >= 3 * EXAMPLES
    after = len(inbox.items(limit=1_000_000))
    assert after > before if signs else after == before
