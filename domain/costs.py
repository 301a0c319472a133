"""What work costs: amounts that were used, times prices.

Amounts are whole numbers and costs exact fractions, so that sums agree however they are grouped; only what is shown is
rounded, each figure for itself, half to even (`shown`).
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
    """What steps used: how many, their attempts and those that failed; times in milliseconds, sizes in bytes.

    `wall_ms` is time that steps took, also side by side.
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
    """Prices in some currency: of an hour of GPU and of one CPU core, of a million prompt and completion tokens."""

    currency: str
    gpu_hour: Fraction
    cpu_hour: Fraction
    prompt_tokens: Fraction
    completion_tokens: Fraction


def price(setting: float) -> Fraction:
    """Read a price as it is written in decimals: 0.1 is a tenth."""
    return Fraction(str(setting))


def total(used: Iterable[Use]) -> Use:
    """Add up."""
    return sum(used, Use())


def cost(use: Use, prices: Prices) -> Fraction:
    """What was used, exactly, in the prices' currency."""
    return (
        use.gpu_ms * prices.gpu_hour / HOUR_MS
        + use.cpu_ms * prices.cpu_hour / HOUR_MS
        + use.prompt_tokens * prices.prompt_tokens / MILLION
        + use.completion_tokens * prices.completion_tokens / MILLION
    )


def shown(amount: Fraction) -> Decimal:
    """Round to millionths, half to even."""
    return Decimal(round(amount * MILLION)).scaleb(-6)


class Row(NamedTuple):
    """What was used by one asset, recording, room or month, and what it cost, as it is shown."""

    key: str
    use: Use
    cost: Decimal

    def document(self) -> dict[str, Any]:
        """As JSON: times in seconds."""
        use = self.use._asdict()
        times = {f"{name}_seconds": use.pop(f"{name}_ms") / 1000 for name in ("wall", "cpu", "gpu")}
        return {"key": self.key, **times, **use, "cost": float(self.cost)}


class Report(NamedTuple):
    """Rows, most expensive first, months in their order; the total is rounded from the exact sum."""

    by: By
    currency: str
    rows: list[Row]
    total: Row

    def document(self) -> dict[str, Any]:
        """As JSON."""
        rows = [row.document() for row in self.rows]
        return {"by": self.by, "currency": self.currency, "rows": rows, "total": self.total.document()}


def report(used: Mapping[str, Use], prices: Prices, by: By) -> Report:
    """Say what was used and what it cost."""
    exact = {key: cost(use, prices) for key, use in used.items()}
    order = sorted(used) if by == "month" else sorted(used, key=lambda key: (-exact[key], -used[key].cpu_ms, key))
    everything = total(used.values())
    rows = [Row(key, used[key], shown(exact[key])) for key in order]
    return Report(by, prices.currency, rows, Row("", everything, shown(cost(everything, prices))))
