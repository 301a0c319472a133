"""A time limit for a block of code, enforced even on calls that never return."""

import contextlib
import faulthandler
import logging
import signal
import sys
import threading
import time
from types import FrameType, TracebackType
from typing import Any

from domain.errors import StepTimeout

log = logging.getLogger(__name__)


def deadline(seconds: float, grace: float = 5.0, hard: bool = True) -> "Deadline":
    """Return a context manager that ends its block after `seconds` by raising StepTimeout.

    A signal interrupts the main thread, blocking calls included. Where that has no effect (C code that holds the GIL,
    code that swallows the interruption), and only if `hard`, the kernel ends the whole process by SIGALRM `grace`
    seconds later, after a dump of all stacks to stderr; `hard` is therefore for processes that run a single step. A
    block that has ended is never interrupted. Outside the main thread, where Python handles no signals, there is no
    limit, and the log has a warning. Don't yield out of the block: other code would be interrupted. Don't loop in it
    with `while` and a condition, but in a separate function: in CPython 3.13 the interruption can bypass the `with`
    (github.com/python/cpython/issues/130279).
    """
    return Deadline(seconds, grace, hard)


class Deadline:
    """The context manager that `deadline` returns; for one block."""

    def __init__(self, seconds: float, grace: float, hard: bool) -> None:
        self.seconds, self.grace, self.hard = seconds, grace, hard
        self.open = self.expired = self.interrupted = False
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True
        self._kernel = contextlib.ExitStack()

    def __enter__(self) -> "Deadline":
        if threading.current_thread() is not threading.main_thread():
            log.warning("no time limit of %g s here: signals reach the main thread only", self.seconds)
            return self
        try:
            if not _running:
                _previous.append(signal.signal(signal.SIGUSR1, _on_signal))
            _running.append(self)
            self.open = True
            if self.hard:
                self._arm_kernel()
            self._timer.start()
        except BaseException as error:
            self._close()
            if self.interrupted:
                raise self._timeout() from None
            raise error from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Before this line the handler doesn't raise because it interrupted this function, after it because of the flag.
        self.open = False
        self._close()
        # Code in the block may have swallowed the interruption, or raised another error in its place.
        if self.interrupted:
            raise self._timeout() from (None if isinstance(error, _Interrupt) else error)

    def _timeout(self) -> StepTimeout:
        return StepTimeout(f"timeout after {self.seconds:g} s")

    def _expire(self) -> None:
        self.expired = True
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    def _arm_kernel(self) -> None:
        self._kernel.callback(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, signal.SIG_DFL))
        # Dumps the stacks, then the default action ends the process. There is no dump if stderr isn't a file.
        with contextlib.suppress(AttributeError, OSError, ValueError):
            faulthandler.register(signal.SIGALRM, file=sys.__stderr__ or sys.stderr, chain=True)
            self._kernel.callback(faulthandler.unregister, signal.SIGALRM)
        total = self.seconds + self.grace
        outer, interval = signal.setitimer(signal.ITIMER_REAL, total)
        self._kernel.callback(_rearm, time.monotonic() + outer if outer else None, interval)
        if 0 < outer < total:
            signal.setitimer(signal.ITIMER_REAL, outer, interval)

    def _close(self) -> None:
        """Stop the timers, also of nested blocks that were unwound before they could; then restore the handler."""
        while self in _running:
            block = _running[-1]
            block.open = False
            block._timer.cancel()
            if block._timer.ident is not None:
                # After this no signal is pending that could reach the old handler, which by default kills the process.
                block._timer.join()
            block._kernel.close()
            _running.pop()
            if not _running:
                signal.signal(signal.SIGUSR1, _previous.pop() or signal.SIG_DFL)


class _Interrupt(KeyboardInterrupt):
    """Unwinds the block. Not an Exception, which libraries catch; asyncio propagates only KeyboardInterrupt."""


# Outermost first; only the main thread touches these two.
_running: list[Deadline] = []
_previous: list[Any] = []
_EXIT = Deadline.__exit__.__code__


def _on_signal(number: int, frame: FrameType | None) -> None:
    for block in _running:
        if block.expired:
            leaving = frame is not None and frame.f_code is _EXIT and frame.f_locals.get("self") is block
            if block.open and not block.interrupted and not leaving:
                block.interrupted = True
                raise _Interrupt
            return
    if _previous and callable(_previous[0]):
        _previous[0](number, frame)


def _rearm(outer: float | None, interval: float) -> None:
    """Set the process's only alarm to the enclosing block's time (monotonic, seconds), which has gone on meanwhile."""
    signal.setitimer(signal.ITIMER_REAL, 0 if outer is None else max(outer - time.monotonic(), 0.001), interval)
