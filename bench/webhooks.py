"""Signed webhooks, sent over many connections as fast as they are answered, and what that cost the server."""

import asyncio
import json
import math
import time
from collections.abc import Iterator
from typing import NamedTuple, cast

import psutil
import uvloop

from testing.deployment import SAMPLE
from testing.parts.receiver import signed

PATH = "/v1/daily/webhook"


class Round(NamedTuple):
    """Webhooks per second, latencies in milliseconds, and CPU microseconds of the server per webhook."""

    per_second: float
    p50: float
    p99: float
    cpu: float


def webhooks(count: int, number: int) -> list[bytes]:
    """Return whole requests, signed now, of events like the sample's with ids of their own."""
    event = json.loads((SAMPLE / "webhook.json").read_text())
    requests: list[bytes] = []
    for at in range(count):
        event["id"] = f"bench-{number}-{at}"
        event["payload"]["recording_id"] = f"bench-{number}-{at}"
        body = json.dumps(event).encode()
        headers = {"Host": "127.0.0.1", "Content-Length": str(len(body)), **signed(body)}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        requests.append(f"POST {PATH} HTTP/1.1\r\n{head}\r\n".encode() + body)
    return requests


def measure(port: int, pid: int, requests: list[bytes], connections: int) -> Round:
    """Send all requests to the server of a process; raises RuntimeError when it refuses one."""
    server = psutil.Process(pid)
    before = sum(server.cpu_times()[:2])
    seconds, latencies = uvloop.run(_send(port, requests, connections))
    cpu = sum(server.cpu_times()[:2]) - before
    latencies.sort()
    p50, p99 = (1000 * latencies[math.ceil(part * len(latencies)) - 1] for part in (0.5, 0.99))
    return Round(len(requests) / seconds, p50, p99, 1e6 * cpu / len(requests))


async def _send(port: int, requests: list[bytes], connections: int) -> tuple[float, list[float]]:
    """Post all requests; returns the seconds that it took, and of each."""
    loop, left, latencies = asyncio.get_running_loop(), iter(requests), list[float]()
    ends: list[asyncio.Future[None]] = []
    begin = time.perf_counter()
    for _ in range(connections):
        end: asyncio.Future[None] = loop.create_future()
        ends.append(end)
        await loop.create_connection(lambda end=end: _Connection(left, latencies, end), "127.0.0.1", port)
    await asyncio.gather(*ends)
    return time.perf_counter() - begin, latencies


class _Connection(asyncio.Protocol):
    """One connection that posts a request, waits for its answer, and posts the next one."""

    def __init__(self, requests: Iterator[bytes], latencies: list[float], ended: asyncio.Future[None]) -> None:
        self.requests, self.latencies, self.ended = requests, latencies, ended
        self.answer, self.begin = b"", 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.send()

    def send(self) -> None:
        request = next(self.requests, None)
        if request is None:
            self.transport.close()
            self.ended.set_result(None)
            return
        self.begin = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.answer += data
        # Both answer {"ok":true}.
        if not self.answer.endswith(b"}"):
            return
        if not self.answer.startswith(b"HTTP/1.1 200 "):
            self.ended.set_exception(RuntimeError(f"refused: {self.answer[:300]!r}"))
            self.transport.abort()
            return
        self.latencies.append(time.perf_counter() - self.begin)
        self.answer = b""
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(exc or RuntimeError("the connection was closed"))
