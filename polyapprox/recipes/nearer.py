# SPDX-License-Identifier: Apache-2.0
"""1/x on a wide range by 1/y on a narrower one: y = x g(x), 1/x = g(x) / y, for a relative error.

g has degree 16 and four multiplications: g = (q_1 (q_1 + e t² + f t + h))² + r with q_1 = (t² + a t + b)(t² + c t + d),
t = x/high. Its constants make the ratio of the largest y to the least as small as a search found: 2^9.87 where
that of x is 2^18, of which a polynomial of degree 16 makes 2^9.83 at best. An error of 1/y is one of 1/x.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..approximation import Approximation
from ..numbers import ball, exact, rounded
from ..plan.builder import PlanBuilder
from ..plan.iteration import placed, unscaled
from ..plan.plan import Plan
from ..precision import working_precision
from ..proof.covered import widened
from ..targets import as_target

WIDEST = 2.0**18
MULTIPLICATIONS, LEVELS = 6, 6  # beside those of 1/y
_BITS, _POINTS, _ROOM = 120, 20_001, 2.0**-10
_A, _B, _C, _D = -1.2734252372556536, 0.2801750190471489, -0.8747328006453708, 0.02915176794085695
_E, _F, _H = 0.1500974103652231, -0.16314371532932737, 0.02802068542213438
_R = 1.0604090744605322e-11


def range_of(interval: tuple[float, float]) -> tuple[float, float]:
    """The range of y, sampled, and a little more."""
    low, high = interval
    t = np.exp(np.linspace(np.log(low / high * (1 - _ROOM)), np.log1p(2.0**-18), _POINTS))
    y = t * _g(t)
    return float(y.min()) * (1 - _ROOM), float(y.max()) * (1 + _ROOM)


def _g(t: np.ndarray) -> np.ndarray:
    square = t * t
    first = (square + _A * t + _B) * (square + _C * t + _D)
    both: np.ndarray = first * (first + _E * square + _F * t + _H)
    return np.asarray(both * both + _R)


def nearer(inner: Approximation, interval: tuple[float, float]) -> Approximation:
    """1/x on an interval from 1/y on its :func:`range_of`: not yet proven."""
    domain = ((exact(interval[0]), exact(interval[1])),)
    return replace(
        inner, domain=domain, covered=widened(domain, inner.guard, as_target(inner.function)), structure="circuit",
        components=(), plan=_plan(inner.plan, interval[1]), error_estimate=inner.error_bound, certificate=None,
    )  # fmt: skip


def _plan(inner: Plan, high: float) -> Plan:
    """g(x) times the plan of 1/y at y = x g(x)."""
    plan, scaling = unscaled(inner)
    build = PlanBuilder()
    with working_precision(_BITS):
        share, more = rounded(exact((1 / ball(exact(high))).mid()), _BITS), rounded(scaling, _BITS)
    t = build.scale(build.arguments[0], share)
    square = build.multiply(t, t)

    def line(constant: float, slope: float, value: int) -> int:
        return build.shift(build.add(value, build.scale(t, exact(slope))), exact(constant))

    first = build.multiply(line(_B, _A, square), line(_D, _C, square))
    both = build.multiply(first, line(_H, _F, build.add(first, build.scale(square, exact(_E)))))
    g = build.shift(build.multiply(both, both), exact(_R))
    value = placed(build, plan, build.multiply(build.scale(t, more), g))[plan.output]
    return build.finish(build.multiply(build.scale(g, share), value))
