"""A single-threaded process with everything imported, from which runs and workers are forked within milliseconds.

The process that starts it holds one end of a socket pair: once that is closed, and the last child has ended, the warm
process ends, too. That of a code server also ends when it is idle for long; the code server keeps the listening socket,
and the next request starts it again. A request is a connection to an abstract Unix socket (Linux only, as are the
pidfds), one packet with what to start, and open files; the connection then carries the child's exit status back. Both
sides accept only a peer of the same user.
"""

import atexit
import contextlib
import fcntl
import logging
import os
import secrets
import select
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing import set_executable, spawn
from multiprocessing.connection import Connection
from pathlib import Path

from reflector_assets.runtime import process, starter, worker

# The module that the process runs; it imports everything, then calls `serve`.
MODULE = "reflector_assets.preload"
WORKER = "worker"
MAX_BYTES, MAX_FILES = 1 << 16, 64
# For a requester that was killed between its connection and its packet, in seconds.
REQUEST_TIMEOUT_S = 5.0
# One that ended soon, as where memory is short, is replaced later.
RESTART_DELAY_S, RESTART_LATER_S, SOON_S = 0.5, 30.0, 60.0
# A run waits this long for another warm process before it starts its own.
REPLACEMENT_S = 5.0
# Tells runs the address, also those that start without the warm process.
ADDRESS = "REFLECTOR_WARM_PROCESS"
log = logging.getLogger(__name__)
# What keeps alive the warm processes that this process started.
_owned: list[socket.socket] = []


def is_supported() -> bool:
    """Return True if this platform has what the warm process needs."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open")


def start(module: str = MODULE) -> str:
    """Start a warm process that ends after this process and the last child; return its address."""
    listener = _listen(address := _new_address())
    with listener:
        _start(listener, address, 0.0, module)
    return address


def _new_address() -> str:
    return f"\0reflector-{secrets.token_hex(16)}"


def _listen(address: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(address)
    listener.listen(socket.SOMAXCONN)
    return listener


def _start(listener: socket.socket, address: str, idle: float, module: str = MODULE) -> subprocess.Popen[bytes]:
    ours, theirs = socket.socketpair()
    with theirs:
        files = [listener.fileno(), theirs.fileno()]
        command = [sys.executable, "-m", module, *map(str, files), str(idle)]
        # A thread of the numerical library would make each fork unsafe.
        environment = {"OPENBLAS_NUM_THREADS": "1", **os.environ, ADDRESS: address[1:]}
        started = subprocess.Popen(command, pass_fds=files, stdin=subprocess.DEVNULL, env=environment)
    _owned.append(ours)
    return started


def fork_runs(idle: float) -> None:
    """Start a warm process for this code server, and have its runs forked from there.

    After `idle` seconds without a child it ends, and the next request starts it again; with 0 it stays.
    """
    listener = _listen(address := _new_address())
    started = _start(listener, address, idle)
    # Executed by its descriptor, the program leaves no file behind. It stays open: all later runs need it.
    program = os.memfd_create("starter", 0)
    python = Path(sys.executable).resolve()
    text = Path(starter.__file__).read_text()
    os.write(program, f"#!{python} -IS\n{text}\n\nmain({address!r}, {sys.executable!r})\n".encode())
    os.environ[ADDRESS] = address[1:]
    set_executable(f"/proc/{os.getpid()}/fd/{program}")
    arguments = listener, address, idle, started
    threading.Thread(target=_keep_warm, args=arguments, daemon=True, name="keeps-warm").start()


def _keep_warm(listener: socket.socket, address: str, idle: float, started: subprocess.Popen[bytes]) -> None:
    """Start the warm process again: one that was idle at the next request, one that was killed soon."""
    while True:
        began = time.monotonic()
        code = started.wait()
        _owned.pop().close()
        if code == 0:
            # The request waits in the listener for the warm process.
            select.select([listener], [], [])
        else:
            # Until then, runs start without it.
            listener.close()
            log.warning("the warm process has ended with code %s, and is started again", code)
            time.sleep(RESTART_LATER_S if time.monotonic() - began < SOON_S else RESTART_DELAY_S)
            listener = _listen(address)
        started = _start(listener, address, idle)


def fork_worker(channel: Connection) -> socket.socket:
    """Fork a worker that serves `channel`; return the connection that will carry its exit status.

    If there is no warm process, or no longer, this starts one.
    """
    end = time.monotonic() + REPLACEMENT_S
    while address := os.environ.get(ADDRESS):
        with contextlib.suppress(OSError):
            return _request(f"\0{address}", channel)
        if time.monotonic() > end:
            break
        time.sleep(0.1)
    address = start()
    os.environ[ADDRESS] = address[1:]
    return _request(address, channel)


def _request(address: str, channel: Connection) -> socket.socket:
    connection = starter.connect(address)
    try:
        socket.send_fds(connection, [WORKER.encode()], [channel.fileno()])
    except OSError:
        connection.close()
        raise
    return connection


def serve(listener: str, owner: str, idle: str) -> None:
    """Fork for every request until the owner and all children have ended; don't return in a child.

    The arguments are those of the process: two descriptors, and the seconds of `fork_runs`.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    process.set_name("reflector-warm")
    sockets = socket.socket(fileno=int(listener)), socket.socket(fileno=int(owner))
    if task := WarmProcess(*sockets, float(idle)).serve():
        _end_after(task)


class WarmProcess:
    """The loop of the warm process."""

    def __init__(self, listener: socket.socket, owner: socket.socket, idle: float) -> None:
        self._listener, self._owner, self._idle = listener, owner, idle
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(owner, selectors.EVENT_READ)
        # By the pidfd: a child's pid, and the connection for its exit status.
        self._children: dict[int, tuple[int, socket.socket]] = {}
        self._is_owned = True

    def serve(self) -> Callable[[], None] | None:
        """Fork for every request; return in a child what it is to do, and None once nothing is left or was for long."""
        while self._is_owned or self._children:
            ready = self._selector.select(self._idle if self._idle and not self._children else None)
            if not ready:
                return None
            for key, _ in ready:
                if key.fileobj is self._listener:
                    if task := self._accept():
                        return task
                elif key.fileobj is self._owner:
                    self._selector.unregister(self._owner)
                    self._is_owned = False
                else:
                    self._reap(key.fd)
        return None

    def _accept(self) -> Callable[[], None] | None:
        connection, _ = self._listener.accept()
        try:
            starter.check_user(connection)
            connection.settimeout(REQUEST_TIMEOUT_S)
            packet, files, _, _ = socket.recv_fds(connection, MAX_BYTES, MAX_FILES)
        except OSError:
            traceback.print_exc()
            connection.close()
            return None
        kind, *rest = packet.decode().split("\0")
        if kind == starter.RUN and len(files) == len(rest) - 1:
            task = self._fork(
                connection, lambda: _be_run(connection, rest[0], dict(zip(files, map(int, rest[1:]), strict=True)))
            )
        elif kind == WORKER and len(files) == 1:
            task = self._fork(connection, lambda: _be_worker(connection, files[0]))
        else:
            task = None
            connection.close()
        if task is None:
            for file in files:
                os.close(file)
        return task

    def _fork(self, connection: socket.socket, task: Callable[[], None]) -> Callable[[], None] | None:
        if (pid := os.fork()) == 0:
            self._leave_to_parent()
            return task
        pidfd = os.pidfd_open(pid)
        self._children[pidfd] = pid, connection
        self._selector.register(pidfd, selectors.EVENT_READ)
        return None

    def _reap(self, pidfd: int) -> None:
        pid, connection = self._children.pop(pidfd)
        self._selector.unregister(pidfd)
        os.close(pidfd)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with connection, contextlib.suppress(OSError):
            connection.send(str(status).encode())

    def _leave_to_parent(self) -> None:
        """Close in a child what belongs to the warm process."""
        self._selector.close()
        self._listener.close()
        self._owner.close()
        for pidfd, (_, connection) in self._children.items():
            os.close(pidfd)
            connection.close()


def _be_run(connection: socket.socket, program: str, files: dict[int, int]) -> None:
    """Execute a run as the child of multiprocessing that `program` describes; `files` are received: expected numbers.

    The run is killed when its starter is: the code server then takes it for dead, and it will be resumed.
    """
    above = max([connection.fileno(), *files, *files.values()]) + 1
    moved = [(fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, above), number) for file, number in files.items()]
    connection.settimeout(None)
    watched = socket.socket(fileno=fcntl.fcntl(connection, fcntl.F_DUPFD_CLOEXEC, above))
    connection.close()
    for file in files:
        os.close(file)
    for file, number in moved:
        os.dup2(file, number, inheritable=False)
        os.close(file)
    threading.Thread(target=_die_with, args=(watched,), daemon=True).start()
    process.set_name("reflector-run")
    arguments = dict(part.split("=") for part in program.partition("spawn_main(")[2].rstrip(")").split(", "))
    sys.argv[:] = ["-c", "--multiprocessing-fork"]
    spawn.spawn_main(**{name: int(number) for name, number in arguments.items()})


def _die_with(connection: socket.socket) -> None:
    """Kill this process once the other end of a connection is closed."""
    with contextlib.suppress(ConnectionResetError):
        connection.recv(1)
    os.kill(os.getpid(), signal.SIGKILL)


def _be_worker(connection: socket.socket, channel: int) -> None:
    connection.close()
    worker.work(channel)


def _end_after(task: Callable[[], None]) -> None:
    """Execute a child's task and end its process, without freeing what it shares with the warm process."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    code = 1
    try:
        task()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
