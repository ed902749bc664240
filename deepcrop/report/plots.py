"""Plots as inline SVG, in the page's own colours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

WIDTH, HEIGHT = 640, 180
"""Size of a plot, in units of the SVG."""
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 10, 26
"""Margins around the plotted area, in units of the SVG."""


def throughput(steps: Sequence[tuple[float, float]]) -> Markup | None:
    """Draw images per second over time; None without steps.

    Args:
        steps: seconds since the start at the end of each step, and images per second during it.
    """
    if not steps:
        return None
    end, top = steps[-1][0], axis_top(max(rate for _, rate in steps))
    points, before = [], 0.0
    for seconds, rate in steps:
        y = _y(rate / top)
        points += [f"{_x(before / end):.1f},{y:.1f}", f"{_x(seconds / end):.1f},{y:.1f}"]
        before = seconds
    floor = f"{_y(0):.1f}"
    area = f"{LEFT},{floor} {' '.join(points)} {_x(1):.1f},{floor}"
    body = (
        f'<polygon class="area" points="{area}"/>'
        f'<polyline class="line" points="{" ".join(points)}"/>'
    )
    ticks = [(share, duration(end * share)) for share in (0, 0.25, 0.5, 0.75, 1)]
    label = f"Throughput: {end:.0f} seconds, at most {max(rate for _, rate in steps):.1f} images/s"
    return _figure(label, body + _grid(top) + _marks(ticks))


def histogram(counts: Sequence[int]) -> Markup:
    """Draw a histogram of scores.

    Args:
        counts: crops in each of equal bins of 0..1.
    """
    top = axis_top(max(*counts, 1))
    step = (WIDTH - LEFT - RIGHT) / len(counts)
    bars = "".join(
        f'<rect class="column" x="{_x(at / len(counts)) + 1:.1f}" y="{_y(count / top):.1f}" '
        f'width="{step - 2:.1f}" height="{_y(0) - _y(count / top):.1f}">'
        f"<title>{at / len(counts):.2f} to {(at + 1) / len(counts):.2f}: {count:,}</title></rect>"
        for at, count in enumerate(counts)
    )
    ticks = [(share, f"{share:g}") for share in (0, 0.25, 0.5, 0.75, 1)]
    return _figure(f"Scores of {sum(counts):,} crops", bars + _grid(top) + _marks(ticks))


def stages(milliseconds: Mapping[str, float], sources: int) -> list[tuple[str, float, float]]:
    """Return the bars of a plot of stages.

    Args:
        milliseconds: time of all sources together, by stage.
        sources: how many sources there are.

    Returns:
        For each stage its name, milliseconds a source, and the bar's length: 1 is the longest.
    """
    longest = max(*milliseconds.values(), 1e-9)
    return [
        (name, value / max(sources, 1), value / longest) for name, value in milliseconds.items()
    ]


def axis_top(value: float) -> float:
    """Round a value up to 1, 2 or 5 times a power of ten."""
    power = 10 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next((step * power for step in (1, 2, 5) if value <= step * power), 10 * power)


def duration(seconds: float) -> str:
    """Return a time span as text: 42 s, 3 min, 1.5 h."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _grid(top: float) -> str:
    return "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{_y(share)}" y2="{_y(share)}"/>'
        f'<text x="{LEFT - 8}" y="{_y(share) + 4}" text-anchor="end">{top * share:,.4g}</text>'
        for share in (0, 0.5, 1)
    )


def _marks(ticks: Sequence[tuple[float, str]]) -> str:
    anchors = {0.0: "start", 1.0: "end"}
    return "".join(
        f'<text x="{_x(share):.1f}" y="{HEIGHT - 6}" '
        f'text-anchor="{anchors.get(share, "middle")}">{text}</text>'
        for share, text in ticks
    )


def _figure(label: str, body: str) -> Markup:
    return Markup(
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
        f"{body}</svg>"
    )
