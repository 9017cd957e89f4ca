# SPDX-License-Identifier: Apache-2.0
"""The sign of a matrix, for optimisers that orthogonalise: few products, and few digits to compute with.

X = U Σ Vᵀ becomes U p(Σ) Vᵀ, p a composite of odd minimax polynomials near 1 on all singular values. Each
stage forms the Gram matrix X Xᵀ of what it is given, so that no small singular value stays squared for
long: a single long polynomial in one Gram matrix is better in exact arithmetic, and useless in bfloat16,
where squares of small singular values drown (l² = 2^-14 below a rounding of 2^-9). Of the lists of degrees
the one with the least error in exact arithmetic is taken of those whose stages satisfy

    u · Σ |c_j| <= 1/8,

u the unit roundoff, c_j the coefficients of a stage on [-1, 1]: below that bound rounding costs the same
0.03 in bfloat16 whatever the stages are, above it ten times as much. Each stage is made for inputs that
leave the image of the stage before by 4u. Degrees 3, 5 and 9 take 2, 3
and 4 products (of which two are as wide as X, the others square).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.polynomial.chebyshev import cheb2poly

from ..composite.maps import widened_gap
from ..composite.series import stage_series
from ..composite.stage import error_of, log_gap
from ..errors import ArgumentError
from ..given import whole, word
from ..recipes.arguments import Ends, read_interval

ROUNDOFF = {"bfloat16": 2.0**-9, "float16": 2.0**-11, "float32": 2.0**-24, "float64": 2.0**-53}
PRODUCTS = {3: 2, 5: 3, 9: 4}
_MOST = 16
_OUTSIDE = 4  # roundings by which a stage's inputs may leave the image of the stage before
_LARGEST_ROUNDING = 1 / 8  # of a stage: u · Σ |c_j|
_POINTS = 20001


@dataclass(frozen=True)
class MatrixSign:
    """Stages of odd polynomials of a matrix.

    Attributes
    ----------
    stages : tuple of tuple of float
        Coefficients of X, X³, X⁵, … of each, the first for X as it is given.
    interval : (float, float)
        Within which the singular values lie.
    dtype : str
        The numbers it was chosen for.
    error_estimate : float
        Largest \\|1 − p(σ)\\| on the interval, in exact arithmetic (sampled).

    Examples
    --------
    >>> import numpy as np
    >>> chosen = matrix_sign(products=12, interval=(2**-7, 1.05))
    >>> x = np.diag([0.01, 0.2, 1.0])[:, [2, 0, 1]]
    >>> bool(np.abs(chosen(x) - np.sign(x)).max() <= chosen.error_estimate)
    True
    """

    stages: tuple[tuple[float, ...], ...]
    interval: tuple[float, float]
    dtype: str
    error_estimate: float

    @property
    def degrees(self) -> tuple[int, ...]:
        """Of the stages, the first first."""
        return tuple(2 * len(stage) - 1 for stage in self.stages)

    @property
    def products(self) -> int:
        """Products of matrices."""
        return sum(PRODUCTS[degree] for degree in self.degrees)

    def __call__(self, x: Any) -> Any:
        """The same for a matrix, or many (the last two axes), of NumPy or PyTorch, in its own numbers.

        Singular values must lie in the interval: divide by the Frobenius norm first, as usual.
        """
        if len(getattr(x, "shape", ())) < 2:
            raise ArgumentError("x must be a matrix (an array of two axes or more)")
        tall = x.shape[-2] > x.shape[-1]
        value = x.swapaxes(-1, -2) if tall else x
        for stage in self.stages:
            value = _applied(stage, value)
        return value.swapaxes(-1, -2) if tall else value

    def scalar(self, x: Any) -> Any:
        """p(x) of numbers, in float64."""
        x = np.asarray(x, dtype=np.float64)
        for stage in self.stages:
            x = sum(c * x ** (2 * j + 1) for j, c in enumerate(stage))
        return x


def _applied(stage: tuple[float, ...], x: Any) -> Any:
    """c_0 X + q(G) X, G = X Xᵀ and q without its constant term."""
    gram = x @ x.swapaxes(-1, -2)
    if len(stage) == 2:
        rest = stage[1] * gram
    elif len(stage) == 3:
        rest = stage[1] * gram + (stage[2] * gram) @ gram
    else:
        square = gram @ gram
        rest = stage[1] * gram + stage[2] * square + (stage[4] * square + stage[3] * gram) @ square
    return stage[0] * x + rest @ x


def matrix_sign(
    *, products: int, interval: Ends = (2.0**-7, 1.05), dtype: str = "bfloat16"
) -> MatrixSign:
    """Odd polynomials that bring all singular values of a matrix near 1, within so many matrix products.

    Parameters
    ----------
    products : int
        At most so many, from 2 to 16.
    interval : (float, float)
        Within which the singular values lie: 0 < l < h.
    dtype : {"bfloat16", "float16", "float32", "float64"}
        The numbers that it will be computed with; rounding takes part in the choice of the degrees.

    Returns
    -------
    MatrixSign

    Raises
    ------
    ArgumentError

    Notes
    -----
    That each stage is the minimax polynomial on the image of the one before is optimal for given degrees
    (Amsel et al., arXiv 2505.16932, theorem 4.1).

    Examples
    --------
    >>> chosen = matrix_sign(products=12)
    >>> chosen.degrees, chosen.products, round(chosen.error_estimate, 3)
    ((5, 5, 5, 5), 12, 0.037)
    >>> matrix_sign(products=12, dtype="float64").degrees
    (9, 9, 9)
    """
    most = whole("products", products, 2, _MOST)
    low, high = read_interval(interval)
    if not 2.0**-30 * high <= low < high:
        raise ArgumentError(f"interval must be (l, h) with 2^-30 h <= l < h; got {(low, high)}")
    unit = ROUNDOFF[word("dtype", dtype, tuple(ROUNDOFF))]
    found = min(_lists(most, log_gap(low / high), unit), key=lambda one: (one.image, len(one.stages)))
    made = MatrixSign(_unscaled(found.stages, high), (low, high), dtype, 0.0)
    x = np.exp(np.linspace(np.log(low), np.log(high), _POINTS))
    return replace(made, error_estimate=float(np.max(np.abs(made.scalar(x) - 1))))


@dataclass(frozen=True)
class _List:
    """Stages, each on [-1, 1] with the factor that its input is scaled by; the log gap of the image."""

    stages: tuple[tuple[float, np.ndarray], ...]
    image: float


def _lists(most: int, gap: float, unit: float, before: _List | None = None) -> Iterator[_List]:
    """All lists that nothing can be added to."""
    if most < min(PRODUCTS.values()) and before is not None:
        yield before
        return
    stages, scale = () if before is None else before.stages, 1.0
    if before is not None:
        guard = _OUTSIDE * unit
        scale = 1 / ((1 + float(error_of(gap))) * (1 + guard))
        gap = float(widened_gap(gap, guard))
    for degree, cost in PRODUCTS.items():
        if cost <= most:
            series, image = stage_series(degree, gap)
            chebyshev = np.zeros(degree + 1)
            chebyshev[1::2] = series
            powers = cheb2poly(chebyshev)[1::2]
            if unit * float(np.sum(np.abs(powers))) > _LARGEST_ROUNDING:
                continue
            yield from _lists(most - cost, image, unit, _List((*stages, (scale, powers)), image))


def _unscaled(stages: tuple[tuple[float, np.ndarray], ...], high: float) -> tuple[tuple[float, ...], ...]:
    """Coefficients for the numbers as they come: the first stage divides by the largest of them."""
    scales = [1 / high, *(scale for scale, _ in stages[1:])]
    return tuple(
        tuple(float(c) * scale ** (2 * j + 1) for j, c in enumerate(powers))
        for scale, (_, powers) in zip(scales, stages, strict=True)
    )
