"""What the receiver is compared with: a route of Starlette's that reads the body and answers, as a process of its own.

`python -m bench.bare_route PORT` serves it with the receiver's settings of the server.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bench.measure import ROOT
from bench.webhooks import PATH
from testing.parts import free_ports


async def receive(request: Request) -> JSONResponse:
    """Answer what the receiver answers."""
    await request.body()
    return JSONResponse({"ok": True})


@contextmanager
def bare_route() -> Iterator[tuple[int, int]]:
    """Start it; yields its port and process id once it answers."""
    port = free_ports(1)[0]
    process = subprocess.Popen([sys.executable, "-m", "bench.bare_route", str(port)], cwd=ROOT)
    try:
        end = time.monotonic() + 60
        while True:
            try:
                httpx.post(f"http://127.0.0.1:{port}{PATH}", json={}, trust_env=False)
                break
            except httpx.TransportError:
                if process.poll() is not None or time.monotonic() > end:
                    raise
                time.sleep(0.02)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


if __name__ == "__main__":
    app = Starlette(routes=[Route(PATH, receive, methods=["POST"])])
    uvicorn.run(app, port=int(sys.argv[1]), access_log=False, server_header=False, log_level="warning")
