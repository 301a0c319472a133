"""S3 clients, one per connection and process."""

import os
import threading
from typing import Any


class Clients:
    """One client per connection and process; a forked process creates its own."""

    def __init__(self) -> None:
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def get(self, **connection: Any) -> Any:
        """Return the client of a connection with these fields, created on first use; raises boto3's errors."""
        from resources.store.s3_connection import S3Connection  # noqa: PLC0415 - half a second that few deployments need

        key = tuple(sorted(connection.items()))
        with self.lock:
            if key not in self.made:
                self.made[key] = S3Connection(**connection).get_client()
            return self.made[key]

    def _forget(self) -> None:
        # The lock too: another thread may have held it when the process forked.
        self.lock = threading.Lock()
        self.made: dict[tuple[tuple[str, Any], ...], Any] = {}
