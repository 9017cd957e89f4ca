# SPDX-License-Identifier: Apache-2.0
"""Powers by a step of Newton's iteration behind an approximation, exp by squarings behind one.

With y = c x^(−1/q) (1 + e), |e| <= E, one step gives the relative error

    q = 1:  (1 + e) (a − b (1 + e)) − 1,       least for b = 2/(2 − E²), a = 2b:   E²/(2 − E²)
    q = 2:  (1 + e) (a − b (1 + e)²) − 1,      a = b (3 + E²), levelled as well:   about 3E²/4

so the bits double for two or three products and two levels. exp(x) = p(x)^N with N = 2^k takes k of
both. For an absolute error E, p may err by about E / (N exp(x (1 − 1/N))) where exp(x) is large and by
E^(1/N) where it is small: the sum of the inverses is the weight of its error, and 0.6 is enough.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np

from ..approximation import Approximation
from ..numbers import exact
from ..plan.builder import PlanBuilder
from ..plan.iteration import appended, newton_plan, squared_plan
from ..scaling import homogeneity
from ..targets import Target

ENOUGH = 0.6  # of 1, the weighted error of what is squared
_EXP = ("exp", "exp(x)")
_SAFETY = 0.995  # of the error that the first approximation may have
_SQUARINGS = 12
_POINTS = 4001


def root_of(target: Target, relative: bool) -> int | None:
    """q where a step is known for the relative error against c x^(−1/q) with c = 1."""
    power = None if target.tree is None or not relative else homogeneity(target.tree)
    if power not in (Fraction(-1), Fraction(-1, 2)) or float(target.mpmath(1)) != 1.0:
        return None
    return power.denominator if power is not None else None


def reached(root: int, error: float) -> float:
    """The relative error behind a step, from that before it."""
    e = error * error
    if root == 1:
        return e / (2 - e)
    top, end = (1 + e / 3) ** 1.5, 1 - e
    return float((top - end) / (top + end))


def needed(root: int, wanted: float) -> float:
    """The relative error before a step, for the one wanted behind it."""
    low, high = 0.0, 0.999
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if reached(root, middle) <= wanted else (low, middle)
    return low * _SAFETY


def stepped(first: Approximation, root: int) -> tuple[Approximation, float]:
    """The approximation with a step behind it, not yet proven, and the error forecast."""
    error = first.error_bound
    e = error * error
    if root == 1:
        b = 2 / (2 - e)
        a = 2 * b
    else:
        b = 1 / ((1 - e) + (1 + e / 3) ** 1.5)
        a = b * (3 + e)
    builder = PlanBuilder()
    _, _, scaled = appended(builder, first.plan, builder.arguments[0])
    second = b if scaled is None else b / float(scaled)
    plan = newton_plan(first.plan, root, exact(a), exact(second))
    estimate = reached(root, error)
    made = replace(
        first, structure="circuit", components=(), plan=plan, error_estimate=estimate, certificate=None
    )
    return made, estimate


def squarings(target: Target, low: float, high: float) -> range:
    """For exp: how often something may be squared; nothing for other functions."""
    if target.name not in _EXP:
        return range(0)
    return range(1, min(_SQUARINGS, max(1, math.ceil(math.log2(max(high - low, 1.0))) + 2)) + 1)


def inner_weight(times: int, wanted: float | None) -> str:
    """Weight of the error of p, whose N-th power errs by `wanted` (relatively where that is None)."""
    n = 1 << times
    if wanted is None:
        return f"exp(-x/{n})"
    return f"{n / wanted!r}*exp(x*{n - 1}/{n}) + {wanted ** (-1 / n)!r}"


def squared(
    first: Approximation, times: int, function: str, weight: str
) -> Approximation:
    """exp from exp(x/2^k), not yet proven, with its sampled error."""
    plan = squared_plan(first.plan, times)
    low, high = (float(end) for end in first.interval)
    x = low + (high - low) * np.sin(np.linspace(0, np.pi / 2, _POINTS)) ** 2
    error = plan.run(x) - np.exp(x)
    estimate = float(np.max(np.abs(error if weight == "1" else error / np.exp(x))))
    return replace(
        first, function=function, weight=weight, structure="circuit", components=(), plan=plan,
        error_estimate=estimate, certificate=None,
    )  # fmt: skip
