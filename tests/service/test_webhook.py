"""Daily's webhook at the real receiver: what is let in and stored, and what is not."""

import base64
import hashlib
import hmac
import itertools
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from resources.database.database import Database
from resources.database.inbox import Inbox
from testing import PATIENCE_S
from testing.deployment import SAMPLE, deploy
from testing.parts.receiver import OTHER_SECRET, SECRET, Receiver, signature, signed

pytestmark = pytest.mark.slow(15)

WINDOW = 60
LIMIT = 1024 * 1024


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    deployment = deploy(
        tmp_path_factory.mktemp("receiver"),
        DAILY_WEBHOOK_SECRET=SECRET,
        REFLECTOR_PREVIOUS_DAILY_WEBHOOK_SECRET=OTHER_SECRET,
        REFLECTOR_WEBHOOK_WINDOW=str(WINDOW),
        # Dagster isn't there at all.
        DAGSTER_HOME="/nowhere",
    )
    with Receiver(deployment) as running:
        yield running


@pytest.fixture(scope="module")
def inbox(receiver: Receiver) -> Inbox:
    return Inbox(database=Database(url=f"sqlite:///{receiver.deployment.data / 'reflector.db'}"))


# The same in every process that collects the tests.
NUMBERS = itertools.count()


def event(**fields: object) -> bytes:
    return json.dumps({"type": "any", "id": f"event-{next(NUMBERS)}", **fields}).encode()


def is_stored(inbox: Inbox, body: bytes) -> bool:
    return any(item.body == body for item in inbox.items(limit=10_000))


def at(seconds: float) -> str:
    return str(int(time.time() + seconds))


def test_a_signed_event_is_stored_as_it_came(receiver: Receiver, inbox: Inbox) -> None:
    body = (SAMPLE / "webhook.json").read_bytes()
    answer = receiver.post(body)
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    (item,) = inbox.of_recording(json.loads(body)["payload"]["recording_id"])
    assert (item.body, item.state, item.source) == (body, "received", "webhook")
    assert item.event_type == "recording.ready-to-download"
    assert abs(item.received_at - time.time()) < 30


@pytest.mark.parametrize("secret", [SECRET, OTHER_SECRET])
def test_both_secrets_are_valid_while_one_replaces_the_other(receiver: Receiver, inbox: Inbox, secret: str) -> None:
    body = event()
    assert receiver.post(body, secret).status_code == 200
    assert is_stored(inbox, body)


def refused_headers(body: bytes) -> dict[str, dict[str, str]]:
    now, secret = at(0), base64.b64decode(SECRET)
    good = signature(body, SECRET, now)

    def with_(given: str, timestamp: str = now) -> dict[str, str]:
        return {"X-Webhook-Signature": given, "X-Webhook-Timestamp": timestamp}

    def mac(message: bytes, key: bytes = secret, hashed: str = "sha256") -> str:
        return base64.b64encode(hmac.new(key, message, hashed).digest()).decode()

    message = now.encode() + b"." + body
    return {
        "nothing": {},
        "no timestamp": {"X-Webhook-Signature": good},
        "no signature": {"X-Webhook-Timestamp": now},
        "empty signature": with_(""),
        "unknown secret": with_(mac(message, b"guessed")),
        "the secret's text as the key": with_(mac(message, SECRET.encode())),
        "empty secret": with_(mac(message, b"")),
        "another body": with_(signature(body + b" ", SECRET, now)),
        "another time": with_(signature(body, SECRET, at(-1))),
        "no time in it": with_(mac(body)),
        "no dot in it": with_(mac(now.encode() + body)),
        "another hash": with_(mac(message, hashed="sha512")),
        "hexadecimal": with_(hmac.new(secret, message, hashlib.sha256).hexdigest()),
        "cut off": with_(good[:-1]),
        "one letter": with_(good[0]),
        "more after it": with_(good + "="),
        "other case": with_(good.swapcase()),
        "no ASCII": with_("\xff" * 44),
        "two in one": with_(f"{good}, {good}"),
    }


@pytest.mark.parametrize("how", refused_headers(b""))
def test_what_isnt_signed_is_refused_and_not_stored(receiver: Receiver, inbox: Inbox, how: str) -> None:
    body = event()
    headers = {name.encode(): value.encode("latin-1") for name, value in refused_headers(body)[how].items()}
    answer = receiver.client.post(receiver.webhook, content=body, headers=headers)
    assert (answer.status_code, list(answer.json())) == (401, ["detail"])
    assert not is_stored(inbox, body)


@pytest.mark.parametrize("seconds", [-WINDOW - 5, WINDOW + 5, -86400, 86400, -1e9])
def test_what_is_signed_outside_the_window_is_refused(receiver: Receiver, inbox: Inbox, seconds: float) -> None:
    body = event()
    assert receiver.post(body, timestamp=at(seconds)).status_code == 401
    assert not is_stored(inbox, body)


@pytest.mark.parametrize("seconds", [-WINDOW + 20, WINDOW - 20])
def test_what_is_signed_within_the_window_is_taken(receiver: Receiver, inbox: Inbox, seconds: float) -> None:
    whole, parts, milliseconds = event(), event(), event()
    assert receiver.post(whole, timestamp=at(seconds)).status_code == 200
    assert receiver.post(parts, timestamp=f"{at(seconds)}.25").status_code == 200
    assert receiver.post(milliseconds, timestamp=f"{at(seconds)}000").status_code == 200
    assert all(is_stored(inbox, body) for body in (whole, parts, milliseconds))


@pytest.mark.parametrize("timestamp", ["abc", "nan", "inf", "-1", "1_000", "1e9", "0x1", "1.", ".5", "1 2", "9" * 40])
def test_a_timestamp_that_is_none_is_a_bad_request_though_signed(
    receiver: Receiver, inbox: Inbox, timestamp: str
) -> None:
    body = event()
    assert receiver.post(body, timestamp=timestamp).status_code == 400
    assert not is_stored(inbox, body)


def test_an_event_that_comes_again_is_answered_and_not_stored_again(receiver: Receiver, inbox: Inbox) -> None:
    first, again = event(id="comes-again"), event(id="comes-again", more="than before")
    for body in (first, first, again):
        assert receiver.post(body).status_code == 200
    assert [item.body for item in inbox.items(limit=10_000) if item.key == "event:comes-again"] == [first]


def test_an_event_that_comes_50_times_over_8_connections_at_once_is_one_row(receiver: Receiver, inbox: Inbox) -> None:
    body = event(id="50 times")
    headers, begin = signed(body), threading.Barrier(8)

    def post(times: int) -> list[int]:
        with httpx.Client(trust_env=False, verify=False, timeout=PATIENCE_S) as client:
            begin.wait()
            return [client.post(receiver.webhook, content=body, headers=headers).status_code for _ in range(times)]

    with ThreadPoolExecutor(8) as threads:
        answers = [status for statuses in threads.map(post, [7, 7, 6, 6, 6, 6, 6, 6]) for status in statuses]
    assert answers == [200] * 50
    assert [item.key for item in inbox.items(limit=10_000)].count("event:50 times") == 1


@pytest.mark.parametrize(
    "body",
    [
        event(type="recording.unheard-of"),
        b"{}",
        b"[]",
        b"no JSON",
        b"\xff\xfe\x00",
        b"",
        b' \t{"type": "any", "id": "among blanks"}\r\n\r\n',
        b'{"type": 1, "id": []}',
        rb'{"type": "\u0000", "id": "\u0000", "payload": {"recording_id": "\u0000"}}',
        rb'{"type": "\ud800", "id": "\ud800"}',
        b'{"type": "any", "payload": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"type": "any", "id": "' + b"i" * 5000 + b'"}',
        b'{"test":"test","more":1}',
    ],
)
def test_whatever_is_signed_is_kept_once(receiver: Receiver, inbox: Inbox, body: bytes) -> None:
    for _ in range(2):
        assert receiver.post(body).status_code == 200
    assert [item.body for item in inbox.items(limit=10_000)].count(body) == 1


@pytest.mark.parametrize("secret", [None, SECRET])
@pytest.mark.parametrize("body", [b'{"test":"test"}', b'{"test": "test"}', b'{"test":"test"}\n'])
def test_dailys_check_is_answered_and_not_stored(
    receiver: Receiver, inbox: Inbox, body: bytes, secret: str | None
) -> None:
    assert receiver.post(body, secret).status_code == 200
    assert not is_stored(inbox, body)


def test_a_body_may_have_a_mebibyte(receiver: Receiver, inbox: Inbox) -> None:
    full, longer = event(id="full").ljust(LIMIT), event(id="longer").ljust(LIMIT + 1)
    assert receiver.post(full).status_code == 200
    assert is_stored(inbox, full)
    answer = receiver.post(longer)
    assert (answer.status_code, list(answer.json())) == (413, ["detail"])
    assert not is_stored(inbox, longer)


def test_a_body_without_a_length_may_have_as_much(receiver: Receiver, inbox: Inbox) -> None:
    def send(body: bytes) -> int:
        pieces = (body[start : start + 50_000] for start in range(0, len(body), 50_000))
        return receiver.client.post(receiver.webhook, content=pieces, headers=signed(body)).status_code

    full, longer = event(id="full, in pieces").ljust(LIMIT), event(id="longer, in pieces").ljust(LIMIT + 1)
    assert send(full) == 200
    assert is_stored(inbox, full)
    assert send(longer) == 413
    assert not is_stored(inbox, longer)


def raw(receiver: Receiver, *parts: bytes) -> bytes:
    """Say something to the receiver and read what it answers until it closes the connection."""
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=PATIENCE_S) as connection:
        for part in parts:
            connection.sendall(part)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


HEAD = b"POST /v1/daily/webhook HTTP/1.1\r\nHost: 127.0.0.1\r\n"


def signed_head() -> bytes:
    """Return the headers of a signed webhook: without them no body is read."""
    named = {name: value for name, value in signed(b"another").items() if name != "Content-Type"}
    return "".join(f"{name}: {value}\r\n" for name, value in named.items()).encode()


def test_a_body_that_says_it_is_too_long_is_refused_before_it_comes(receiver: Receiver) -> None:
    answer = raw(receiver, HEAD + signed_head() + b"Content-Length: 1048577\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_body_that_doesnt_end_is_refused_at_the_limit(receiver: Receiver) -> None:
    piece = b"10000\r\n" + b" " * 65536 + b"\r\n"
    answer = raw(receiver, HEAD + signed_head() + b"Transfer-Encoding: chunked\r\n\r\n", *[piece] * 16, b"1\r\n \r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("length", [b"-1", b"abc", b"1_0", b"\xb2", b"9" * 5000, b"18446744073709551617"])
def test_a_length_that_is_none_is_refused(receiver: Receiver, length: bytes) -> None:
    answer = raw(receiver, HEAD + b"Connection: close\r\nContent-Length: " + length + b"\r\n\r\n")
    assert answer.split()[1] in {b"400", b"413"}


def test_a_body_that_breaks_off_is_not_stored(receiver: Receiver, inbox: Inbox) -> None:
    body = event(id="breaks off")
    head = "".join(f"{name}: {value}\r\n" for name, value in signed(body[:-5]).items()).encode()
    with socket.create_connection(("127.0.0.1", receiver.port)) as connection:
        connection.sendall(HEAD + head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:-5])
    assert receiver.post(event()).status_code == 200
    assert not is_stored(inbox, body[:-5])


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
def test_the_webhook_is_only_posted_to(receiver: Receiver, method: str) -> None:
    answer = receiver.client.request(method, receiver.webhook)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_neither_secrets_nor_bodies_are_in_the_log(receiver: Receiver) -> None:
    receiver.post(event(id="not for the log"))
    receiver.post(event(id="not for the log"), timestamp=at(-5000))
    said = Path(receiver.log).read_text()
    for word in (SECRET, OTHER_SECRET, base64.b64decode(SECRET).decode(), "not for the log", "Traceback"):
        assert word not in said
