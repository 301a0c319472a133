"""Costs of processing: resource usage times prices.

Amounts are integers and costs exact fractions, so sums agree however they are grouped. Only displayed figures are
rounded, each on its own, half to even (`rounded`).
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, NamedTuple, get_args

By = Literal["step", "recording", "room", "month"]
BY: tuple[By, ...] = get_args(By)
HOUR_MS = 3_600_000
MILLION = 1_000_000


class Use(NamedTuple):
    """Resource usage of steps; times in milliseconds, sizes in bytes.

    `wall_ms` adds up the durations of steps, including those that ran in parallel.
    """

    steps: int = 0
    attempts: int = 0
    failures: int = 0
    wall_ms: int = 0
    cpu_ms: int = 0
    gpu_ms: int = 0
    llm_calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    bytes_read: int = 0
    bytes_written: int = 0

    def __add__(self, other: "Use") -> "Use":  # pyright: ignore[reportIncompatibleMethodOverride]
        """Add up."""
        return Use(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


class Prices(NamedTuple):
    """Prices of an hour of GPU and of one CPU core, and of a million prompt and completion tokens."""

    currency: str
    gpu_hour: Fraction
    cpu_hour: Fraction
    prompt_tokens: Fraction
    completion_tokens: Fraction


def price(setting: float) -> Fraction:
    """Convert a price by its decimal notation: 0.1 is exactly a tenth."""
    return Fraction(str(setting))


def total(used: Iterable[Use]) -> Use:
    """Add up."""
    return sum(used, Use())


def cost(use: Use, prices: Prices) -> Fraction:
    """Return the exact cost of usage in the prices' currency."""
    return (
        use.gpu_ms * prices.gpu_hour / HOUR_MS
        + use.cpu_ms * prices.cpu_hour / HOUR_MS
        + use.prompt_tokens * prices.prompt_tokens / MILLION
        + use.completion_tokens * prices.completion_tokens / MILLION
    )


def rounded(amount: Fraction) -> Decimal:
    """Round to millionths, half to even."""
    return Decimal(round(amount * MILLION)).scaleb(-6)


class Row(NamedTuple):
    """Usage of one asset, recording, room or month, and its rounded cost."""

    key: str
    use: Use
    cost: Decimal

    def document(self) -> dict[str, Any]:
        """Return the row as JSON, with times in seconds."""
        use = self.use._asdict()
        times = {f"{name}_seconds": use.pop(f"{name}_ms") / 1000 for name in ("wall", "cpu", "gpu")}
        return {"key": self.key, **times, **use, "cost": float(self.cost)}


class Report(NamedTuple):
    """Rows by descending cost, or by month in chronological order; the total is rounded from the exact sum."""

    by: By
    currency: str
    rows: list[Row]
    total: Row

    def document(self) -> dict[str, Any]:
        """Return the report as JSON."""
        rows = [row.document() for row in self.rows]
        return {"by": self.by, "currency": self.currency, "rows": rows, "total": self.total.document()}


def report(used: Mapping[str, Use], prices: Prices, by: By) -> Report:
    """Return usage and costs by step, recording, room or month."""
    exact = {key: cost(use, prices) for key, use in used.items()}
    order = sorted(used) if by == "month" else sorted(used, key=lambda key: (-exact[key], -used[key].cpu_ms, key))
    everything = total(used.values())
    rows = [Row(key, used[key], rounded(exact[key])) for key in order]
    return Report(by, prices.currency, rows, Row("", everything, rounded(cost(everything, prices))))
