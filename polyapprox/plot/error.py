# SPDX-License-Identifier: Apache-2.0
"""The error over the domain, with the proven bound and the extrema."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..approximation import Approximation
from ..precision import one_at_a_time
from ..proof.error_function import ErrorFunction, error_function
from ..words import counted
from .figure import BLUE, GREY, ORANGE, RED, bound, drawn, number, title_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..encrypted.run import EncryptedRun


if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curves = list[tuple[np.ndarray, np.ndarray]]
_FLOAT_BITS = 36.0  # a smaller relative error drowns in the rounding of doubles
_NEAR_BOUND = 0.99
_MOST_MARKS = 160  # extrema; of more, only those near the bound are marked


@one_at_a_time
def error_curve(
    approximation: Approximation, path: str | Path | None = None, function: Any = None
) -> Figure:
    """Draw the error r − f over the domain, between its proven bounds.

    Extrema are marked; those within 1% of the bound are filled. A composite gets a second panel
    with a logarithmic scale of x on either side of 0, where most of it happens.

    Parameters
    ----------
    approximation : Approximation
    path : str or Path, optional
        Where to write: .png, .svg or .pdf.
    function : str or callable, optional
        The function, where its name in the approximation is not an expression.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ArgumentError
        For another suffix, or a file that cannot be written.
    PolyApproxError
        If matplotlib is not installed.
    ProofError
        If the function is not known by its name.

    Examples
    --------
    >>> import polyapprox
    >>> figure = error_curve(polyapprox.minimax("exp", 5))
    >>> figure.axes[0].get_xlabel()
    'x'
    """
    error = error_function(approximation, function)
    curves = _curves(approximation, error)
    composite = approximation.structure == "composite" and _contains_zero_between(curves)

    def draw(figure: Figure) -> None:
        figure.suptitle(title_of(approximation), fontsize=10.5)
        panels = figure.subplots(2 if composite else 1, 1, squeeze=False)[:, 0]
        for axes in panels:
            _draw_error(axes, approximation, curves)
        panels[-1].set_xlabel(_argument(approximation))
        if composite:
            panels[0].set_title("linear scale", loc="left", fontsize=8.5, color=GREY)
            _logarithmic(panels[1], approximation, curves)
        height = 1.14 if composite else 1.09
        panels[0].legend(loc="upper right", ncols=4, bbox_to_anchor=(1, height), borderaxespad=0)

    return drawn(draw, (8.0, 6.4 if composite else 4.4), path)


def _argument(approximation: Approximation) -> str:
    return {"maximum": "a − b", "minimum": "a − b"}.get(approximation.function, "x")


def _contains_zero_between(curves: Curves) -> bool:
    return bool(curves[0][0][0] <= 0 <= curves[-1][0][-1])


def _curves(approximation: Approximation, error: ErrorFunction) -> Curves:
    accurate = approximation.bits > _FLOAT_BITS or approximation.weight != "1"
    count = 1500 if accurate else 6000
    result = []
    for low, high in error.intervals:
        x = sample_points(float(low), float(high), count, error.target.breakpoints)
        if accurate:
            bits = 160 + int(min(max(approximation.bits, 0.0), 1e5))
            y = error.accurate(x, bits + 4 * max(approximation.degrees))
        else:
            y = error.floats(x)
        result.append((x, y))
    return result


def sample_points(low: float, high: float, count: int, breakpoints: Any = ()) -> np.ndarray:
    """Ascending points of an interval, denser at its ends, at 0 and at breakpoints."""
    angles = np.linspace(0, np.pi, count)
    points = [np.linspace(low, high, count), low + (high - low) * np.sin(angles / 2) ** 2]
    near = np.geomspace(1e-9, 1, count) * max(abs(low), abs(high))
    for centre in {0.0, *(float(b) for b in breakpoints)}:
        points += [centre + near, centre - near, np.array([centre])]
    found = np.unique(np.clip(np.concatenate(points), low, high))
    return found[(found >= low) & (found <= high)]


def extrema(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Indices of the local extrema of samples, both ends included.

    Examples
    --------
    >>> extrema(np.arange(5.0), np.array([0.0, 1.0, 0.0, -1.0, 0.0])).tolist()
    [0, 1, 3, 4]
    """
    keep = np.flatnonzero(np.concatenate([[True], np.diff(y) != 0]))
    slope = np.sign(np.diff(y[keep]))
    turning = np.flatnonzero(slope[1:] != slope[:-1]) + 1
    return cast("np.ndarray", keep[np.unique(np.concatenate([[0], turning, [keep.size - 1]]))])


def _draw_error(axes: Axes, approximation: Approximation, curves: Curves) -> None:
    proven = approximation.certificate is not None
    limit = approximation.error_bound if proven else approximation.error_estimate
    label = "proven bound" if proven else "sampled estimate"
    axes.axhline(limit, color=RED, linewidth=1.1, linestyle="--", label=f"± {label}")
    axes.axhline(-limit, color=RED, linewidth=1.1, linestyle="--")
    for position, (x, y) in enumerate(curves):
        axes.plot(
            x, y, color=BLUE, linewidth=0.9 if x.size < 10 * _MOST_MARKS else 0.7,
            label=None if position else "error r − f",
        )
        _mark(axes, x, y, limit, first=position == 0)
    axes.axhline(0, color="black", linewidth=0.5)
    if limit > 0:
        axes.set_ylim(-1.25 * limit, 1.25 * limit)
    kind = "absolute error" if approximation.weight == "1" else "weighted error"
    axes.set_ylabel(f"{kind} r − f")
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-3, 4), useMathText=True)
    axes.set_xlim(curves[0][0][0], curves[-1][0][-1])
    for (_, _), (before, after) in zip(curves, _gaps(curves), strict=False):
        axes.axvspan(before, after, color="#f0f0f0", linewidth=0)


def _gaps(curves: Curves) -> list[tuple[float, float]]:
    return [
        (float(curves[k][0][-1]), float(curves[k + 1][0][0])) for k in range(len(curves) - 1)
    ]


def _mark(axes: Axes, x: np.ndarray, y: np.ndarray, limit: float, first: bool) -> None:
    places = extrema(x, y)
    high = np.abs(y[places]) >= _NEAR_BOUND * limit
    crowded = places.size > _MOST_MARKS
    if crowded:
        places, high = places[high], high[high]
    size = 4 if crowded else 14 if places.size <= 60 else 7
    for group, colour, label in (
        (places[high], ORANGE, "extrema within 1% of it"),
        (places[~high], "white", "other extrema"),
    ):
        axes.scatter(
            x[group], y[group], s=size, color=colour, edgecolors=ORANGE, linewidths=0.6,
            zorder=3, clip_on=False, label=label if first and group.any() else None,
        )


def decades(start: float, end: float, most: int = 5) -> list[float]:
    """0 and powers of ten from `start` to `end` on both sides: at most `most` on each.

    Examples
    --------
    >>> decades(0.02, 50)
    [-10.0, -1.0, -0.1, 0.0, 0.1, 1.0, 10.0]
    """
    low, high = math.ceil(math.log10(start)), math.floor(math.log10(end))
    step = max(1, math.ceil((high - low + 1) / most))
    right = [10.0**k for k in range(high, low - 1, -step)][::-1]
    return [*(-tick for tick in reversed(right)), 0.0, *right]


def _power(tick: float) -> str:
    if tick == 0 or 1e-3 < abs(tick) < 1e4:
        return number(tick)
    sign = "−" if tick < 0 else ""
    return f"{sign}10$^{{{round(math.log10(abs(tick)))}}}$"


def _logarithmic(axes: Axes, approximation: Approximation, curves: Curves) -> None:
    ends = [float(curves[0][0][0]), float(curves[-1][0][-1])]
    scale = max(abs(end) for end in ends)
    threshold = approximation.threshold
    start = float(threshold) if threshold is not None else scale * 1e-3
    axes.set_xscale("asinh", linear_width=start / 4)
    ticks = [t for t in decades(start / 2, scale) if ends[0] <= t <= ends[1]]
    axes.set_xticks(ticks, [_power(t) for t in ticks])
    axes.set_xticks([], minor=True)
    caption = "logarithmic scale of x on either side of 0"
    if threshold is not None:
        for place in (-start, start):
            if ends[0] < place < ends[1]:
                axes.axvline(place, color=GREY, linewidth=0.9, linestyle=":")
        caption += f"; dotted: threshold ± {number(start, 3)}"
    axes.set_title(caption, loc="left", fontsize=8.5, color=GREY)


def measured_error(ended: EncryptedRun, path: str | Path | None = None) -> Figure:
    """Draw decrypted minus exact against the input, with proven bound and forecast noise.

    The path, and what is raised, as for :func:`error_curve`.
    """
    one = ended.parameters
    order = np.argsort(ended.x[0], kind="stable")

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot(ended.x[0][order], ended.error[order], ".", ms=2.5, color=BLUE, label="measured")
        if ended.bound is not None:
            for sign in (1, -1):
                label = f"proven bound {bound(ended.bound)}" if sign > 0 else None
                axes.axhline(sign * ended.bound, color=RED, lw=1.2, label=label)
        noise = "" if ended.forecast is None else f", noise forecast {number(ended.forecast.worst)}"
        axes.plot([], [], " ", label=f"noise measured {number(ended.noise)}{noise}")
        axes.set_xlabel("x")
        axes.set_ylabel("decrypted − exact (absolute)")
        axes.set_title(
            f"{ended.function} on ciphertexts, {ended.backend} {ended.version},\n"
            f"ring {one.ring_dimension}, scale 2^{one.scale_bits}, {counted(ended.levels, 'level')} "
            f'("{ended.rule}"), {ended.security}',
            fontsize=9.5,
            color=GREY,
        )
        axes.legend(loc="upper center", ncols=3, bbox_to_anchor=(0.5, -0.12))

    return drawn(draw, (8.0, 4.4), path)
