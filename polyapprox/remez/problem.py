# SPDX-License-Identifier: Apache-2.0
"""The reduced problem: weighted minimax by one plain polynomial q of degree N in t.

Parity and square-root singularities are removed by a change of variable, so that the solver
knows only one problem, min over q of max over z of W(z) · |F(z) − q(t(z))|:

==========================  =======  ==================  ==============
wanted                      t        F                   W
==========================  =======  ==================  ==============
no parity                   z        f(z)                w(z)
even p(x) = q(x²)           z²       f(z)                w(z)
odd p(x) = x q(x²)          z²       f(z) / z            w(z) · z
sqrt singularity, x = z²    z²       f(z²)               w(z²)
==========================  =======  ==================  ==============
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, cast

import mpmath
import numpy as np
from flint import arb

from ..numbers import ZERO, ball, exact
from ..polynomial import Parity, Polynomial
from ..precision import working_precision
from ..targets import Target

Reduction = Literal["plain", "even", "odd", "sqrt"]
Array = np.ndarray


@dataclass(frozen=True)
class Goal:
    """What a best polynomial is sought for.

    Attributes
    ----------
    target, weight : Target
        f and w (None for 1).
    domain : tuple of (float, float)
        Disjoint intervals, ascending.
    parity : {"even", "odd"} or None
        Of the polynomial; `target` must have it too, or the domain lie on one side of 0.
    """

    target: Target
    domain: tuple[tuple[float, float], ...]
    weight: Target | None = None
    parity: Parity | None = None


@dataclass(frozen=True)
class Problem:
    """A reduced minimax problem on a union of z-intervals.

    Attributes
    ----------
    reduction : {"plain", "even", "odd", "sqrt"}
    degree : int
        Degree N of q in t; a reference has N + 2 points.
    intervals : tuple of (float, float)
        Disjoint, ascending, in z.
    breakpoints : tuple of float
        Points of z where f is not smooth, inside the intervals.
    target, weight : Target
        f and w as functions of x.
    hull : (float, float)
        Interval of x that the Chebyshev coefficients refer to.
    """

    reduction: Reduction
    degree: int
    intervals: tuple[tuple[float, float], ...]
    breakpoints: tuple[float, ...]
    target: Target
    weight: Target | None
    hull: tuple[float, float]

    def difference(self, z: Array, nodes: Array) -> Array:
        """t(z) − t(nodes) without cancellation, shape (len(z), len(nodes))."""
        plain = z[:, None] - nodes[None, :]
        return cast("Array", plain if self.reduction == "plain" else plain * (z[:, None] + nodes[None, :]))

    def t(self, z: Array) -> Array:
        """The variable of q."""
        return z if self.reduction == "plain" else z * z

    def sample(self, z: Array) -> tuple[Array, Array]:
        """F and W at z (float64 arrays)."""
        x = z * z if self.reduction == "sqrt" else z
        value = self.target.numpy(x)
        if self.weight is None:
            weight = np.ones_like(x)
        else:
            weight = 1 / np.abs(value) if self.is_relative else self.weight.numpy(x)
        if self.reduction == "odd":
            return value / z, weight * z
        return value, weight

    @cached_property
    def unit_map(self) -> tuple[mpmath.mpf, mpmath.mpf]:
        """Slope and shift that take x to u in [-1, 1], the exact numbers of :class:`Polynomial`."""
        low, high = self.hull
        return Polynomial((ZERO,), (exact(low), exact(high))).unit_map

    @property
    def provable(self) -> bool:
        """Whether balls can evaluate the problem to any precision."""
        return self.target.provable and (self.weight is None or self.weight.provable)

    @cached_property
    def float_noise(self) -> float:
        """Largest error that float64 makes in W F, at nine points; 0 for a black box."""
        if not self.provable:
            return 0.0
        z = np.concatenate([np.linspace(a, b, 9) for a, b in self.intervals])
        z = z[:: max(1, len(self.intervals))]
        values, weights = self.sample(z)
        with working_precision(128):
            _, exact_values, exact_weights = self.sample_balls([arb(float(v)) for v in z])
            sizes = [abs(float(w.mid())) for w in exact_weights]
            gaps = [
                abs(float((u - float(v)).mid())) if np.isfinite(v) else np.inf
                for u, v in zip(exact_values, values, strict=True)
            ]
        return float(np.max(np.array(gaps) * np.fmax(np.abs(weights), sizes)))

    def variable(self, t: list[arb]) -> list[arb]:
        """The variable of the ball polynomial: u for plain powers, u² under a parity."""
        slope, shift = (ball(number) for number in self.unit_map)
        if self.reduction in ("even", "odd"):
            slope = slope * slope
        if slope == 1 and shift == 0:
            return t
        return [slope * v + shift for v in t]

    @cached_property
    def is_relative(self) -> bool:
        """Whether the weight is 1/|f|, which costs no value of its own."""
        return self.weight is not None and self.weight.is_reciprocal_of(self.target)

    @property
    def x_degree(self) -> int:
        """Degree in x of the polynomial that q stands for."""
        if self.reduction in ("plain", "sqrt"):
            return self.degree
        return 2 * self.degree + (self.reduction == "odd")

    def sample_balls(self, z: list[arb]) -> tuple[list[arb], list[arb], list[arb]]:
        """t, F and W at z, as balls."""
        x = [v * v for v in z] if self.reduction == "sqrt" else z
        t = z if self.reduction == "plain" else [v * v for v in z]
        evaluate = self._value_ball(self.target)
        value = [evaluate(v) for v in x]
        one = arb(1)
        weight = [one] * len(x)
        if self.weight is not None:
            of_weight = self._value_ball(self.weight)
            weight = [1 / abs(v) for v in value] if self.is_relative else [of_weight(v) for v in x]
        if self.reduction == "odd":
            value = [v / u for v, u in zip(value, z, strict=True)]
            weight = [w * u for w, u in zip(weight, z, strict=True)]
        return t, value, weight

    @staticmethod
    def _value_ball(target: Target) -> Callable[[arb], arb]:
        if target.provable:
            return target.ball
        return lambda x: arb(float(target.numpy(np.array([float(x.mid())]))[0]))
