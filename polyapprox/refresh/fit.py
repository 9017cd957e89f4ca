# SPDX-License-Identifier: Apache-2.0
"""The best trigonometric polynomial with bounded coefficients: linear programs, point by point.

On part of a period the functions cos(jθ), sin(jθ) are nearly dependent: the best polynomial of
degree n has coefficients that grow like 5.8^n, useless under noise. With |a_j|, |b_j| <= L the best one
is the solution of a linear program over the points of the interval; a few points decide it, and
they are taken in until no other is missed (exchange, as Remez's). Each program is solved for the
change from the one before, in units of its error, so that the solver's tolerance does not matter.

Huybrechs, On the Fourier extension of nonperiodic functions, SIAM J. Numer. Anal. 47 (2010), 4326,
doi:10.1137/090752456.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from ..errors import NotConvergedError

Part = tuple[float, float]
_DENSITY = 48  # points of a part to each degree, twice: evenly and cosine-spaced
_ENOUGH = 1e-4  # of the error: what a point that was left out may add to it
_ROUNDS = 40
_FLOOR = 2.0**-29  # of the function: an error so small is not made any smaller, noise is above it
_METHODS = ("highs-ds", "highs-ipm")
_TOLERANCE = {"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9}
JOINT = 60  # from this degree on the even and the odd part are solved apart


@dataclass(frozen=True)
class Fitted:
    """Coefficients a_0 … a_n and b_0 … b_n (b_0 = 0), and the largest error on the points."""

    cosines: np.ndarray
    sines: np.ndarray
    estimate: float


def fit(
    function: Callable[[np.ndarray], np.ndarray],
    parts: Sequence[Part],
    degree: int,
    limit: float,
    special: Sequence[float] = (),
) -> Fitted:
    """The best a_0 + Σ a_j cos(jθ) + b_j sin(jθ) with no coefficient above the limit.

    Parameters
    ----------
    function : callable
        Values in float64 at angles θ.
    parts : sequence of (low, high)
        Where, in θ; within a period.
    degree : int
    limit : float
        L, absolute.
    special : sequence of float
        Angles that must be among the points: kinks.

    Returns
    -------
    Fitted
        The error is an estimate.

    Raises
    ------
    NotConvergedError
        If the solver finds nothing.

    Examples
    --------
    >>> found = fit(np.abs, [(-1.5, 1.5)], 4, 2.0, [0.0])
    >>> bool(found.estimate < 0.06), bool(np.max(np.abs(found.sines)) == 0.0)
    (True, True)
    """
    points = _points(parts, degree, special)
    values = function(points)
    even, odd = _halves(points, values)
    size = float(np.max(np.abs(values)))
    waves = points[:, None] * np.arange(degree + 1)
    cosines, sines = np.cos(waves), np.sin(waves)[:, 1:]
    one, other = np.zeros(degree + 1), np.zeros(degree)
    if odd is None or even is None or (degree < JOINT and np.any(even) and np.any(odd)):
        found = _best(np.hstack([cosines, sines]), values, limit, size)
        one, other = found[: degree + 1], found[degree + 1 :]
    else:
        right = points >= 0
        if np.any(even):
            one = _best(cosines[right], even[right], limit, size)
        if np.any(odd):
            other = _best(sines[right], odd[right], limit, size)
    error = float(np.max(np.abs(cosines @ one + sines @ other - values)))
    return Fitted(one, np.concatenate([[0.0], other]), error)


def _points(parts: Sequence[Part], degree: int, special: Sequence[float]) -> np.ndarray:
    """Points of the parts, dense towards their ends; mirrored where the parts are."""
    count = _DENSITY * (degree + 1)
    share = np.arange(count + 1) / count
    columns = [np.array(special, dtype=float)]
    for low, high in parts:
        inner = np.concatenate([share, np.sin(share * np.pi / 2) ** 2])
        columns.append(np.clip(low + (high - low) * inner, low, high))
    points = np.concatenate(columns)
    return np.unique(np.concatenate([points, -points]) if _mirrored(parts) else points)


def _mirrored(parts: Sequence[Part]) -> bool:
    return [(-high, -low) for low, high in reversed(parts)] == list(parts)


def _halves(points: np.ndarray, values: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The even and the odd part, exactly 0 where they are rounding alone; None: not symmetric."""
    if not np.array_equal(points, -points[::-1]):
        return None, None
    slack = 1e-15 * float(np.max(np.abs(values)))
    even, odd = (values + values[::-1]) / 2, (values - values[::-1]) / 2
    return tuple(
        np.zeros_like(part) if np.max(np.abs(part)) <= slack else part for part in (even, odd)
    )


def _best(rows: np.ndarray, values: np.ndarray, limit: float, size: float) -> np.ndarray:
    """The linear programs, until no point is missed."""
    unknowns = rows.shape[1]
    used = np.unique(np.linspace(0, len(values) - 1, 3 * unknowns + 8).astype(int))
    found, unit = np.zeros(unknowns), float(np.max(np.abs(values)))
    for _ in range(_ROUNDS):
        move = _program(rows[used], values[used] - rows[used] @ found, found, unit, limit)
        if move is None:
            break
        found = np.clip(found + unit * move[:-1], -limit, limit)
        error = np.abs(values - rows @ found)
        level, largest = unit * float(move[-1]), float(np.max(error))
        if largest <= level * (1 + _ENOUGH) or largest <= _FLOOR * size:
            return found
        missed = np.setdiff1d(_peaks(error, level), used)
        if not len(missed):
            return found
        used, unit = np.union1d(used, missed), largest
    if not np.any(found):
        raise NotConvergedError("no trigonometric polynomial was found by the linear programs")
    return found


def _peaks(error: np.ndarray, level: float) -> np.ndarray:
    before, after = np.append(-1.0, error[:-1]), np.append(error[1:], -1.0)
    return np.flatnonzero((error >= before) & (error >= after) & (error > level))


def _program(
    rows: np.ndarray, rest: np.ndarray, found: np.ndarray, unit: float, limit: float
) -> np.ndarray | None:
    """The change (in units) that makes the largest rest least, and that; None if none is found."""
    ones = np.ones((len(rest), 1))
    bounds = [((-limit - c) / unit, (limit - c) / unit) for c in found]
    for method in _METHODS:
        answer = linprog(
            np.append(np.zeros(len(found)), 1.0),
            A_ub=np.vstack([np.hstack([rows, -ones]), np.hstack([-rows, -ones])]),
            b_ub=np.append(rest, -rest) / unit,
            bounds=[*bounds, (0, None)],
            method=method,
            options=_TOLERANCE,
        )
        if answer.status == 0:
            return np.asarray(answer.x)
    return None
