"""The program that a code server starts in place of Python for a run, which it has the warm process fork.

`multiprocessing` starts the processes of its `spawn` method by an executable that can be set. This one passes its
arguments and open files to the warm process, waits, and ends as the run does. It imports only what starts within
milliseconds, and it is executed as a text of its own: nothing of this package can be imported here.
"""

import os
import signal
import socket
import struct
import sys

# The first word of a request for a run.
RUN = "run"


def main(address: str, python: str) -> None:
    """Have the warm process at `address` fork a run; execute `python` for all else, or if that is impossible."""
    arguments = sys.argv[1:]
    connection = _request(address, arguments) if "--multiprocessing-fork" in arguments else None
    if connection is None:
        os.execv(python, [python, *arguments])  # noqa: S606 - the interpreter of this environment
    # The run receives the signals of a terminal itself, and this process ends after it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    status = int(connection.recv(16) or 1)
    if status < 0:
        if -status != signal.SIGKILL:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


def connect(address: str) -> socket.socket:
    """Connect to the warm process at `address`; raise OSError if there is none of this user."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        connection.connect(address)
        check_user(connection)
    except OSError:
        connection.close()
        raise
    return connection


def check_user(connection: socket.socket) -> None:
    """Raise PermissionError if the peer belongs to another user."""
    peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    if struct.unpack("3i", peer)[1] != os.geteuid():
        raise PermissionError("the socket belongs to another user")


def _request(address: str, arguments: list[str]) -> socket.socket | None:
    """Send the run's program and the files that multiprocessing passed; return None if that is impossible."""
    try:
        connection = connect(address)
        files = [number for number in map(int, os.listdir("/proc/self/fd")) if _is_passed(number)]  # noqa: PTH208
        program = arguments[arguments.index("-c") + 1]
        message = "\0".join([RUN, program, *map(str, files)])
        socket.send_fds(connection, [message.encode()], files)
    except OSError:
        return None
    for number in files:
        os.close(number)
    return connection


def _is_passed(number: int) -> bool:
    try:
        return number > 2 and os.get_inheritable(number)
    except OSError:
        return False
