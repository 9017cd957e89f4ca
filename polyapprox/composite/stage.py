# SPDX-License-Identifier: Apache-2.0
"""One stage: the odd polynomial of degree d nearest to 1 on [a, b], whatever a/b is.

The derivative of the minimax odd polynomial p has all its zeros inside [a, b]: they are the
interior points of the alternation. So, up to a constant,

    p(x) = integral from 0 to x of  prod_j (s² − r_j²) ds,    a < r_1 < … < r_n < b,  d = 2n + 1,

and equioscillation says that the n + 1 integrals between neighbours of a, r_1, …, r_n, b have
equal size 2E, while the integral from 0 to a is 1 − E. Each integrand has one sign: Gauss–Legendre
quadrature with n + 1 nodes is exact and nothing cancels. Newton's iteration on the logarithms of
the integrals therefore finds both E and 1 − E to full relative precision in double, for a/b
from 1e-300 to 1 − 1e-300.

The closeness of a and b is held as the *log gap* ln(b/a − 1); as b/a − 1 = 2E/(1 − E) for the
image [1 − E, 1 + E] of a stage, the log gap of the image is ln(2E/(1 − E)).
"""

from __future__ import annotations

from functools import lru_cache
from typing import cast

import numpy as np

from ..errors import ArgumentError, NotConvergedError
from ..given import is_whole

Array = np.ndarray

MAX_ITERATIONS = 60


def log_gap(ratio: float) -> float:
    """ln(b/a − 1) of an interval with a/b = `ratio`, 0 < ratio < 1."""
    return float(np.log1p(-ratio) - np.log(ratio))


def error_of(gap: Array | float) -> Array | float:
    """The error E of an image [1 − E, 1 + E] whose log gap is `gap`."""
    h = np.exp(np.minimum(gap, 700.0))
    return cast("Array | float", h / (2 + h))


def gap_of_error(error: float) -> float:
    """The log gap of [1 − E, 1 + E]."""
    return float(np.log(2 * error) - np.log1p(-error))


@lru_cache(maxsize=64)
def _gauss(count: int) -> tuple[Array, Array]:
    """Gauss–Legendre nodes and weights on [0, 1], shape (count,) each."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (nodes + 1) / 2, weights / 2


def _integrals(rho: Array, low: Array, width: Array) -> tuple[Array, Array]:
    """Logarithms of the integrals between neighbours, and their derivatives in rho.

    The variable is u in [0, 1], x = low + width·u. `rho` has shape (batch, n); returned are
    arrays of shapes (batch, n + 1) and (batch, n + 1, n). The factor width^(n+1) is left out.
    """
    batch, n = rho.shape
    nodes, weights = _gauss(n + 1)
    ends = np.concatenate([np.zeros((batch, 1)), rho, np.ones((batch, 1))], axis=1)
    step = np.diff(ends, axis=1)
    u = ends[:, :-1, None] + step[:, :, None] * nodes
    # u − rho_j without cancellation next to the ends of the piece
    difference = u[..., None] - rho[:, None, None, :]
    index = np.arange(n)
    difference[:, index + 1, :, index] = np.moveaxis(step[:, 1:, None] * nodes, 1, 0)
    difference[:, index, :, index] = np.moveaxis(-step[:, :-1, None] * (1 - nodes), 1, 0)
    w = width[:, None, None, None]
    total = 2 * low[:, None, None, None] + w * (u[..., None] + rho[:, None, None, :])
    size = np.log(np.abs(difference)) + np.log(total)
    logs = size.sum(axis=-1)
    top = logs.max(axis=2, keepdims=True)
    values = np.exp(logs - top) * weights
    integral = values.sum(axis=2)
    slopes = 2 * (low[:, None] + width[:, None] * rho)[:, None, None, :] / (difference * total)
    derivative = -np.einsum("bik,bikj->bij", values, slopes) / integral[:, :, None]
    return np.log(integral) + np.log(step) + top[:, :, 0], derivative


def critical_points(degree: int, gap: Array) -> Array:
    """Interior points of the alternation, as fractions of [a, b].

    Parameters
    ----------
    degree : int
        Odd degree d = 2n + 1 >= 3.
    gap : ndarray, shape (batch,)
        Log gaps ln(b/a − 1).

    Returns
    -------
    ndarray, shape (batch, n)
        (r_j − a)/(b − a), ascending.

    Raises
    ------
    NotConvergedError
        If Newton's iteration does not settle.
    """
    n = (degree - 1) // 2
    gap = np.asarray(gap, dtype=np.float64)
    low, width = np.exp(-np.logaddexp(0, gap)), np.exp(-np.logaddexp(0, -gap))
    if not width.all():
        raise NotConvergedError(
            f"the stages before that of degree {degree} leave no error in doubles: leave out the "
            "last stages, or take lower degrees or a smaller threshold"
        )
    # start: extrema of the Chebyshev polynomial of degree n + 1 in x², moved a little outwards
    angle = np.pi * np.arange(1, n + 1) / (n + 1)
    t = (1 - np.cos(angle)) / 2
    span = width * (1 + low)
    x = np.sqrt(low[:, None] ** 2 + span[:, None] * t)
    rho = span[:, None] * t / (x + low[:, None]) / width[:, None]
    residual, derivative = _integrals(rho, low, width)
    best = np.full(len(gap), np.inf)
    for _ in range(MAX_ITERATIONS):
        f = np.diff(residual, axis=1)
        norm = np.abs(f).max(axis=1)
        if np.all((norm < 1e-13 * (n + 10)) | ((norm < 1e-9) & (norm > best / 4))):
            return cast("Array", rho)
        best = np.minimum(best, norm)
        move = -np.linalg.solve(np.diff(derivative, axis=1), f[:, :, None])[:, :, 0]
        rho = _damped(rho, move)
        residual, derivative = _integrals(rho, low, width)
    raise NotConvergedError(
        f"the stage of degree {degree} did not equioscillate after {MAX_ITERATIONS} Newton steps "
        f"(log gap {gap[0]:.6g}): use a lower degree"
    )


def _damped(rho: Array, move: Array) -> Array:
    """The longest part of the Newton step that keeps the points well apart."""
    batch = len(rho)
    ends = np.concatenate([np.zeros((batch, 1)), rho, np.ones((batch, 1))], axis=1)
    full = np.concatenate([np.zeros((batch, 1)), move, np.zeros((batch, 1))], axis=1)
    shrink = -np.diff(full, axis=1) / np.diff(ends, axis=1)
    factor = 1 / np.maximum(1, 1.6 * shrink.max(axis=1))
    return cast("Array", rho + factor[:, None] * move)


def next_gap(degree: int, gap: Array) -> Array:
    """Log gap of the image of the minimax stage: ln(2E/(1 − E)).

    Parameters
    ----------
    degree : int
        Odd degree d >= 1.
    gap : ndarray, shape (batch,)
        Log gaps of the input intervals.

    Returns
    -------
    ndarray, shape (batch,)

    Examples
    --------
    >>> import numpy as np
    >>> float(error_of(next_gap(3, np.array([log_gap(0.5)]))[0]).round(6))
    0.085955
    """
    gap = np.asarray(gap, dtype=np.float64)
    if degree == 1:
        return gap
    rho = critical_points(degree, gap)
    n = rho.shape[1]
    low, width = np.exp(-np.logaddexp(0, gap)), np.exp(-np.logaddexp(0, -gap))
    swings = _integrals(rho, low, width)[0].mean(axis=1)
    nodes, weights = _gauss(n + 1)
    s = low[:, None] * nodes
    r = low[:, None] + width[:, None] * rho
    below = low[:, None, None] * (1 - nodes)[None, :, None] + (width[:, None] * rho)[:, None, :]
    logs = (np.log(below) + np.log(s[:, :, None] + r[:, None, :])).sum(axis=2)
    top = logs.max(axis=1)
    head = np.log((np.exp(logs - top[:, None]) * weights).sum(axis=1)) + top
    # swing = 2E·C, head = (1 − E)·C; ln width and ln low in forms that keep the tiny ones exact
    return cast("Array", swings - head - (n + 1) * np.logaddexp(0, -gap) + np.logaddexp(0, gap))


def check_degree(degree: int) -> None:
    """Raise ArgumentError unless the degree is a positive odd integer."""
    if not is_whole(degree) or degree < 1 or degree % 2 == 0:
        raise ArgumentError(f"degree is {degree!r}: a stage needs a positive odd integer")
