"""The real receiver, `reflector serve` as a process of its own, and webhooks signed as Daily signs them.

The signature is computed here independently of the product's code, from the base64 secret (spec: Daily.co).
"""

# pyright: basic

import base64
import hashlib
import hmac
import signal
import subprocess
import time
from collections.abc import Mapping
from typing import ClassVar, Self

import httpx

from testing import PATIENCE_S
from testing.deployment import BIN, ROOT, Deployment
from testing.parts import free_ports, wait_until_it_answers
from testing.programs import Program

SECRET = "b25lIHNlY3JldCBvZiB0aGUgcmVjZWl2ZXIncyB0ZXN0cw=="
OTHER_SECRET = "YW5vdGhlciBzZWNyZXQgb2YgdGhlIHJlY2VpdmVyJ3MgdGVzdHM="


def signature(body: bytes, secret: str, timestamp: str) -> str:
    """Sign a body with a base64 secret."""
    mac = hmac.new(base64.b64decode(secret), digestmod=hashlib.sha256)
    mac.update(timestamp.encode("ascii"))
    mac.update(b".")
    mac.update(body)
    return base64.b64encode(mac.digest()).decode("ascii")


def signed(body: bytes, secret: str = SECRET, timestamp: str | None = None) -> dict[str, str]:
    """Return the headers of a webhook, signed now or at `timestamp`."""
    at = str(int(time.time())) if timestamp is None else timestamp
    return {
        "Content-Type": "application/json",
        "X-Webhook-Timestamp": at,
        "X-Webhook-Signature": signature(body, secret, at),
    }


class Receiver:
    """The receiver of a deployment on 127.0.0.1 and a free port; a context manager.

    `arguments` are passed to `reflector serve`. The process's output is in the file `log`. Without a secret in the
    deployment or `--trial`, the process ends immediately and `start` raises AssertionError with its log.
    `from_scratch` starts a new process, for measurements, as does a limit of `descriptors`; otherwise it is forked
    (testing/programs.py).
    """

    command: ClassVar[tuple[str, ...]] = ("serve",)

    def __init__(
        self, deployment: Deployment, *arguments: str, from_scratch: bool = False, descriptors: int | None = None
    ) -> None:
        self.deployment, self.arguments = deployment, arguments
        self.from_scratch, self.descriptors = from_scratch or descriptors is not None, descriptors
        self.port = 0
        self.log = deployment.home / f"{self.command[0]}.log"
        self.process: subprocess.Popen[bytes] | Program | None = None
        self.client = httpx.Client(trust_env=False, verify=False, timeout=PATIENCE_S)

    @property
    def url(self) -> str:
        """The receiver's base URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def webhook(self) -> str:
        """The URL that Daily posts to."""
        return f"{self.url}/v1/daily/webhook"

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self.process is not None
        return self.process.pid

    def __enter__(self) -> Self:
        self.port = free_ports(1)[0]
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        if self.process is not None:
            self.stop()

    def start(self) -> None:
        """Start or restart the receiver on its port; return when it answers."""
        command = [BIN / "reflector", *self.command, "--port", str(self.port), *self.arguments]
        if self.descriptors is not None:
            command = ["/bin/sh", "-c", f'ulimit -n {self.descriptors}; exec "$@"', "sh", *command]
        start = subprocess.Popen if self.from_scratch else Program
        with self.log.open("ab") as log:
            self.process = start(command, cwd=ROOT, env=self.deployment.environment(), stdout=log, stderr=log)
        wait_until_it_answers(lambda: self.client.get(f"{self.url}/health"), self.process, self.log)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End the process, in order by SIGTERM or immediately by SIGKILL; return its exit code."""
        assert self.process is not None
        self.process.send_signal(how)
        try:
            return self.process.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait(timeout=60)
        finally:
            self.process = None

    def post(
        self,
        body: bytes,
        secret: str | None = SECRET,
        *,
        timestamp: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Post a webhook as Daily does, signed unless `secret` is None; `headers` replace the usual ones."""
        own = {"Content-Type": "application/json"} if secret is None else signed(body, secret, timestamp)
        return self.client.post(self.webhook, content=body, headers={**own, **(headers or {})})
