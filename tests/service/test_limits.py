"""What clients without a signature can take from the receiver: a signed webhook is answered meanwhile."""

# pyright: basic

import contextlib
import os
import resource
import socket
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from testing.daemon import until
from testing.deployment import Deployment
from testing.parts.receiver import SECRET, Receiver, signature, signed

pytestmark = pytest.mark.slow(30)

MIB = 1024 * 1024
MOST_GROWTH = 150 * MIB
ANSWERED_S = 1.0
POST = b"POST /v1/daily/webhook HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"


def lines(headers: dict[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items() if name != "Content-Type").encode()


# What looks signed, but for another body.
PLAUSIBLE = lines(signed(b"another"))


@pytest.fixture(autouse=True)
def descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def receiver(deployment: Deployment) -> Iterator[Receiver]:
    deployment.env["DAILY_WEBHOOK_SECRET"] = SECRET
    with Receiver(deployment) as running:
        running.client.timeout = 15
        assert running.post(b'{"type": "any", "id": "first"}').status_code == 200
        yield running


class Attack:
    """Connections that stay open, each with the bytes that it could send at once."""

    def __init__(self, receiver: Receiver, count: int, request: bytes) -> None:
        self.receiver, self.count, self.request = receiver, count, request
        self.open: list[socket.socket] = []

    def __enter__(self) -> "Attack":
        for _ in range(self.count):
            connection = socket.socket()
            # What isn't read stays with the receiver.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(15)
            connection.connect(("127.0.0.1", self.receiver.port))
            connection.setblocking(False)
            self.open.append(connection)
            self.send(connection, 0)
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self.open:
            connection.close()

    def send(self, connection: socket.socket, begin: int) -> None:
        with contextlib.suppress(OSError):
            while begin < len(self.request):
                begin += connection.send(self.request[begin : begin + 256 * 1024])

    def left(self) -> int:
        """Return how many connections the receiver still holds."""
        held = 0
        for connection in self.open:
            try:
                held += bool(connection.recv(65536))
            except BlockingIOError:
                held += 1
            except OSError:
                pass
        return held


def memory(receiver: Receiver) -> int:
    """Return the resident bytes of the receiver."""
    return int(Path(f"/proc/{receiver.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def webhooks(receiver: Receiver, count: int = 10) -> None:
    """Post signed webhooks, each by a connection of its own: an idle one may be closed to make room for others."""
    took: list[float] = []
    for number in range(count):
        body = b'{"type": "any", "id": "%d"}' % number
        begin = time.monotonic()
        with httpx.Client(timeout=15, trust_env=False) as client:
            assert client.post(receiver.webhook, content=body, headers=signed(body)).status_code == 200
        took.append(time.monotonic() - begin)
    # Not each of them: other tests run on this machine.
    assert statistics.median(took) < ANSWERED_S


def test_bodies_without_a_signature_are_not_read(receiver: Receiver) -> None:
    before = memory(receiver)
    request = POST + b"Content-Length: %d\r\n\r\n" % MIB + b"x" * MIB
    with Attack(receiver, 600, request) as attack:
        webhooks(receiver)
        assert memory(receiver) - before < MOST_GROWTH
        until(lambda: not attack.left(), what="closed")
    assert memory(receiver) - before < MOST_GROWTH


def test_bodies_that_look_signed_are_limited_together(receiver: Receiver) -> None:
    before = memory(receiver)
    request = POST + PLAUSIBLE + b"Content-Length: %d\r\n\r\n" % MIB + b"x" * (MIB - 1)
    with Attack(receiver, 400, request) as attack:
        for connection in attack.open:
            attack.send(connection, len(request) // 2)
        webhooks(receiver)
        assert memory(receiver) - before < MOST_GROWTH


@pytest.mark.parametrize("head", [b"X-Long: " + b"x" * (5 * MIB), b"".join(b"X-%d: x\r\n" % n for n in range(400_000))])
def test_a_long_head_is_not_read(receiver: Receiver, head: bytes) -> None:
    before = memory(receiver)
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=15) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n" + head)
        answer = b""
        with contextlib.suppress(OSError):
            answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 431 ") or not answer
        webhooks(receiver, 2)
    assert memory(receiver) - before < 20 * MIB


def test_half_requests_end(receiver: Receiver) -> None:
    before = memory(receiver)
    halves = [POST, POST + PLAUSIBLE + b"Content-Length: 10\r\n\r\nhalf", b"", b"\r\n"]
    with contextlib.ExitStack() as stack:
        attacks = [stack.enter_context(Attack(receiver, 250, half)) for half in halves]
        webhooks(receiver)
        assert memory(receiver) - before < MOST_GROWTH
        until(lambda: sum(attack.left() for attack in attacks) == 0, what="all closed")


def test_more_connections_than_descriptors_leave_room_for_webhooks(deployment: Deployment) -> None:
    deployment.env["DAILY_WEBHOOK_SECRET"] = SECRET
    with Receiver(deployment, descriptors=256) as receiver, Attack(receiver, 300, POST):
        receiver.client.close()
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(Attack(receiver, 100, b""))
                webhooks(receiver, 3)


HANDSHAKE = (
    b"GET /v1/transcripts/a/events HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
GET = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("request_", [HANDSHAKE, GET * 9], ids=["refused WebSockets", "unread answers"])
def test_clients_that_read_nothing_make_room_for_webhooks(deployment: Deployment, request_: bytes) -> None:
    deployment.env["DAILY_WEBHOOK_SECRET"] = SECRET
    with Receiver(deployment, descriptors=256) as receiver, Attack(receiver, 200, request_):
        receiver.client.close()
        webhooks(receiver, 5)


def test_requests_before_an_answer_are_limited(receiver: Receiver) -> None:
    before = memory(receiver)
    with Attack(receiver, 50, GET * (8 * 256 * 1024 // len(GET))) as attack:
        webhooks(receiver)
        assert memory(receiver) - before < MOST_GROWTH
        assert not attack.left()


def test_daily_s_own_test_needs_no_signature(receiver: Receiver) -> None:
    known = {b'{"test":"test"}': 200, b' {"test": "test"} ': 200, b'{"test":"no"}': 401, b"x" * 5000: 401}
    json = {"Content-Type": "application/json"}
    for body, status in known.items():
        assert receiver.post(body, None).status_code == status
        chunks = receiver.client.post(receiver.webhook, content=iter([body]), headers=json)
        assert chunks.status_code == status
    stale = {"X-Webhook-Timestamp": "1", "X-Webhook-Signature": signature(b"x", SECRET, "1")}
    assert receiver.post(b"x", None, headers=stale).status_code == 401
    assert receiver.post(b"x", None, headers=stale | {"X-Webhook-Timestamp": "soon"}).status_code == 400
