"""Webhooks per second of the receiver against a bare route, both as real processes: `python -m bench.receiver`."""

import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.bare_route import bare_route
from bench.results import Cell, Chart, Result, Size, Table, Target, cli
from bench.webhooks import Round, measure, webhooks
from testing.deployment import deploy
from testing.parts.receiver import SECRET, Receiver

CONNECTIONS = 32
# Pairs of rounds, and the webhooks of each.
SIZES = {Size.LEAST: (1, 200), Size.SHORT: (3, 4000), Size.FULL: (7, 8000)}
FIRST = {Size.LEAST: 50, Size.SHORT: 500, Size.FULL: 500}
"""Webhooks of the pair that only shows that all is up."""
SPEED = 0.5
"""The least share of the bare route's webhooks per second."""
HOW = (
    "The receiver (`reflector serve`, SQLite on the disk) verifies each body and has it on the disk before it answers. "
    "The bare route is Starlette's and reads the same body. One process sends signed webhooks with distinct event ids "
    f"over {CONNECTIONS} keep-alive connections, each the next one when the last is answered, to the one and to the "
    "other in turn. The ratio of each pair is taken; the median of the ratios is the result. Afterwards the inbox "
    "must hold every one that was answered."
)


def rounds(pairs: int, count: int, first: int) -> list[tuple[Round, Round]]:
    """Measure pairs of the bare route and the receiver; raises RuntimeError when the inbox doesn't hold all."""
    found: list[tuple[Round, Round]] = []
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port, pid = stack.enter_context(bare_route())
        receiver = stack.enter_context(Receiver(deploy(home, DAILY_WEBHOOK_SECRET=SECRET), from_scratch=True))
        for number in range(pairs + 1):
            requests = webhooks(count if number else first, number)
            route = measure(port, pid, requests, CONNECTIONS)
            found.append((route, measure(receiver.port, receiver.pid, requests, CONNECTIONS)))
        sent, kept = pairs * count + first, len(receiver.deployment.json("inbox", "list", "--limit", "10000000"))
        if sent != kept:
            raise RuntimeError(f"{sent} webhooks were answered 200, {kept} are in the inbox")
    return found[1:]


def bench(size: Size) -> Result:
    """Compare the receiver with the bare route."""
    pairs, count = SIZES[size]
    found = rounds(pairs, count, FIRST[size])
    speeds = [receiver.per_second / route.per_second for route, receiver in found]
    costs = [receiver.cpu / route.cpu for route, receiver in found]
    table: list[list[Cell]] = [
        [name, *map(statistics.median, zip(*column, strict=True))]
        for name, column in zip(("bare route", "receiver"), zip(*found, strict=True), strict=True)
    ]
    return Result(
        name="receiver",
        title="The receiver of Daily's webhooks",
        how=HOW,
        tables=[
            Table(
                title=f"Medians of the rounds ({pairs}) of {count:,} webhooks each",
                columns=["", "webhooks per s", "p50 ms", "p99 ms", "CPU us per webhook"],
                rows=table,
            ),
            Table(
                title="Receiver / bare route",
                columns=["", "median", "least", "most"],
                rows=[
                    [name, statistics.median(ratios), min(ratios), max(ratios)]
                    for name, ratios in (("webhooks per s", speeds), ("CPU per webhook", costs))
                ],
            ),
        ],
        targets=[
            Target(
                what="webhooks per second, as a share of the bare route's",
                found=statistics.median(speeds),
                limit=SPEED,
                at_most=False,
            )
        ],
        charts=[
            Chart(
                name="receiver",
                title="Webhooks per second, by pair of rounds",
                x_label="pair",
                y_label="per second",
                x=list(range(1, pairs + 1)),
                values={
                    "bare route": [route.per_second for route, _ in found],
                    "receiver": [receiver.per_second for _, receiver in found],
                },
            )
        ],
    )


if __name__ == "__main__":
    cli("receiver", __doc__, bench)
