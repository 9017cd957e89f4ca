# SPDX-License-Identifier: Apache-2.0
"""Error against scale: what is proven of the rounded constants, and what is forecast of noise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..approximation import Approximation
from ..noise.scale import Assessment, Setting, sweep
from ..precision import one_at_a_time
from .figure import BLUE, GREY, ORANGE, RED, bound, drawn, number, title_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SCALES = tuple(range(20, 59, 2))


@one_at_a_time
def noise(
    approximation: Approximation,
    setting: Setting,
    path: str | Path | None = None,
    *,
    precision: float | None = None,
    scales: Iterable[int] = SCALES,
    chosen: int | None = None,
    found: Sequence[Assessment] | None = None,
) -> Figure:
    """Draw proven bounds and forecast noise against the bits of the scale.

    Parameters
    ----------
    approximation : Approximation
    setting : Setting
        Ring dimension, scheme and first modulus.
    path : str or Path, optional
        Where to write: .png, .svg or .pdf.
    precision : float, optional
        What is asked for; by default the next power of two above the proven bound.
    scales : iterable of int
    chosen : int, optional
        A scale to mark.
    found : sequence of Assessment, optional
        What :func:`polyapprox.noise.scale.sweep` found, if known already.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ArgumentError
        If an argument is out of range or the file cannot be written.

    Examples
    --------
    >>> import polyapprox
    >>> r = polyapprox.circuit("relu", multiplications=3)
    >>> len(noise(r, Setting(1 << 13), scales=(30, 40, 50)).axes[0].lines) >= 5
    True
    """
    if found is None:
        found = sweep(approximation, setting, scales, precision=precision)

    def draw(figure: Figure) -> None:
        figure.suptitle(title_of(approximation), fontsize=10.5)
        axes = figure.subplots()
        _curves(axes, found)
        _marks(axes, found, chosen)
        axes.set_yscale("log", base=2)
        axes.set_xlabel("scale (bits)")
        axes.set_ylabel("absolute error of the result")
        ring = setting.ring_dimension.bit_length() - 1
        axes.set_title(
            f"{setting.scheme}, ring 2$^{{{ring}}}$; noise by the model, not proven; "
            "constants rounded to multiples of 2$^{−scale}$",
            loc="left",
            fontsize=8.5,
            color=GREY,
        )
        figure.legend(loc="outside lower center", ncols=2)

    return drawn(draw, (7.8, 5.6), path)


def _curves(axes: Axes, found: Sequence[Assessment]) -> None:
    x = [one.scale_bits for one in found]
    rounding = [(one.scale_bits, one.deviation) for one in found if one.deviation is not None]
    axes.plot(
        x,
        [one.total for one in found],
        color="black",
        linewidth=1.8,
        alpha=0.85,
        label="total: proven bound, constants rounded, + noise (worst place)",
    )
    axes.plot(
        x,
        [one.rounded_bound for one in found],
        color=BLUE,
        linewidth=1.3,
        linestyle="--",
        marker="o",
        markersize=3.5,
        label="proven bound, constants rounded",
    )
    axes.plot(
        [p[0] for p in rounding],
        [p[1] for p in rounding],
        color=BLUE,
        linewidth=0.8,
        linestyle=":",
        marker=".",
        markersize=3,
        label="change of values by the rounding (proven bound)",
    )
    axes.plot(
        x,
        [one.noise.worst for one in found],
        color=ORANGE,
        linewidth=1.0,
        linestyle="--",
        label="noise, all slots at the worst place (forecast)",
    )
    axes.plot(
        x,
        [one.noise.error for one in found],
        color=ORANGE,
        linewidth=1.4,
        label="noise, slots spread evenly (forecast)",
    )


def _marks(axes: Axes, found: Sequence[Assessment], chosen: int | None) -> None:
    if not found:
        return
    exact, tolerance = found[0].exact_bound, found[0].tolerance
    axes.axhline(exact, color=GREY, linewidth=0.9, label=f"proven bound, exact: {bound(exact)}")
    axes.axhline(
        tolerance,
        color=RED,
        linewidth=1.0,
        linestyle="-.",
        label=f"asked for: {number(tolerance)}",
    )
    too_large = [one.scale_bits for one in found if not one.fits]
    if too_large:
        axes.axvspan(
            min(too_large),
            found[-1].scale_bits,
            color="#f0e0e0",
            linewidth=0,
            label="the result does not fit into the first modulus",
        )
    if chosen is not None:
        axes.axvline(chosen, color=GREY, linewidth=1.0, linestyle=":", label=f"scale {chosen} bits")
