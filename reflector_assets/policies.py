"""The steps' facts (domain/steps.py) as this deployment's settings change them, and as Dagster takes them."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from dagster import Backoff, Jitter, RetryPolicy

from domain import backoff
from domain.errors import PermanentError
from domain.steps import STEPS, Step
from reflector_assets.settings.main import get_settings


def with_timeouts(overrides: Mapping[str, float], *, retry_delay: float | None = None) -> Mapping[str, Step]:
    """Return the table with other timeouts (seconds by step), and with one first delay for all steps.

    An overridden timeout doesn't grow with the work. Raises PermanentError for a step that doesn't exist and for a
    timeout that isn't positive.
    """
    if unknown := sorted(set(overrides) - set(STEPS)):
        raise PermanentError(
            f"REFLECTOR_STEP_TIMEOUTS names steps that don't exist: {', '.join(unknown)}",
            hint=f"Steps are {', '.join(STEPS)}.",
        )
    if wrong := sorted(step for step, seconds in overrides.items() if not seconds > 0):
        raise PermanentError(f"REFLECTOR_STEP_TIMEOUTS: the timeout of {', '.join(wrong)} must be positive seconds")
    changed = {name: replace(STEPS[name], timeout=seconds, scaling=None) for name, seconds in overrides.items()}
    table = {**STEPS, **changed}
    if retry_delay is None:
        return table
    return {name: replace(step, backoff=retry_delay) for name, step in table.items()}


@cache
def policies() -> Mapping[str, Step]:
    """Return the table that this deployment uses; raises PermanentError when its settings don't fit."""
    settings = get_settings()
    return with_timeouts(settings.step_timeouts, retry_delay=settings.retry_delay)


@cache
def assets() -> tuple[str, ...]:
    """Return the names of this deployment's assets in the order of the work."""
    compares = get_settings().mode == "shadow"
    return tuple(name for name, step in STEPS.items() if step.label and (compares or name != "shadow_comparison"))


def timeout_for(step: str, *, tracks: int = 0, duration: float = 0.0, chunks: int = 0) -> float:
    """Return the time limit in seconds for an amount of work: tracks, seconds of recording, chunks of words."""
    policy = policies()[step]
    return max(policy.timeout, policy.scaling.seconds(tracks, duration, chunks) if policy.scaling else 0.0)


def retry_policy(step: str) -> RetryPolicy | None:
    """Return the retries within a run: exponential backoff with jitter; None for what a sensor delivers."""
    policy = policies()[step]
    if policy.delivered:
        return None
    return RetryPolicy(
        max_retries=policy.retries, delay=policy.backoff, backoff=Backoff.EXPONENTIAL, jitter=Jitter.PLUS_MINUS
    )


def retry_delay(step: str, attempt: int) -> float | None:
    """Return the seconds between a failed attempt (1 is the first) and the next; None when no attempt is left."""
    policy = policies()[step]
    return backoff.delay(attempt, policy.backoff, policy.longest_backoff) if attempt <= policy.retries else None


def op_tags(step: str) -> dict[str, object]:
    """Return the tags by which Dagster's executors order waiting steps, choose a worker's queue or size a pod."""
    policy = policies()[step]
    tags: dict[str, object] = {
        "dagster/priority": str(policy.priority),
        "dagster-celery/priority": str(policy.priority),
    }
    if policy.pool is not None:
        tags["dagster-celery/queue"] = policy.pool
        if pod := get_settings().kubernetes_pods.get(policy.pool):
            tags["dagster-k8s/config"] = pod
    return tags
