"""Render a waveform for Markdown pages."""

import base64
from collections.abc import Sequence


def waveform_markdown(peaks: Sequence[float], width: int = 765, height: int = 90) -> str:
    """Return Markdown with an inline SVG of the peaks (0..1); sizes in pixels."""
    step = width / max(len(peaks), 1)
    middle = height / 2
    bars = " ".join(
        f"M{(i + 0.5) * step:.1f} {middle - peak * middle:.1f}V{middle + peak * middle:.1f}"
        for i, peak in enumerate(peaks)
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
        f'<path d="{bars}" stroke="#4f43dd" stroke-width="{step * 0.7:.1f}"/></svg>'
    )
    return f"![waveform](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"
