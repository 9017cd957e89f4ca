"""The exchange in ball arithmetic: to any precision, and the coefficients at the end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from flint import arb, arb_poly

from ..precision import working_precision
from .exchange import exchange_one, thin_alternation
from .extrema import search_grid, signed_extrema
from .problem import Array, Problem


@dataclass(frozen=True)
class BallTrial:
    """The levelled polynomial on a reference, in ball arithmetic.

    Attributes
    ----------
    nodes : ndarray, shape (N + 2,)
    centre, radius : arb
        q is a polynomial in s = (t − centre) / radius.
    q : arb_poly
    level : arb
        Levelled error, signed.
    """

    problem: Problem
    nodes: Array
    centre: arb
    radius: arb
    q: arb_poly
    level: arb

    @classmethod
    def on(cls, problem: Problem, nodes: Array) -> BallTrial:
        """Solve the levelled problem, in the current working precision."""
        z = [arb(float(v)) for v in nodes]
        t, function, weight = problem.sample_balls(z)
        centre, radius = _normalisation(problem)
        s = [(v - centre) / radius for v in t]
        slopes = arb_poly.from_roots(s).derivative().evaluate(s, "iter")
        above = below = arb(0)
        for index, (slope, value, w) in enumerate(zip(slopes, function, weight, strict=True)):
            above += value / slope
            below += (1 if index % 2 == 0 else -1) / (slope * w)
        level = above / below
        levelled = [
            value - level / w if index % 2 == 0 else value + level / w
            for index, (value, w) in enumerate(zip(function, weight, strict=True))
        ]
        count = problem.degree + 1
        q = arb_poly.interpolate(s[:count], levelled[:count], "newton")
        return cls(problem, nodes, centre, radius, q, level)

    def accuracy(self) -> float:
        """Relative radius of the level: how well the working precision carried it."""
        return float(self.level.rad() / abs(self.level.mid())) if self.level.mid() != 0 else np.inf

    def relative_error(self, z: Array) -> Array:
        """Weighted error over |level| at z, as float64."""
        t, function, weight = self.problem.sample_balls([arb(float(v)) for v in z])
        size = abs(self.level)
        result = np.empty(len(z))
        for index, (v, value, w) in enumerate(zip(t, function, weight, strict=True)):
            error = w * (value - self.q((v - self.centre) / self.radius))
            result[index] = float((error / size).mid())
        return result


def _normalisation(problem: Problem) -> tuple[arb, arb]:
    low, high = problem.intervals[0][0], problem.intervals[-1][1]
    if problem.reduction == "plain":
        a, b = arb(low), arb(high)
        return (a + b) / 2, (b - a) / 2
    return arb(0), arb(high) * arb(high)


def solve_levelled(problem: Problem, nodes: Array, bits: int) -> tuple[BallTrial, int]:
    """The levelled polynomial with at least `bits` good bits; also the precision that did it."""
    precision = bits + 4 * problem.x_degree + 40
    for _ in range(6):
        with working_precision(precision):
            trial = BallTrial.on(problem, nodes)
            if trial.accuracy() < 2.0**-bits:
                return trial, precision
        precision *= 2
    return trial, precision


def exchange_in_balls(
    problem: Problem, nodes: Array, bits: int, tolerance: float, max_iterations: int = 40
) -> tuple[BallTrial, int, float, int]:
    """Continue the exchange in ball arithmetic until the relative gap is below `tolerance`.

    Returns
    -------
    trial, precision, gap, iterations
        Best trial, working precision in bits, its relative gap, iterations used.
    """
    best: tuple[BallTrial, int, float] | None = None
    for iteration in range(1, max_iterations + 1):
        trial, precision = solve_levelled(problem, nodes, bits)
        if trial.level.contains(0):
            return trial, precision, 0.0, iteration
        with working_precision(precision):
            grid = search_grid(problem, nodes)
            points, values = signed_extrema(trial.relative_error, grid, problem.intervals)
        top = int(np.argmax(np.abs(values)))
        gap = max(0.0, 1 - 1 / abs(float(values[top])))
        if best is None or gap < best[2]:
            best = (trial, precision, gap)
        if gap < tolerance:
            break
        thinned = thin_alternation(points, values, len(nodes))
        if thinned is None:
            signs = np.where(np.arange(len(nodes)) % 2, -1.0, 1.0) * float(
                np.sign(float(trial.level))
            )
            nodes = exchange_one(nodes, signs, float(points[top]), float(np.sign(values[top])))
        else:
            nodes = thinned[0]
    if best is None:
        raise ArithmeticError("the exchange made no step")
    return *best, iteration
