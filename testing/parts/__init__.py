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


def wait_until_it_answers(ask: Callable[[], object], process: Any, log: Path) -> None:
    """Repeat a request until a server answers it; raise AssertionError with its log if its process ends."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            ask()
        except httpx.TransportError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.02)
        else:
            return
