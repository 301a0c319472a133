"""A process that executes steps of one run, one at a time, and the run's side of it.

The run sends the step's key, the worker `Ended` with the step's events: the log has each at once, the run needs none of
them before the end, and each message would wake it. Between steps the worker keeps the instance, the job and loaded
models. It ends when the run has closed the channel; if the run was killed during a step, after that step, so that no
paid call is lost. After a step that failed, and when it holds much memory, it is replaced.
"""

import contextlib
import os
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from traceback import TracebackException
from typing import Any

import dagster as dg

from reflector_assets.runtime import process
from reflector_assets.runtime.dagster_internals.steps import (
    DagsterEvent,
    DagsterExecutionInterruptedError,
    RetryMode,
    SerializableErrorInfo,
    Steps,
    capture_interrupts,
    create_context_free_log_manager,
    step_worker_started,
)
from reflector_assets.runtime.known_answers import partitions_known
from reflector_assets.settings.main import get_settings

# The warm process reports an exit code at once.
STATUS_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Run:
    """What a worker needs to know of its run."""

    job: Any
    run: dg.DagsterRun
    config: Any
    instance: Any
    retries: RetryMode
    repository_load_data: Any


@dataclass(frozen=True)
class Shared:
    """What the steps of this worker share."""

    run: Run
    instance: dg.DagsterInstance
    steps: Steps


@dataclass(frozen=True)
class Ended:
    """The end of a step, with its events and an error that isn't its own; the worker may leave with it."""

    events: tuple[DagsterEvent, ...]
    error: SerializableErrorInfo | None
    leaves: bool


def work(descriptor: int) -> None:
    """Execute the steps that a run requests on a channel until the channel is closed."""
    process.is_worker = True
    with Connection(descriptor) as channel, contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        channel.send(os.getpid())
        run: Run = channel.recv()
        process.set_name("reflector-step")
        retries = run.retries.for_inner_plan()
        with (
            dg.DagsterInstance.from_ref(run.instance) as instance,
            Steps(run.job, run.run, run.config, retries, instance, run.repository_load_data) as steps,
        ):
            shared = Shared(run, instance, steps)
            is_new = True
            while not _execute(shared, channel, is_new, *channel.recv()).leaves:
                is_new = False


def _execute(shared: Shared, channel: Connection, is_new: bool, key: str, known_state: Any) -> Ended:
    """Execute a step and send its events."""
    error = None
    events: list[DagsterEvent] = []
    with capture_interrupts(), partitions_known():
        try:
            events.extend(_events(shared, is_new, key, known_state))
        except (Exception, KeyboardInterrupt, DagsterExecutionInterruptedError) as raised:
            error = SerializableErrorInfo.from_traceback(TracebackException.from_exception(raised))
    limit = get_settings().worker_memory << 20
    succeeded = error is None and any(event.is_step_success for event in events)
    ended = Ended(tuple(events), error, leaves=not succeeded or holds_more_than(limit))
    _send(channel, ended)
    return ended


def _events(shared: Shared, is_new: bool, key: str, known_state: Any) -> Iterator[DagsterEvent]:
    run, instance = shared.run, shared.instance
    if is_new:
        # The steps after it find it started.
        yield step_worker_started(
            create_context_free_log_manager(instance, run.run),
            run.run.job_name,
            message=f'Executing step "{key}" in a worker.',
            metadata={"pid": dg.MetadataValue.text(str(os.getpid()))},
            step_key=key,
        )
    yield from shared.steps.execute(key, known_state)


def _send(channel: Connection, message: Any) -> None:
    # A step goes on without its run.
    with contextlib.suppress(OSError):
        channel.send(message)


def holds_more_than(limit: int) -> bool:
    """Return True if this process holds more than `limit` bytes that it shares with no other."""
    # The exact number takes the kernel some milliseconds; it can't exceed what is resident.
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    return resident > limit and private_bytes() > limit


def private_bytes() -> int:
    """Return the memory of this process that it shares with no other."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Private_"))


class Worker:
    """The run's side of a worker; raises OSError if none can be started."""

    def __init__(self, run: Run, fork: Callable[[Any], socket.socket]) -> None:
        self._channel, theirs = Pipe()
        with theirs:
            self._status = fork(theirs)
        self._pidfd: int | None = None
        self.pid = 0
        self.is_new = True
        self._channel.send(run)

    def is_alive(self) -> bool:
        """Return True unless the worker, which executes nothing, has ended."""
        try:
            self._read()
        except WorkerGone:
            return False
        return True

    def begin(self, key: str, known_state: Any) -> None:
        """Send a step to execute. One that doesn't reach the worker is lost with it."""
        self.is_new = False
        _send(self._channel, (key, known_state))

    def sources(self) -> list[Any]:
        """Return what becomes ready when the worker has sent something or ended."""
        return [self._channel] if self._pidfd is None else [self._channel, self._pidfd]

    def receive(self) -> Ended | None:
        """Return the end of the step, None before the worker has sent it; raise WorkerGone if it has ended without."""
        return self._read()

    def _read(self) -> Ended | None:
        # A child process of the step can hold the channel open, therefore the pidfd.
        gone = self._pidfd is not None and bool(wait([self._pidfd], 0))
        try:
            while self._channel.poll():
                message = self._channel.recv()
                if isinstance(message, Ended):
                    return message
                self.pid, self._pidfd = message, os.pidfd_open(message)
        except (EOFError, OSError):
            gone = True
        if gone:
            raise WorkerGone(self.pid, self._exit_code())
        return None

    def interrupt(self) -> None:
        """Interrupt the step that the worker executes."""
        if self._pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGINT)

    def close(self) -> None:
        """Let the worker end, after the step that it executes, if any."""
        self._channel.close()
        self._status.close()
        if self._pidfd is not None:
            os.close(self._pidfd)

    def _exit_code(self) -> int | None:
        """Return the exit code, None if the warm process is gone that would report it."""
        self._status.settimeout(STATUS_TIMEOUT_S)
        with contextlib.suppress(OSError, ValueError):
            return int(self._status.recv(16))
        return None


class WorkerGone(Exception):
    """A worker has ended; `code` is its exit code, or minus the signal, None if unknown."""

    def __init__(self, pid: int, code: int | None) -> None:
        super().__init__(f"the worker {pid} has ended")
        self.pid, self.code = pid, code
