"""The number of listeners of live events, each of which holds a connection for as long as it likes."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

from starlette.requests import HTTPConnection

from service.errors import RETRY_AFTER, Refused
from service.server import connection_limit


class Listeners:
    """Limits listeners of this process, to half of its connections, and of each client address; 0 means no limit."""

    def __init__(self, most_per_client: int, most: int | None = None) -> None:
        self._most = connection_limit() // 2 if most is None else most
        self._most_per_client = most_per_client
        self._by_client = Counter[str]()

    def check(self, connection: HTTPConnection) -> None:
        """Raise Refused if there can't be another listener: 503, or 429 if its client has too many."""
        retry = {"Retry-After": RETRY_AFTER}
        if self._most_per_client and self._by_client.get(_address(connection), 0) >= self._most_per_client:
            raise Refused(429, "this client listens too often", retry)
        if self._by_client.total() >= self._most:
            raise Refused(503, "too many clients listen", retry)

    @contextmanager
    def admit(self, connection: HTTPConnection) -> Generator[None]:
        """Count a listener during the block; raises Refused."""
        self.check(connection)
        address = _address(connection)
        self._by_client[address] += 1
        try:
            yield
        finally:
            self._by_client[address] -= 1
            if not self._by_client[address]:
                del self._by_client[address]


def _address(connection: HTTPConnection) -> str:
    return connection.client.host if connection.client else ""
