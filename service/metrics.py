"""Metrics for Prometheus."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool

from domain.errors import ReflectorError
from domain.overview import Queues
from resources.database.inbox import Inbox
from resources.database.ledger import Ledger
from service.catch_up import CatchUp
from service.ports import Accounts

T = TypeVar("T")
log = logging.getLogger(__name__)
# Seconds for which an answer is reused.
REUSED_S = 10.0
# Upper bounds of buckets in seconds. Steps take from a waveform's milliseconds to a long track's hour.
WEBHOOK_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
STEP_BUCKETS = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
# Rows of the ledger in one query, and in one scrape: the first scrapes after a start read all of it.
ROWS, MAX_ROWS = 10_000, 100_000

disable_created_metrics()


class WebhookMetrics:
    """Counts Daily's webhooks and their latency."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._latency = Histogram(
            "reflector_webhook_duration_seconds",
            "From Daily's webhook to its answer.",
            buckets=WEBHOOK_BUCKETS,
            registry=registry,
        )
        self._answers = Counter(
            "reflector_webhooks", "Daily's webhooks by the HTTP status of the answer.", ["status"], registry=registry
        )
        # `labels` takes longer than the rest of `add`.
        self._by_status: dict[int, Counter] = {}

    def add(self, status: int, seconds: float) -> None:
        """Count one webhook."""
        if status not in self._by_status:
            self._by_status[status] = self._answers.labels(status)
        self._by_status[status].inc()
        self._latency.observe(seconds)


class StepMetrics:
    """Counts durations and failures of steps from the ledger, each row once."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._after = 0
        self._durations = Histogram(
            "reflector_step_duration_seconds",
            "Duration of steps that succeeded, over all their attempts.",
            ["step"],
            buckets=STEP_BUCKETS,
            registry=registry,
        )
        self._failures = Counter(
            "reflector_step_failures",
            "Failed attempts of steps, by kind of error.",
            ["step", "kind"],
            registry=registry,
        )

    def update(self, ledger: Ledger) -> None:
        """Count the rows that were added since the last update; raises ReflectorError."""
        for _ in range(MAX_ROWS // ROWS):
            rows = ledger.outcomes(self._after, ROWS)
            for row in rows:
                failed = row.attempts
                if row.outcome == "done":
                    failed -= 1
                    self._durations.labels(row.asset).observe(row.wall_ms / 1000)
                if failed:
                    self._failures.labels(row.asset, row.kind or "Unknown").inc(failed)
            if rows:
                self._after = rows[-1].seq
            if len(rows) < ROWS:
                return


class QueueCollector(Collector):
    """Queries at each scrape what waits; leaves out what a database doesn't answer."""

    def __init__(self, inbox: Inbox, queues: Callable[[], Queues]) -> None:
        self._inbox, self._queues = inbox, queues

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        waiting, queues = _query(self._inbox.count_waiting), _query(self._queues)
        yield GaugeMetricFamily("reflector_dagster_up", "Whether Dagster's database answers.", queues is not None)
        if waiting is not None:
            yield GaugeMetricFamily("reflector_inbox_waiting", "Arrivals that aren't settled yet.", waiting)
        if queues is None:
            return
        recordings = GaugeMetricFamily("reflector_recordings", "Recordings by their state.", labels=["state"])
        for state, count in queues.states.items():
            recordings.add_metric([state], count)
        yield recordings
        yield GaugeMetricFamily("reflector_runs_queued", "Runs that wait to begin.", queues.queued)


class MetricsPage:
    """All metrics as text; registers its own beside those that are in the registry."""

    def __init__(self, registry: CollectorRegistry, accounts: Accounts, inbox: Inbox, catch_up: CatchUp) -> None:
        self._registry, self._ledger, self._catch_up = registry, accounts.ledger, catch_up
        self._steps = StepMetrics(registry)
        registry.register(QueueCollector(inbox, accounts.queues))
        self._lock = asyncio.Lock()
        self._text, self._until = b"", 0.0

    async def __call__(self) -> bytes:
        """Return the metrics in Prometheus's text format, at most 10 seconds old."""
        async with self._lock:
            if time.monotonic() >= self._until:
                await self._catch_up()
                self._text = await run_in_threadpool(self._scrape)
                self._until = time.monotonic() + REUSED_S
            return self._text

    def _scrape(self) -> bytes:
        _query(lambda: self._steps.update(self._ledger))
        return generate_latest(self._registry)


def _query(query: Callable[[], T]) -> T | None:
    """Return a query's result, or None if a database doesn't answer: the other metrics are reported all the same."""
    try:
        return query()
    except ReflectorError as error:
        log.warning("metrics are missing: %s", error)
        return None
