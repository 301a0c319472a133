"""Charts as SVG images; the same figures give the same bytes."""

from itertools import cycle
from pathlib import Path
from typing import Any

from bench.results import Chart

# Distinguishable in greyscale, too.
COLOURS = ("#1b4965", "#e07a5f", "#81b29a", "#f2cc8f", "#6d597a", "#5fa8d3", "#9c6644", "#b7b7a4")
MARKERS = ("o", "s", "^", "D", "v")
WIDTH = 0.8
"""Of a group of bars."""


def draw(chart: Chart, target: Path) -> None:
    """Write a chart as SVG, with deterministic ids and no date."""
    # Takes longer to import than all else.
    from matplotlib import rc_context  # noqa: PLC0415  # pyright: ignore[reportUnknownVariableType]
    from matplotlib.figure import Figure  # noqa: PLC0415

    with rc_context({"svg.hashsalt": chart.name, "svg.fonttype": "none", "font.family": "sans-serif"}):
        # Most of matplotlib's methods take untyped keywords.
        figure: Any = Figure(figsize=(8, 4), layout="constrained")
        axes = figure.subplots()
        {"line": _lines, "bar": _bars, "stack": _stack}[chart.kind](axes, chart)
        axes.set(title=chart.title, xlabel=chart.x_label, ylabel=chart.y_label)
        if chart.log:
            axes.set_yscale("log")
        else:
            axes.set_ylim(bottom=0)
        axes.grid(axis="y", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        if len(chart.values) > 1:
            figure.legend(loc="outside right upper", frameon=False)
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})


def _bars(axes: Any, chart: Chart) -> None:
    width = WIDTH / len(chart.values)
    for number, ((name, values), colour) in enumerate(zip(chart.values.items(), cycle(COLOURS), strict=False)):
        shift = (number - (len(chart.values) - 1) / 2) * width
        bars = axes.bar([at + shift for at in range(len(chart.x))], values, width, label=name, color=colour)
        axes.bar_label(bars, fmt="%.3g", fontsize=8)
    axes.set_xticks(range(len(chart.x)), [str(x).replace(", ", ",\n") for x in chart.x])


def _stack(axes: Any, chart: Chart) -> None:
    bottom = [0.0] * len(chart.x)
    for (name, values), colour in zip(chart.values.items(), cycle(COLOURS), strict=False):
        axes.bar(range(len(chart.x)), values, WIDTH / 2, bottom=bottom, label=name, color=colour)
        bottom = [low + value for low, value in zip(bottom, values, strict=True)]
    axes.set_xticks(range(len(chart.x)), [str(x) for x in chart.x])


def _lines(axes: Any, chart: Chart) -> None:
    for (name, values), colour, marker in zip(chart.values.items(), cycle(COLOURS), cycle(MARKERS), strict=False):
        axes.plot(chart.x, values, label=name, color=colour, marker=marker, markersize=5)
    if all(isinstance(x, int) for x in chart.x) and len(chart.x) <= 12:
        if chart.log:
            # On two logarithmic axes, proportional growth is a straight line.
            axes.set_xscale("log")
            axes.minorticks_off()
        axes.set_xticks(chart.x, [f"{x:,}" for x in chart.x])
