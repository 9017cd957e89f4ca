# SPDX-License-Identifier: Apache-2.0
"""The error of an encrypted run, measured, between its proven bounds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .figure import BLUE, GREY, RED, bound, drawn, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..encrypted.run import EncryptedRun


def measured_error(ended: EncryptedRun, path: str | Path | None = None) -> Figure:
    """Draw decrypted minus exact against the input, with proven bound and forecast noise.

    Parameters
    ----------
    ended : EncryptedRun
    path : str or Path, optional
        Where to write: .png, .svg or .pdf.

    Raises
    ------
    ArgumentError
        For another suffix, or a file that cannot be written.
    PolyApproxError
        If matplotlib is not installed.
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
            f"ring {one.ring_dimension}, scale 2^{one.scale_bits}, {ended.levels} levels "
            f'("{ended.rule}"), {ended.security}',
            fontsize=9.5,
            color=GREY,
        )
        axes.legend(loc="upper center", ncols=3, bbox_to_anchor=(0.5, -0.12))

    return drawn(draw, (8.0, 4.4), path)
