# SPDX-License-Identifier: Apache-2.0
"""Precision against cost: our ReLU beside the published composites."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..precision import one_at_a_time
from .figure import BLUE, GREY, RED, drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..comparison import Row


@one_at_a_time
def pareto(
    path: str | Path | None = None,
    alphas: Sequence[int] = tuple(range(4, 15)),
    rows: Sequence[Row] | None = None,
) -> Figure:
    """Draw precision in bits against levels and multiplications, ours and published.

    Parameters
    ----------
    path : str or Path, optional
        Where to write: .png, .svg or .pdf.
    alphas : sequence of int
        Precisions 2^-alpha to compute, from 4 to 14.
    rows : sequence of Row, optional
        Rows of :func:`polyapprox.comparison.compare_with_published`, if computed already.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ArgumentError
        For another alpha, or a file that cannot be written.
    PolyApproxError
        If matplotlib is not installed.
    """
    if rows is None:
        from ..comparison import compare_with_published

        rows = compare_with_published(alphas)

    def draw(figure: Figure) -> None:
        figure.suptitle("ReLU on [−1, 1]: precision against cost (rule “published”)", fontsize=10.5)
        left, right = figure.subplots(1, 2, sharey=True)
        _panel(left, rows, "levels", "levels")
        _panel(right, rows, "multiplications", "multiplications (ciphertext × ciphertext)")
        left.set_ylabel("precision (bits, −log$_2$ of the error)")
        left.legend(loc="upper left")

    return drawn(draw, (8.6, 4.4), path)


def _panel(axes: Axes, rows: Sequence[Row], cost: str, label: str) -> None:
    published = [getattr(row, f"published_{cost}") for row in rows]
    ours = [getattr(row, cost) for row in rows]
    bits = [row.published_bits for row in rows]
    axes.plot(
        published, bits, color=GREY, marker="s", markersize=5, linewidth=0.8,
        label="published r$_α$, α = 4 … 14 (sampled)",
    )
    axes.plot(
        ours, [row.bits for row in rows], color=BLUE, marker="o", markersize=5, linewidth=0.8,
        label="ours for 2$^{−α}$ (proven)",
    )
    axes.plot(
        [row.limit for row in rows], [row.alpha for row in rows], color=RED, marker="|",
        markersize=7, linewidth=0.8, linestyle="--",
        label="fewest possible for 2$^{−α}$ (proven)",
    )  # fmt: skip
    for row, x, y in zip(rows, published, bits, strict=True):
        axes.annotate(
            str(row.alpha), (x, y), xytext=(5, -9), textcoords="offset points", fontsize=7.5,
            color=GREY,
        )
    for row, x in zip(rows, ours, strict=True):
        axes.annotate(
            str(row.alpha), (x, row.bits), xytext=(-4, 5), textcoords="offset points",
            fontsize=7.5, color=BLUE, ha="right",
        )
    axes.set_xlabel(label)
    axes.locator_params(axis="x", integer=True)
