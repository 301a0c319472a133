"""How long each step may take and how often it is tried: one table (spec: per-step policy)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from dagster import Backoff, Jitter, RetryPolicy

from domain.errors import PermanentError
from reflector_assets.settings.main import get_settings

Pool = Literal["cpu", "gpu", "llm"]


@dataclass(frozen=True)
class Policy:
    """What one step is allowed; all times in seconds.

    `retries` come after the first attempt; `backoff` is the first delay between two, which doubles up to
    `longest_backoff`. `grace` lies between the interruption of a late step and the end of its process.
    Of steps that wait, those of higher `priority` begin first. `delivered` steps are tried again by a sensor,
    in runs of their own, so that no worker waits for hours.
    """

    timeout: float
    retries: int = 3
    backoff: float = 2.0
    pool: Pool | None = None
    priority: int = 0
    grace: float = 5.0
    longest_backoff: float | None = None
    delivered: bool = False


# The words are what takes longest: what leads to them goes first, the mix and its picture fill the gaps.
POLICIES: Mapping[str, Policy] = {
    "recording": Policy(60, priority=10),
    "participants": Policy(60, priority=4),
    "padded_tracks": Policy(300, pool="cpu", priority=10),
    "mixed_audio": Policy(600, pool="cpu", priority=2),
    "waveform": Policy(120, priority=2),
    "transcribe_track": Policy(1800, backoff=5.0, pool="gpu", priority=9),
    "track_transcripts": Policy(1800, priority=9),
    "merged_words": Policy(60, priority=8),
    "topics": Policy(300, backoff=5.0, pool="llm", priority=7),
    "title": Policy(60, backoff=5.0, pool="llm", priority=6),
    "summary": Policy(300, backoff=5.0, pool="llm", priority=6),
    "action_items": Policy(300, backoff=5.0, pool="llm", priority=5),
    "transcript": Policy(60, priority=5),
    "consent_cleanup": Policy(60, priority=5),
    "zulip_message": Policy(60, retries=5, backoff=5.0, priority=5),
    "shadow_comparison": Policy(60, priority=1),
    "webhook_delivery": Policy(60, retries=30, backoff=60.0, longest_backoff=3600.0, delivered=True, priority=5),
}


def with_timeouts(
    overrides: Mapping[str, float], policies: Mapping[str, Policy] = POLICIES, *, retry_delay: float | None = None
) -> Mapping[str, Policy]:
    """Make the table anew with other timeouts (seconds by step), and with one first delay for all steps.

    Raises PermanentError for a step that doesn't exist and for a timeout that isn't positive.
    """
    if unknown := sorted(set(overrides) - set(policies)):
        raise PermanentError(
            f"REFLECTOR_STEP_TIMEOUTS names steps that don't exist: {', '.join(unknown)}",
            hint=f"Steps are {', '.join(policies)}.",
        )
    if wrong := sorted(step for step, seconds in overrides.items() if not seconds > 0):
        raise PermanentError(f"REFLECTOR_STEP_TIMEOUTS: the timeout of {', '.join(wrong)} must be positive seconds")
    changed = {step: replace(policy, timeout=overrides.get(step, policy.timeout)) for step, policy in policies.items()}
    if retry_delay is None:
        return changed
    return {step: replace(policy, backoff=retry_delay) for step, policy in changed.items()}


@cache
def policies() -> Mapping[str, Policy]:
    """Return the table that this deployment uses; raises PermanentError when its settings don't fit."""
    settings = get_settings()
    return with_timeouts(settings.step_timeouts, retry_delay=settings.retry_delay)


def timeout_for(step: str, *, tracks: int = 0, duration: float = 0.0, chunks: int = 0) -> float:
    """Seconds that a step may take for its work: audio tracks, seconds of recording, chunks of words.

    A timeout that the deployment sets for the step stands whatever the work is.
    """
    policy = policies()[step]
    if policy.timeout != POLICIES[step].timeout:
        return policy.timeout
    if step == "padded_tracks":
        return policy.timeout * max(1, tracks)
    if step == "mixed_audio":
        return max(policy.timeout, 300 + 60 * tracks + duration / 10)
    if step == "topics":
        return max(policy.timeout, 60 + 30 * chunks)
    return policy.timeout


def retry_policy(step: str) -> RetryPolicy | None:
    """The retries that a run makes by itself: exponential backoff with jitter; None for what a sensor delivers."""
    policy = policies()[step]
    if policy.delivered:
        return None
    return RetryPolicy(
        max_retries=policy.retries, delay=policy.backoff, backoff=Backoff.EXPONENTIAL, jitter=Jitter.PLUS_MINUS
    )


def retry_delay(step: str, attempt: int) -> float | None:
    """Seconds between a failed attempt (1 is the first) and the next; None when no attempt is left."""
    policy = policies()[step]
    if attempt > policy.retries:
        return None
    delay = policy.backoff * 2.0 ** (attempt - 1)
    return delay if policy.longest_backoff is None else min(delay, policy.longest_backoff)


def op_tags(step: str) -> dict[str, object]:
    """The tags by which Dagster's executors order waiting steps, and choose a worker's queue or a pod's resources."""
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
