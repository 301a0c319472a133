"""A TCP proxy (without TLS) in front of a real server that makes the next connections fail."""

import contextlib
import fcntl
import socket
import struct
import termios
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from testing import PATIENCE_S
from testing.parts import free_ports

PIECE = 65536


@dataclass
class Plan:
    """The failure of a connection: of this kind, after `after` bytes of the answer."""

    kind: str
    after: int = 0
    then: Callable[[], object] | None = None
    piece: int = 1
    pause: float = 0.0
    raw: bytes = b""


@dataclass
class Connection:
    """One accepted connection, its plan, and the bytes transferred in each direction."""

    plan: Plan | None
    client: socket.socket
    asked: int = 0
    answered: int = 0
    forwarding: threading.Thread | None = None
    closing: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)


class Proxy:
    """A proxy on 127.0.0.1 to another port there, or to the same port of another loopback address; a context manager.

    Each plan applies to the next `times` *new* connections, in the order of the calls; later connections work. As
    clients keep connections open, a plan first ends all existing ones, unless `keep` is set.
    """

    def __init__(self, target: int, host: str = "127.0.0.1") -> None:
        self.target, self.port = (host, target), target if host != "127.0.0.1" else 0
        self.connections: list[Connection] = []
        self.plans: list[Plan] = []
        self.lock, self.stopping = threading.Lock(), threading.Event()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def answered(self) -> int:
        """The number of bytes sent to clients, over all connections."""
        return sum(connection.answered for connection in self.connections)

    def __enter__(self) -> Self:
        self.port = self.port or free_ports(1)[0]
        self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.close()
        self.cut()

    def listen(self) -> None:
        """Accept connections, also again after `close`."""
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def close(self) -> None:
        """Stop accepting connections, so that the kernel refuses them."""
        with contextlib.suppress(OSError):
            # Wakes the thread in accept(); closing alone doesn't.
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def cut(self) -> None:
        """End all existing connections."""
        with self.lock:
            there = [connection for connection in self.connections if not connection.over.is_set()]
        for connection in there:
            with contextlib.suppress(OSError):
                # Immediately visible to a client that checks its connection before use.
                connection.client.shutdown(socket.SHUT_RDWR)
            _reset(connection)

    def refuse(self, times: int = 1, *, keep: bool = False) -> None:
        """Reset connections immediately after they are accepted."""
        self._plan(Plan("refuse"), times, keep)

    def reset(
        self, after: int, times: int = 1, *, then: Callable[[], object] | None = None, keep: bool = False
    ) -> None:
        """Reset connections after `after` bytes of the answer; `then` is called before that."""
        self._plan(Plan("reset", after, then), times, keep)

    def end(self, after: int, times: int = 1, *, keep: bool = False) -> None:
        """Close connections normally after `after` bytes of the answer."""
        self._plan(Plan("end", after), times, keep)

    def hang(self, after: int = 0, times: int = 1, *, keep: bool = False) -> None:
        """Stop sending after `after` bytes of the answer."""
        self._plan(Plan("hang", after), times, keep)

    def drip(self, piece: int, pause: float, times: int = 1, *, keep: bool = False) -> None:
        """Answer in pieces of `piece` bytes with a pause in seconds before each."""
        self._plan(Plan("drip", piece=piece, pause=pause), times, keep)

    def answer(self, raw: bytes, times: int = 1, *, keep: bool = False) -> None:
        """Answer the first received bytes with `raw` and close the connection, without involving the server."""
        self._plan(Plan("answer", raw=raw), times, keep)

    def _plan(self, plan: Plan, times: int, keep: bool) -> None:
        with self.lock:
            self.plans += [plan] * times
        if not keep:
            self.cut()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                connection = Connection(self.plans.pop(0) if self.plans else None, client)
                self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        kind = connection.plan.kind if connection.plan else ""
        if kind == "refuse":
            return _reset(connection)
        if kind == "answer":
            return self._say(connection)
        try:
            server = socket.create_connection(self.target)
        except OSError:
            return _reset(connection)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.forwarding = threading.Thread(target=self._forward, args=(connection, server), daemon=True)
        connection.forwarding.start()
        with server, contextlib.suppress(OSError):
            self._pass_answer(connection, server)
        return _reset(connection)

    def _forward(self, connection: Connection, server: socket.socket) -> None:
        """Forward the client's bytes while the connection is open."""
        with contextlib.suppress(OSError):
            while said := connection.client.recv(PIECE):
                connection.asked += len(said)
                server.sendall(said)
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def _pass_answer(self, connection: Connection, server: socket.socket) -> None:
        """Forward the server's bytes according to the plan; the caller then resets the connection."""
        plan, client = connection.plan, connection.client
        limit = plan.after if plan and plan.kind in {"reset", "end", "hang"} else None
        while limit is None or connection.answered < limit:
            most = PIECE if limit is None else min(PIECE, limit - connection.answered)
            if plan and plan.kind == "drip":
                most = plan.piece
                self.stopping.wait(plan.pause)
            said = server.recv(most)
            if not said:
                # In order: what was sent arrives.
                _drain(client)
                return _close(connection)
            # Counted first: a client that has it all may look at the count at once.
            connection.answered += len(said)
            client.sendall(said)
        assert plan is not None
        _drain(client)
        if plan.then:
            plan.then()
        if plan.kind == "hang":
            while not self.stopping.is_set() and not connection.over.is_set():
                self.stopping.wait(0.02)
        if plan.kind == "end":
            return _close(connection)
        return None

    def _say(self, connection: Connection) -> None:
        assert connection.plan is not None
        client, raw = connection.client, connection.plan.raw
        with contextlib.suppress(OSError):
            connection.asked += len(client.recv(PIECE))
            connection.answered += len(raw)
            client.sendall(raw)
            client.shutdown(socket.SHUT_WR)
            # Closing with unread bytes would reset the connection, and the client might not read the answer.
            client.settimeout(1)
            while said := client.recv(PIECE):
                connection.asked += len(said)
        _close(connection)


def _drain(client: socket.socket, seconds: float = PATIENCE_S) -> None:
    """Wait until the client's kernel has received everything: a reset would discard unsent data."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        handle = client.fileno()
        if handle < 0:
            # Another thread closed it.
            return
        waiting = struct.unpack("i", fcntl.ioctl(handle, termios.TIOCOUTQ, b"\0" * 4))[0]
        if not waiting:
            return
        time.sleep(0.002)


def _reset(connection: Connection) -> None:
    with contextlib.suppress(OSError):
        connection.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    _close(connection)


def _close(connection: Connection) -> None:
    with connection.closing:
        with contextlib.suppress(OSError):
            # Wakes the thread that waits for the client; with a linger of 0 the close still resets.
            connection.client.shutdown(socket.SHUT_RD)
        if connection.forwarding:
            # A socket in use by a thread stays open behind its close, and the client could send another request.
            connection.forwarding.join(PATIENCE_S)
        connection.client.close()
    # Last: `cut` leaves it alone from now on, and the client must see the end by then.
    connection.over.set()
