# SPDX-License-Identifier: Apache-2.0
"""The Pareto front of one precision: multiplications, levels, latency; as text and as a figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..outward import intervals, lower_places
from ..words import counted
from .figure import BLUE, GREY, NAMES, ORANGE, RED, drawn, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..published.costs import Published
    from ..recipes.pareto import Front, Way

GREEN = "#2e7d4f"
COLOURS = {"circuit": BLUE, "direct": GREEN, "composite": ORANGE}
MARKERS = {"circuit": "o", "direct": "D", "composite": "^"}
_FAR = 1.6  # a published point so many times as dear as the dearest r_α is named, not drawn


def front_table(front: Front) -> str:
    """The front, the published points and the limit as lines of text (rule "published").
    """
    model = front.model
    lines = [
        f"{front.function} on {intervals([front.interval])} at precision {_power(front.precision)} "
        f'(rule "published"; seconds forecast for {model.backend}, ring {model.ring_dimension})',
        f"{'':44s}  levels  mult.  constants  seconds  bits",
    ]
    for title, ways in (("not beaten", front.rows), ("beaten", front.others)):
        for way in ways:
            lines.append(
                f"{title + ': ' + str(way):44.44s}  {way.levels:6d}  {way.multiplications:5d}  "
                f"{way.constant_products:9d}  {way.seconds:7.3f}  {_floor(way.bits)} (proven)"
            )
    for point, seconds in zip(front.published, front.published_seconds, strict=True):
        text = f"published: {point.name}"
        lines.append(
            f"{text:44.44s}  {point.levels:6d}  {point.multiplications:5d}  {'':9s}  {seconds:7.3f}"
        )
    least = front.limits
    lines.append(f"{'proven limit':44s}  {least.levels:6d}  {least.multiplications:5d}")
    return "\n".join(lines)


def _floor(bits: float) -> str:
    return lower_places(bits, 3)


def _power(precision: float, tex: bool = False) -> str:
    bits = -math.log2(precision)
    if abs(bits - round(bits)) > 1e-12:
        return f"{precision:.6g}"
    return f"2$^{{−{bits:.0f}}}$" if tex else f"2^-{bits:.0f}"


def front_figure(front: Front, path: str | Path | None = None) -> Figure:
    """Multiplications and seconds against levels: ours, the published points, the proven limit.

    The path, and what is raised, as for :func:`polyapprox.plot.error_curve`.
    """
    near, far = _near_and_far(front)

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        _costs(left, front, near)
        _times(right, front, near)
        low, high = front.interval
        name = f"{NAMES[front.function]} on [{number(low)}, {number(high)}]"
        figure.suptitle(
            f"{name} at precision {_power(front.precision, tex=True)} (rule “published”)",
            fontsize=10.5,
        )
        handles, labels = left.get_legend_handles_labels()
        if far:
            handles.append(left.plot([], [], linestyle="none")[0])
            labels += [
                f"beyond the axes: {p.name}, {p.multiplications} mult., {counted(p.levels, 'level')}"
                for p in far
            ][:1]
        figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=8)

    return drawn(draw, (9.2, 4.9), path)


def _near_and_far(front: Front) -> tuple[list[int], list[Published]]:
    """Indices of the published points to draw, and those that would squeeze all others."""
    points = front.published
    sets = [p.multiplications for p in points if "default" not in p.name]
    own = [way.multiplications for way in (*front.rows, *front.others)]
    most = _FAR * max(own + sets)
    near = [i for i, p in enumerate(points) if p.multiplications <= most]
    return near, [p for p in points if p.multiplications > most]


def _ways(axes: Axes, front: Front, cost: str) -> None:
    for ways, fill in ((front.others, "none"), (front.rows, None)):
        for structure, colour in COLOURS.items():
            chosen = [way for way in ways if way.structure == structure]
            if chosen:
                axes.plot(
                    [way.levels for way in chosen], [getattr(way, cost) for way in chosen],
                    linestyle="none", marker=MARKERS[structure], markersize=7 if fill is None else 5,
                    color=colour, markerfacecolor=colour if fill is None else "none",
                    label=f"{structure}{'' if fill is None else ', beaten'} (proven)", zorder=3,
                )  # fmt: skip


def _published(axes: Axes, points: Sequence[Published], values: Sequence[float]) -> None:
    for kind, marker, label in (
        ("r_", "s", "published r$_α$"), ("comparison", "x", "published comparison sets"),
        ("default", "P", "defaults of frameworks"),
    ):  # fmt: skip
        chosen = [
            (p.levels, v)
            for p, v in zip(points, values, strict=True)
            if (p.name.startswith(kind) if kind != "default" else kind in p.name)
        ]
        if chosen:
            axes.plot(
                *zip(*chosen, strict=True), linestyle="none", marker=marker, markersize=5.5,
                color=GREY, label=label,
            )  # fmt: skip


def _costs(axes: Axes, front: Front, near: Sequence[int]) -> None:
    points = [front.published[i] for i in near]
    _published(axes, points, [p.multiplications for p in points])
    _ways(axes, front, "multiplications")
    least = front.limits
    axes.axvline(least.levels, color=RED, linewidth=0.9, linestyle="--")
    axes.axhline(
        least.multiplications, color=RED, linewidth=0.9, linestyle="--",
        label="limit of all polynomials (proven)",
    )  # fmt: skip
    for way in _named(front):
        _note(axes, way, way.multiplications)
    axes.set_xlabel("levels")
    axes.set_ylabel("multiplications (ciphertext × ciphertext)")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.locator_params(axis="both", integer=True)


def _named(front: Front) -> Sequence[Way]:
    """The ends of the front: what lies between would be written over."""
    return front.rows if len(front.rows) < 3 else (front.rows[0], front.rows[-1])


def _times(axes: Axes, front: Front, near: Sequence[int]) -> None:
    points = [front.published[i] for i in near]
    _published(axes, points, [front.published_seconds[i] for i in near])
    _ways(axes, front, "seconds")
    axes.axvline(front.limits.levels, color=RED, linewidth=0.9, linestyle="--")
    for way in _named(front):
        _note(axes, way, way.seconds)
    model = front.model
    axes.set_xlabel("levels")
    axes.set_ylabel(
        f"seconds (forecast: {model.backend} {model.version}, ring {model.ring_dimension})"
    )
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.locator_params(axis="x", integer=True)


def _note(axes: Axes, way: Way, value: float) -> None:
    axes.annotate(
        f"{way.multiplications} mult., {counted(way.levels, 'level')}, {_floor(way.bits)} bits",
        (way.levels, value), xytext=(-5, -14), textcoords="offset points", fontsize=7.5,
        color=COLOURS[way.structure],
    )  # fmt: skip
