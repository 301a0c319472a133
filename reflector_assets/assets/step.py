"""The context of every step's work: a time limit, measurements, and the conversion of errors for Dagster."""

import json
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from typing import Any

import httpx
from dagster import AssetExecutionContext, Failure, OpExecutionContext, RetryRequested

from domain.errors import Incomplete, PermanentError, ReflectorError, TransientError, is_retryable
from domain.redaction import redact_urls
from domain.steps import Step
from reflector_assets.eventlog.steps import USED
from reflector_assets.failure import Failed, refuse_impossible
from reflector_assets.log_entries import PARTITION_DELETED, RECORDINGS
from reflector_assets.policies import policies
from reflector_assets.runtime.deadline import deadline
from reflector_assets.runtime.process import has_own_process
from resources import usage
from resources.http import retry_after

Context = AssetExecutionContext | OpExecutionContext


class Work:
    """Measures what a step uses; `metadata` is for its output."""

    def __init__(self, attempt: int) -> None:
        self._attempt = attempt
        self._begin, self._cpu = time.monotonic(), _cpu_seconds()
        self._counts: dict[str, float] = {}
        self._ended: tuple[float, float] | None = None

    def add(self, **counts: float) -> None:
        """Add other amounts, such as prompt_tokens or gpu_seconds."""
        for name, count in counts.items():
            self._counts[name] = self._counts.get(name, 0) + count

    def end(self) -> None:
        """Stop the clocks."""
        self._ended = self._ended or (time.monotonic(), _cpu_seconds())

    @property
    def metadata(self) -> dict[str, float]:
        """Wall and CPU seconds (including ended child processes), the attempt's number, and the added amounts."""
        wall, cpu = self._ended or (time.monotonic(), _cpu_seconds())
        return {
            "wall_seconds": round(wall - self._begin, 3),
            "cpu_seconds": round(cpu - self._cpu, 3),
            "attempt": self._attempt,
            **self._counts,
        }


@contextmanager
def step(context: Context, name: str, *, track: int | None = None, seconds: float | None = None) -> Iterator[Work]:
    """Run a step's work under its policy, with a time limit of `seconds` if that differs from the policy's timeout.

    Raises every error as a Dagster Failure whose description is the plain reason. Transient errors are retried by the
    step's retry policy, or after the wait that a service requested; others, defects of this program included, fail at
    once. Queries of URLs are removed from messages. Don't yield out of the block: return.
    """
    policy = policies()[name]
    recording = context.partition_key if context.has_partition_key else None
    if recording is not None:
        refuse_impossible(recording)
    attempt, attempts = context.retry_number + 1, policy.retries + 1
    limit = policy.timeout if seconds is None else seconds
    context.log.info(f"attempt {attempt} of {attempts}, at most {limit:g} s")
    work = Work(attempt)
    try:
        with deadline(limit, min(policy.grace, limit), hard=has_own_process(context)):
            yield work
        _check_partition(context, recording)
    except (Failure, RetryRequested):
        raise
    except Exception as error:
        known = _convert(error).at(recording=recording, track=track)
        work.end()
        used: dict[str, Any] = {"kind": type(known).__name__, **work.metadata, **usage.take()}
        # Dagster keeps a failure's metadata only for a step's last attempt.
        context.log.info(f"{USED}{json.dumps(used)}")
        ending = _ending(known, redact_chain(error), used, policy)
        raise ending from ending.__cause__
    finally:
        work.end()


def _check_partition(context: Context, recording: str | None) -> None:
    """Raise Incomplete if the partition was deleted: Dagster's own error, later, is about ranges of keys."""
    if recording is not None and not context.instance.has_dynamic_partition(RECORDINGS, recording):
        raise Incomplete(PARTITION_DELETED)


def _convert(error: Exception) -> ReflectorError:
    """Return the ReflectorError for any error; an unknown error is a defect of this program and isn't retried."""
    if isinstance(error, ReflectorError):
        return error
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    # Importing the SDK takes most of a second, and its errors can't occur before it is imported.
    openai: Any = sys.modules.get("openai")
    if isinstance(error, httpx.HTTPStatusError) or (openai and isinstance(error, openai.APIStatusError)):
        response: httpx.Response = getattr(error, "response")  # noqa: B009 - both classes have it
        if is_retryable(response.status_code):
            return TransientError(what, retry_after=retry_after(response.headers))
        return PermanentError(what)
    lost = (httpx.TransportError, ConnectionError, TimeoutError, BrokenExecutor, MemoryError)
    if isinstance(error, (*lost, openai.APIConnectionError) if openai else lost):
        return TransientError(what)
    return PermanentError(what, hint="This is a defect of the program, not of the recording: please report it.")


def _ending(
    error: ReflectorError, cause: BaseException, used: Mapping[str, Any], policy: Step
) -> Failure | RetryRequested:
    """Return the exception that tells Dagster the reason and whether to try again; `cause` has the traceback."""
    transient = error if isinstance(error, TransientError) and not policy.delivered else None
    failure = Failed(redact_urls(str(error)), metadata=dict(used), allow_retries=transient is not None)
    failure.__cause__ = cause
    if transient is None or transient.retry_after is None:
        return failure
    request = RetryRequested(max_retries=policy.retries, seconds_to_wait=transient.retry_after)
    request.__cause__ = failure
    return request


def redact_chain(error: BaseException) -> BaseException:
    """Redact the messages of an exception and its chain of causes, all of which Dagster shows."""
    seen: set[int] = set()

    def redact(one: BaseException | None) -> BaseException | None:
        if one is None or id(one) in seen:
            return one
        seen.add(id(one))
        one.args = tuple(redact_urls(part) if isinstance(part, str) else part for part in one.args)
        if isinstance(one, ReflectorError):
            one.what, one.hint = redact_urls(one.what), one.hint and redact_urls(one.hint)
        cause, context, suppress = redact(one.__cause__), redact(one.__context__), one.__suppress_context__
        if redact_urls(str(one)) != str(one):
            one = RuntimeError(f"{type(one).__name__}: {redact_urls(str(one))}").with_traceback(one.__traceback__)
        one.__cause__, one.__context__, one.__suppress_context__ = cause, context, suppress
        return one

    return redact(error) or error


def _cpu_seconds() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
