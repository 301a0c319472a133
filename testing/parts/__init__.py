"""Real servers for tests, all on 127.0.0.1, and a proxy that makes them fail."""

import random
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from testing import PATIENCE_S

# Below the kernel's range of ephemeral ports: a restarted server finds its port free again, and a client that retries
# meanwhile can't connect to itself.
PORTS = range(15000, 32000)


def free_ports(count: int) -> list[int]:
    """Return unused ports on 127.0.0.1; another process may still take one before the server starts."""
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            # As servers do: a port with connections in TIME_WAIT counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise AssertionError(f"there are no {count} free ports on 127.0.0.1")


def start_on_free_ports(start: Callable[[list[int]], None], count: int = 1) -> None:
    """Start a server on unused ports, and again on others while one that ends shows that a port was taken."""
    for attempt in range(3):
        try:
            start(free_ports(count))
        except ServerEnded:
            if attempt == 2:
                raise
        else:
            return


def wait_until_it_answers(ask: Callable[[], object], process: Any, log: Path, *errors: type[Exception]) -> None:
    """Repeat a request until a server answers it; raise ServerEnded if its process ends.

    As long as the server doesn't answer, the request raises one of `errors`, by default httpx's.
    """
    not_yet = errors or (httpx.TransportError,)
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            ask()
        except not_yet as error:
            if process.poll() is not None:
                raise ServerEnded(log.read_text(errors="replace")) from error
            assert time.monotonic() < end, log.read_text(errors="replace")
            time.sleep(0.02)
        else:
            return


class ServerEnded(AssertionError):
    """The server ended during its start; the message is its log."""
