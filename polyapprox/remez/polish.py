# SPDX-License-Identifier: Apache-2.0
"""The levelled problem in ball arithmetic: to any precision, and the coefficients at the end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from flint import arb, arb_poly

from ..numbers import exact, log2
from ..precision import working_precision
from .problem import Array, Problem


@dataclass(frozen=True)
class BallTrial:
    """The levelled polynomial on a reference, in ball arithmetic.

    Attributes
    ----------
    nodes : ndarray, shape (N + 2,)
    q : arb_poly
        In the variable of :meth:`Problem.variable`.
    level : arb
        Levelled error, signed.
    precision : int
        Working precision in bits.
    """

    problem: Problem
    nodes: Array
    q: arb_poly
    level: arb
    precision: int

    noise = 0.0

    @classmethod
    def on(cls, problem: Problem, nodes: Array, precision: int) -> BallTrial:
        """Solve the levelled problem with a given precision."""
        with working_precision(precision):
            t, function, weight = problem.sample_balls([arb(float(v)) for v in nodes])
            s = problem.variable(t)
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
        return cls(problem, nodes, q, level, precision)

    @property
    def vanishes(self) -> bool:
        """Whether the level cannot be told from zero."""
        return bool(self.level.contains(0))

    @property
    def size(self) -> float:
        """The level in the unit of :meth:`error`: 1, or 0 where it vanishes."""
        return 0.0 if self.vanishes else 1.0

    @property
    def magnitude(self) -> float:
        """log2 of the levelled error."""
        return -np.inf if self.vanishes else log2(exact(abs(self.level.mid())))

    @property
    def unit(self) -> float:
        """log2 of the unit of :meth:`error`."""
        return self.magnitude

    @property
    def sign(self) -> float:
        """Sign of the error at the first node."""
        return -1.0 if self.level < 0 else 1.0

    def accuracy(self) -> float:
        """Radius of the polynomial's values over |level|: how well the precision carried it.

        An infinite accuracy says that the level cannot be told from zero.
        """
        largest = self.largest_weight
        if self.vanishes or not largest.is_finite():
            return np.inf
        with working_precision(64):
            radius = sum((self.q[k].rad() for k in range(len(self.nodes) - 1)), arb(0))
            radius = radius * largest + self.level.rad()
            return float((radius / abs(self.level.mid())).mid())

    @cached_property
    def largest_weight(self) -> arb:
        """The largest weight at the nodes; infinite where the precision does not tell it."""
        weight, largest = self.problem.weight, arb(0)
        if weight is None:
            return arb(1)
        x = self.nodes * self.nodes if self.problem.reduction == "sqrt" else self.nodes
        with working_precision(self.precision):
            for v in x:
                size = abs(weight.ball(arb(float(v))))
                if not size.is_finite():
                    return arb("inf")
                largest = largest.max(size.mid())
        return largest if largest > 0 else arb(1)

    def error(self, z: Array) -> Array:
        """Weighted error over |level| at z, as float64, shape (len(z),); 0 where it vanishes."""
        if self.vanishes:
            return np.zeros(len(z))
        with working_precision(self.precision):
            t, function, weight = self.problem.sample_balls([arb(float(v)) for v in z])
            values = self.q.evaluate(self.problem.variable(t), "iter")
            size = abs(self.level)
            return np.array(
                [
                    float(((f - v) * w / size).mid())
                    for f, v, w in zip(function, values, weight, strict=True)
                ]
            )

    def largest_absolute(self, z: Array) -> arb:
        """Largest |W (F − q)| at z, not divided by the level."""
        with working_precision(self.precision):
            t, function, weight = self.problem.sample_balls([arb(float(v)) for v in z])
            values = self.q.evaluate(self.problem.variable(t), "iter")
            largest = arb(0)
            for f, v, w in zip(function, values, weight, strict=True):
                largest = largest.max(abs((f - v) * w).mid())
            return largest


def solve_levelled(
    problem: Problem, nodes: Array, bits: int, precision: int | None = None
) -> BallTrial:
    """The levelled polynomial, its values good to 2^-bits of the level.

    Parameters
    ----------
    precision : int, optional
        Working precision to start with. It grows until it does; a level that still cannot be told
        from zero after five doublings is given back as it is.
    """
    precision = precision or bits + 4 * problem.x_degree + 40
    for attempt in range(8):
        trial = BallTrial.on(problem, nodes, precision)
        accuracy = trial.accuracy()
        if accuracy < 2.0**-bits or (trial.vanishes and attempt == 5):
            break
        missing = precision if not 0 < accuracy < 1e300 else bits + int(np.log2(accuracy)) + 30
        precision += max(64, missing)
    return trial
