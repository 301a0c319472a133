"""Figures for Prometheus."""

import asyncio
import logging
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from domain.errors import ReflectorError
from domain.overview import Queues
from resources.database.inbox import Inbox
from resources.database.ledger import Ledger
from service.catch_up import CatchingUp
from service.openapi import Endpoint
from service.ports import Accounts
from service.received import BOUNDS, Received

T = TypeVar("T")
log = logging.getLogger(__name__)
# Seconds for which an answer is given again.
KEPT_S = 10.0
# Upper bounds in seconds: from a waveform to a long track.
STEP_BOUNDS = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
# Rows of the ledger in one go, and in one scrape: the first ones after a start read it all.
ROWS, MOST_ROWS = 10_000, 100_000


class Steps:
    """Durations and failures of steps, counted once from the ledger and then only what is new in it."""

    def __init__(self) -> None:
        self._after = 0
        self.counts: defaultdict[str, list[int]] = defaultdict(lambda: [0] * (len(STEP_BOUNDS) + 1))
        self.seconds: Counter[str] = Counter()
        self.failures: Counter[tuple[str, str]] = Counter()

    def read(self, ledger: Ledger) -> None:
        """Count what is new."""
        for _ in range(MOST_ROWS // ROWS):
            rows = ledger.outcomes(self._after, ROWS)
            for row in rows:
                failed = row.attempts
                if row.outcome == "done":
                    failed -= 1
                    self.counts[row.asset][bisect_left(STEP_BOUNDS, row.wall_ms / 1000)] += 1
                    self.seconds[row.asset] += row.wall_ms / 1000
                if failed:
                    self.failures[row.asset, row.kind or "Unknown"] += failed
            if rows:
                self._after = rows[-1].seq
            if len(rows) < ROWS:
                return


class Figures(Collector):
    """One scrape's figures; without `queues`, Dagster didn't answer."""

    def __init__(self, steps: Steps, received: Received, queues: Queues | None, waiting: int | None) -> None:
        self._steps, self._received, self._queues, self._waiting = steps, received, queues, waiting

    def collect(self) -> Iterable[Metric]:
        """Yield them."""
        yield from self._of_queues()
        durations = HistogramMetricFamily(
            "reflector_step_duration_seconds",
            "How long steps took in all that ended well.",
            labels=["step"],
        )
        for step, counts in sorted(self._steps.counts.items()):
            durations.add_metric([step], _buckets(STEP_BOUNDS, counts), self._steps.seconds[step])
        yield durations
        failures = CounterMetricFamily(
            "reflector_step_failures",
            "Failed attempts of steps, by kind of error.",
            labels=["step", "kind"],
        )
        for labels, count in sorted(self._steps.failures.items()):
            failures.add_metric(labels, count)
        yield failures
        latency = HistogramMetricFamily("reflector_webhook_duration_seconds", "From Daily's webhook to its answer.")
        latency.add_metric([], _buckets(BOUNDS, self._received.counts), self._received.seconds)
        yield latency
        answers = CounterMetricFamily(
            "reflector_webhooks", "Daily's webhooks by the HTTP status of the answer.", labels=["status"]
        )
        for status, count in sorted(self._received.answers.items()):
            answers.add_metric([str(status)], count)
        yield answers

    def _of_queues(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("reflector_dagster_up", "Whether Dagster's database answers.", self._queues is not None)
        if self._waiting is not None:
            yield GaugeMetricFamily(
                "reflector_inbox_waiting",
                "Arrivals that aren't settled yet.",
                self._waiting,
            )
        if self._queues is None:
            return
        recordings = GaugeMetricFamily("reflector_recordings", "Recordings by their state.", labels=["state"])
        for state, count in self._queues.states.items():
            recordings.add_metric([state], count)
        yield recordings
        yield GaugeMetricFamily("reflector_runs_queued", "Runs that wait to begin.", self._queues.queued)


def endpoints(
    accounts: Accounts, inbox: Inbox, received: Received, catch_up: CatchingUp, check: Callable[[Request], None]
) -> list[Endpoint]:
    """Tell the figures; `check` lets a request through or raises Refused."""
    steps, lock = Steps(), asyncio.Lock()
    kept, until = b"", 0.0

    def scrape() -> bytes:
        waiting = _asked(inbox.count_waiting)
        _asked(lambda: steps.read(accounts.ledger))
        registry = CollectorRegistry()
        registry.register(Figures(steps, received, _asked(accounts.queues), waiting))
        return generate_latest(registry)

    async def metrics(request: Request) -> Response:
        nonlocal kept, until
        check(request)
        async with lock:
            if time.monotonic() >= until:
                await catch_up()
                kept = await run_in_threadpool(scrape)
                until = time.monotonic() + KEPT_S
        return Response(kept, headers={"Content-Type": CONTENT_TYPE_LATEST})

    return [
        Endpoint("GET", "/metrics", metrics, "Tell figures to Prometheus", media="text/plain", needs_token=True),
    ]


def _asked(ask: Callable[[], T]) -> T | None:
    """What was asked for, or None where a database doesn't answer: the other figures are told all the same."""
    try:
        return ask()
    except ReflectorError as error:
        log.warning("figures are missing: %s", error)
        return None


def _buckets(bounds: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    """As Prometheus has them: how many took up to each bound."""
    below = 0
    buckets: list[tuple[str, float]] = []
    for bound, count in zip((*map(str, bounds), "+Inf"), list(counts), strict=True):
        below += count
        buckets.append((bound, below))
    return buckets
