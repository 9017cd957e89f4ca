# SPDX-License-Identifier: Apache-2.0
"""The stages of a composite: p_1, p_2 ∘ p_1, … and what becomes of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..approximation import Approximation
from ..errors import ArgumentError
from ..precision import one_at_a_time
from .figure import GREY, RED, drawn, number, title_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@one_at_a_time
def stages(approximation: Approximation, path: str | Path | None = None) -> Figure:
    """Draw p_i ∘ … ∘ p_1 for each stage i of a composite, over positive x (all are odd).

    Parameters
    ----------
    approximation : Approximation
        Of the structure "composite".
    path : str or Path, optional
        Where to write: .png, .svg or .pdf.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ArgumentError
        If the approximation is not a composite, or the file cannot be written.
    PolyApproxError
        If matplotlib is not installed.

    Examples
    --------
    >>> import polyapprox
    >>> len(stages(polyapprox.relu(degrees=[7, 7])).axes[0].lines) >= 3
    True
    """
    if approximation.structure != "composite":
        raise ArgumentError(
            f"this approximation has the structure {approximation.structure!r}; only a "
            "'composite' has stages to draw"
        )
    components = approximation.components
    high = float(components[0].domain[1])
    start = approximation.threshold
    low = high * 1e-3 if start is None else float(start)
    x = np.geomspace(low / 30, high, 6000)
    values = [x]
    for component in components:
        values.append(np.asarray(component(values[-1]), dtype=np.float64))

    def draw(figure: Figure) -> None:
        from matplotlib import colormaps

        figure.suptitle(title_of(approximation), fontsize=10.5)
        axes = figure.subplots()
        shades = colormaps["viridis"](np.linspace(0.85, 0.0, len(components)))
        axes.plot(x, x / high, color=GREY, linewidth=0.9, linestyle="-.", label="x, scaled")
        for index, (value, shade) in enumerate(zip(values[1:], shades, strict=True), 1):
            last = index == len(components)
            axes.plot(
                x, value, color=shade, linewidth=1.8 if last else 0.9,
                zorder=3 if last else 2.9 - 0.1 * index,
                label=f"{_name(index)}, degree {components[index - 1].degree}",
            )
        axes.axhline(1, color=RED, linewidth=0.9, linestyle="--", label="sign(x)")
        axes.axvline(low, color=GREY, linewidth=0.9, linestyle=":")
        axes.annotate(
            f"threshold {number(low, 3)}", (low, 1.07), xytext=(4, 0),
            textcoords="offset points", fontsize=8.5, color=GREY,
        )
        axes.set_xscale("log")
        axes.set_xlim(x[0], high)
        axes.set_ylim(0, 1.15)
        axes.set_xlabel("x (logarithmic scale; all stages are odd)")
        axes.set_ylabel("value after the stage")
        axes.legend(loc="lower left", ncols=3, bbox_to_anchor=(0, 1), borderaxespad=0.3)

    return drawn(draw, (8.0, 4.6), path)


def _name(index: int) -> str:
    names = [f"p$_{{{k}}}$" for k in range(index, 0, -1)]
    return "∘".join(names) if index <= 3 else f"{names[0]}∘…∘{names[-1]}"
