"""Which process executes a run: a process id alone names another process in another container, or after a restart."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Self

import psutil


class ProcessIdentity(NamedTuple):
    """A process by its host, the host's boot, the namespace of process ids, the id, and the start in clock ticks."""

    host: str
    boot: str
    namespace: str
    pid: int
    started: str

    @classmethod
    def own(cls) -> Self:
        """Return this process."""
        pid = os.getpid()
        return cls(_host(), _boot(), _namespace(), pid, _stat(pid)[1])

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the process that `str()` described; None if the text isn't of that form."""
        parts = text.split()
        if len(parts) != 5 or not parts[3].isdigit():
            return None
        return cls(parts[0], parts[1], parts[2], int(parts[3]), parts[4])

    def __str__(self) -> str:
        return " ".join(map(str, self))

    def is_visible(self) -> bool:
        """Return True if this process would see the process if it existed."""
        return self[:3] == ProcessIdentity.own()[:3] and self.namespace != UNKNOWN

    def is_of_earlier_boot(self) -> bool:
        """Return True if the process ran on this host before it was started again."""
        return self.host == _host() and self.namespace == _namespace() and self.boot != _boot()

    def is_gone(self) -> bool:
        """Return True if a visible process has ended; False also if the kernel hides its state."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        state, started = _stat(self.pid)
        return started not in {self.started, UNKNOWN} or state == "Z"


UNKNOWN = "unknown"


def _host() -> str:
    # Different machines can have the same name.
    machine = _read(lambda: Path("/etc/machine-id").read_text().strip()[:8])
    return f"{socket.gethostname()}/{machine}" if machine else socket.gethostname()


def _boot() -> str:
    return _read(lambda: Path("/proc/sys/kernel/random/boot_id").read_text().strip()) or str(int(psutil.boot_time()))


def _namespace() -> str:
    # Systems without /proc have no such namespaces.
    return _read(lambda: str(Path("/proc/self/ns/pid").readlink())) or (UNKNOWN if Path("/proc").exists() else "one")


def _stat(pid: int) -> tuple[str, str]:
    """Return the state of a process and when it started, in clock ticks after the boot."""
    # The name in parentheses can contain anything.
    fields = (_read(lambda: Path(f"/proc/{pid}/stat").read_text()) or "").rpartition(")")[2].split()
    return (fields[0], fields[19]) if len(fields) > 19 else (UNKNOWN, UNKNOWN)


def _read(read: Callable[[], str]) -> str | None:
    try:
        return read()
    except OSError:
        return None
