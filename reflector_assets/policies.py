"""The facts about steps (domain/steps.py), with this deployment's settings applied, and converted for Dagster."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from dagster import Backoff, Jitter, RetryPolicy

from domain import backoff
from domain.errors import PermanentError
from domain.steps import STEPS, Step
from reflector_assets.settings.main import get_settings


def with_timeouts(overrides: Mapping[str, float], *, retry_delay: float | None = None) -> Mapping[str, Step]:
    """Return the table with timeouts (seconds by step) and, if given, the first retry delay (seconds) overridden.

    An overridden timeout doesn't scale with the work. Raise PermanentError for an unknown step or a timeout that isn't
    positive.
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
    """Return this deployment's table; raise PermanentError if its settings are invalid."""
    settings = get_settings()
    return with_timeouts(settings.step_timeouts, retry_delay=settings.retry_delay)


@cache
def assets() -> tuple[str, ...]:
    """Return the names of this deployment's assets in the order of the work."""
    shadow = get_settings().mode == "shadow"
    return tuple(name for name, step in STEPS.items() if step.label and (shadow or name != "shadow_comparison"))


def timeout_for(step: str, *, tracks: int = 0, duration: float = 0.0, chunks: int = 0) -> float:
    """Return the time limit in seconds for an amount of work: tracks, seconds of recording, chunks of words."""
    policy = policies()[step]
    return max(policy.timeout, policy.scaling.seconds(tracks, duration, chunks) if policy.scaling else 0.0)


def retry_policy(step: str) -> RetryPolicy | None:
    """Return a step's retries within a run, with exponential backoff and jitter; None if a sensor retries the step."""
    policy = policies()[step]
    if policy.delivered:
        return None
    return RetryPolicy(
        max_retries=policy.retries, delay=policy.backoff, backoff=Backoff.EXPONENTIAL, jitter=Jitter.PLUS_MINUS
    )


def retry_delay(step: str, attempt: int) -> float | None:
    """Return the seconds between a failed attempt (1 is the first) and the next; None if no attempt is left."""
    policy = policies()[step]
    return backoff.delay(attempt, policy.backoff, policy.longest_backoff) if attempt <= policy.retries else None


def op_tags(step: str) -> dict[str, object]:
    """Return the tags from which Dagster's executors take priority, Celery queue and pod resources."""
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
