"""Webhooks per second of the receiver against a bare route, both as real processes: run `python -m bench.receiver`.

The receiver (`reflector serve`, SQLite on the disk) verifies each body and has it on the disk before it answers. The
bare route is Starlette's and reads the same body. One process sends signed webhooks with distinct event ids over
keep-alive connections, each the next one when the last is answered, to the one and to the other in turn. The ratio of
each pair is taken; the median of the ratios is the result.
"""

import argparse
import asyncio
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import httpx
import psutil
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.conftest import ROOT, SAMPLE, deploy
from tests.parts import free_ports
from tests.parts.receiver import SECRET, Receiver, signed

PATH = "/v1/daily/webhook"
TARGET = 0.5


@dataclass(frozen=True)
class Round:
    """Webhooks per second, latencies in milliseconds, and CPU microseconds of the server per webhook."""

    per_second: float
    p50: float
    p99: float
    cpu: float


class Connection(asyncio.Protocol):
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


def webhooks(count: int, number: int) -> list[bytes]:
    """Whole requests, signed now, of events like the sample's with ids of their own."""
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


async def send(port: int, requests: list[bytes], connections: int) -> tuple[float, list[float]]:
    """Post all requests; returns the seconds that it took, and of each."""
    loop, left, latencies = asyncio.get_running_loop(), iter(requests), list[float]()
    ends: list[asyncio.Future[None]] = []
    begin = time.perf_counter()
    for _ in range(connections):
        end: asyncio.Future[None] = loop.create_future()
        ends.append(end)
        await loop.create_connection(lambda end=end: Connection(left, latencies, end), "127.0.0.1", port)
    await asyncio.gather(*ends)
    return time.perf_counter() - begin, latencies


def measure(port: int, pid: int, requests: list[bytes], connections: int) -> Round:
    """One round against a server."""
    server = psutil.Process(pid)
    before = sum(server.cpu_times()[:2])
    seconds, latencies = uvloop.run(send(port, requests, connections))
    cpu = sum(server.cpu_times()[:2]) - before
    latencies.sort()
    p50, p99 = (1000 * latencies[math.ceil(part * len(latencies)) - 1] for part in (0.5, 0.99))
    return Round(len(requests) / seconds, p50, p99, 1e6 * cpu / len(requests))


@contextmanager
def bare() -> Iterator[tuple[int, int]]:
    """The bare route as a process: its port and process id."""
    port = free_ports(1)[0]
    process = subprocess.Popen([sys.executable, "-m", "bench.receiver", "--bare", str(port)], cwd=ROOT)
    try:
        end = time.monotonic() + 60
        while True:
            try:
                httpx.post(f"http://127.0.0.1:{port}{PATH}", content=b"{}", trust_env=False)
                break
            except httpx.TransportError:
                if process.poll() is not None or time.monotonic() > end:
                    raise
                time.sleep(0.02)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


def serve_bare(port: int) -> None:
    """Serve the bare route with the receiver's settings of the server."""

    async def receive(request: Request) -> JSONResponse:
        await request.body()
        return JSONResponse({"ok": True})

    app = Starlette(routes=[Route(PATH, receive, methods=["POST"])])
    uvicorn.run(app, port=port, access_log=False, server_header=False, log_level="warning")


def stored(receiver: Receiver) -> int:
    """How many events are in the receiver's inbox, by its command line."""
    return len(receiver.deployment.json("inbox", "list", "--limit", "10000000"))


def shown(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--bare", type=int, metavar="PORT", help="only serve the bare route")
    arguments.add_argument("--pairs", type=int, default=5, help="so many pairs of rounds")
    arguments.add_argument("--requests", type=int, default=8000, help="webhooks per round")
    arguments.add_argument("--connections", type=int, default=32, help="keep-alive connections")
    arguments.add_argument("--folder", type=Path, help="where the database is put; else the system's temporary folder")
    arguments.add_argument("--json", type=Path, help="write the figures to this file, too")
    options = arguments.parse_args()
    if options.bare:
        return serve_bare(options.bare)
    found: list[tuple[Round, Round]] = []
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=options.folder)))
        port, pid = stack.enter_context(bare())
        receiver = stack.enter_context(Receiver(deploy(home, DAILY_WEBHOOK_SECRET=SECRET)))
        for number in range(options.pairs + 1):
            # The first pair only shows that all is up.
            requests = webhooks(options.requests if number else 500, number)
            route = measure(port, pid, requests, options.connections)
            found.append((route, measure(receiver.port, receiver.pid, requests, options.connections)))
        sent, kept = options.pairs * options.requests + 500, stored(receiver)
        if sent != kept:
            sys.exit(f"{sent} webhooks were answered 200, {kept} are in the inbox")
    found = found[1:]
    print("| | webhooks per s | p50 ms | p99 ms | CPU us per webhook |\n| --- | ---: | ---: | ---: | ---: |")
    for name, rounds in zip(("bare route", "receiver"), zip(*found, strict=True), strict=True):
        figures = (statistics.median(column) for column in zip(*(asdict(r).values() for r in rounds), strict=True))
        print(f"| {name} | {' | '.join(f'{figure:.1f}' for figure in figures)} |")
    speeds = sorted(receiver.per_second / route.per_second for route, receiver in found)
    costs = sorted(receiver.cpu / route.cpu for route, receiver in found)
    print(
        f"\nreceiver / bare route: webhooks per s {shown(speeds)}, target at least {TARGET}; "
        f"CPU per webhook {shown(costs)}"
    )
    if options.json:
        options.json.write_text(json.dumps([[asdict(r) for r in pair] for pair in found], indent=1))
    return None


if __name__ == "__main__":
    main()
