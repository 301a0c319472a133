"""Real servers for tests: PostgreSQL, S3, and a proxy that makes them fail. All on 127.0.0.1."""

import random
import socket

# Below the range from which the kernel takes ports for outgoing connections: a server that is stopped for a while
# finds its port free again, and a client that knocks meanwhile can't connect to itself.
PORTS = range(15000, 32000)


def free_ports(count: int) -> list[int]:
    """Find ports on 127.0.0.1 that nobody listens on; another process may still take one before its server starts."""
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            # Servers bind so: a port whose last connections are only winding down counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise AssertionError(f"there are no {count} free ports on 127.0.0.1")
