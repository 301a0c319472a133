"""What every step has around its work: a time limit, measurements, and errors that say whether to try again."""

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

from domain.errors import PermanentError, ReflectorError, TransientError, is_retryable
from domain.redaction import redact_urls
from domain.steps import Step
from reflector_assets.eventlog.steps import USED
from reflector_assets.policies import policies
from reflector_assets.runtime.connection_pool import keep
from reflector_assets.runtime.deadline import deadline
from reflector_assets.runtime.process import ends_with_step, has_own_process
from resources import usage
from resources.http import retry_after

Context = AssetExecutionContext | OpExecutionContext


class Work:
    """What a step has used so far; `metadata` is for its output."""

    def __init__(self, attempt: int) -> None:
        self._attempt = attempt
        self._begin, self._cpu = time.monotonic(), _cpu_seconds()
        self._counts: dict[str, float] = {}
        self._ended: tuple[float, float] | None = None

    def add(self, **counts: float) -> None:
        """Count what was used besides, such as prompt_tokens or gpu_seconds; adds up."""
        for name, count in counts.items():
            self._counts[name] = self._counts.get(name, 0) + count

    def end(self) -> None:
        """Stop the clocks."""
        self._ended = self._ended or (time.monotonic(), _cpu_seconds())

    @property
    def metadata(self) -> dict[str, float]:
        """Wall and CPU seconds (child processes that have ended included), the attempt's number, what was counted."""
        wall, cpu = self._ended or (time.monotonic(), _cpu_seconds())
        return {
            "wall_seconds": round(wall - self._begin, 3),
            "cpu_seconds": round(cpu - self._cpu, 3),
            "attempt": self._attempt,
            **self._counts,
        }


@contextmanager
def step(context: Context, name: str, *, track: int | None = None, seconds: float | None = None) -> Iterator[Work]:
    """Run a step's work under its policy; `seconds` in place of the policy's timeout where that depends on the work.

    Every error leaves as a Dagster Failure whose description is its plain reason. What another attempt can heal is
    tried again by the step's retry policy, or after the wait that a service asked for; anything else, bugs of ours
    included, fails at once. No query of a URL gets into a message. Don't yield out of the block: return.
    """
    policy = policies()[name]
    recording = context.partition_key if context.has_partition_key else None
    attempt, attempts = context.retry_number + 1, policy.retries + 1
    limit = policy.timeout if seconds is None else seconds
    context.log.info(f"attempt {attempt} of {attempts}, at most {limit:g} s")
    if ends_with_step(context):
        keep(context.instance)
    work = Work(attempt)
    try:
        with deadline(limit, min(policy.grace, limit), hard=has_own_process(context)):
            yield work
    except (Failure, RetryRequested):
        raise
    except Exception as error:
        known = _told(error).at(recording=recording, track=track)
        work.end()
        used = {"kind": type(known).__name__, **work.metadata, **usage.take()}
        # Dagster keeps a failure's metadata of a step's last attempt only.
        context.log.info(f"{USED}{json.dumps(used)}")
        ending = _ending(known, hide_queries(error), used, policy)
        raise ending from ending.__cause__
    finally:
        work.end()


def _told(error: Exception) -> ReflectorError:
    """Say in our terms what any error means; what is unknown is a bug of ours, which no retry heals."""
    if isinstance(error, ReflectorError):
        return error
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    # The SDK takes most of a second to import; who hasn't imported it can't have raised its errors.
    openai = sys.modules.get("openai")
    if isinstance(error, httpx.HTTPStatusError) or (openai and isinstance(error, openai.APIStatusError)):
        response: httpx.Response = error.response  # pyright: ignore[reportAttributeAccessIssue] - both have one
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
    """Make the exception that tells Dagster what happened and whether to try again, with `cause` for its traceback."""
    transient = error if isinstance(error, TransientError) and not policy.delivered else None
    failure = Failure(redact_urls(str(error)), metadata=dict(used), allow_retries=transient is not None)
    failure.__cause__ = cause
    if transient is None or transient.retry_after is None:
        return failure
    request = RetryRequested(max_retries=policy.retries, seconds_to_wait=transient.retry_after)
    request.__cause__ = failure
    return request


def hide_queries(error: BaseException) -> BaseException:
    """Do the same to the messages of an exception and of all that led to it, which Dagster shows too."""
    seen: set[int] = set()

    def hidden(one: BaseException | None) -> BaseException | None:
        if one is None or id(one) in seen:
            return one
        seen.add(id(one))
        one.args = tuple(redact_urls(part) if isinstance(part, str) else part for part in one.args)
        if isinstance(one, ReflectorError):
            one.what, one.hint = redact_urls(one.what), one.hint and redact_urls(one.hint)
        cause, context, quiet = hidden(one.__cause__), hidden(one.__context__), one.__suppress_context__
        if redact_urls(str(one)) != str(one):
            one = RuntimeError(f"{type(one).__name__}: {redact_urls(str(one))}").with_traceback(one.__traceback__)
        one.__cause__, one.__context__, one.__suppress_context__ = cause, context, quiet
        return one

    return hidden(error) or error


def _cpu_seconds() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
