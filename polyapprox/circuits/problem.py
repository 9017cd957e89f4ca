# SPDX-License-Identifier: Apache-2.0
"""What a circuit is fitted to: a function on an interval, and the part of it that costs nothing.

A function whose odd part is a line (GELU, SiLU, softplus: x/2) needs an even chain only, one whose
even part is constant (sigmoid: 1/2) an odd chain; line and constant are added at the end. Every
other function gets a general chain in u = (2x − a − b)/(b − a).

=========  =====================================  ===============================
family     f(x) is approximated by                interval
=========  =====================================  ===============================
"even"     chain(x / W) + slope · x               [-W, W]
"odd"      x / W · chain(x / W) + offset          [-W, W]; the sign: [τ, 1] and its image
"general"  chain(u)                               [a, b]
=========  =====================================  ===============================
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..errors import ArgumentError
from ..targets import ARCCOSINE, Target, as_target, check_domain
from .chain import Grid
from .shape import Family

_LEAST, _MOST = 32, 128  # points: density times 2^nodes, between these
_WIDE = 2.0**10  # ratio of ends from which on points are spaced evenly in log x too
_SAMPLES = 257
_SAME = 4e-15
_FINEST = 2.0**30


@dataclass(frozen=True)
class Problem:
    """A function on an interval, and how a chain is to reach it.

    Attributes
    ----------
    function : str
        Expression, or "sign".
    interval : (float, float)
        [τ, 1] for the sign.
    family : {"even", "odd", "general"}
    slope, offset : float
        Of the line, and of the constant, that are added.
    weight : str
        Expression of the weight of the error ("1": absolute).
    """

    function: str
    interval: tuple[float, float]
    family: Family
    slope: float = 0.0
    offset: float = 0.0
    weight: str = "1"

    @cached_property
    def target(self) -> Target:
        """The function."""
        return as_target(self.function)

    @property
    def name(self) -> str:
        """Function, interval and weight, for records."""
        weighted = "" if self.weight == "1" else f" with weight {self.weight}"
        return f"{self.function} on {list(self.interval)!r}{weighted}"

    def nodes(self, multiplications: int) -> int:
        """Nodes of the chain of so many multiplications."""
        return multiplications + {"even": 0, "odd": -1, "general": 1}[self.family]

    def narrower(self, ratio: float) -> Problem:
        """The same on an interval that is so many times narrower.

        One on one side of 0 keeps its far end, and its ends come nearer to each other by that ratio
        (as far as a factor of 2); any other is divided by it (as far as a half-width of 1).

        Examples
        --------
        >>> problem_for("tanh", (-40.0, 40.0)).narrower(4).interval
        (-10.0, 10.0)
        >>> problem_for("1/x", (2**-8, 1.0)).narrower(4).interval
        (0.015625, 1.0)
        """
        low, high = self.interval
        if low > 0:
            ends = min(low * ratio, high / 2), high
        elif high < 0:
            ends = low, max(high * ratio, low / 2)
        else:
            share = min(ratio, max(1.0, -low, high))
            ends = low / share, high / share
        return replace(self, interval=ends)

    def grid(self, nodes: int, density: int) -> Grid:
        """Points where the extrema are resolved, cosine-spaced."""
        most = 1 << (nodes - 1) if self.function == "sign" else min(1 << nodes, _MOST)
        return self.points(density * max(_LEAST, most))

    def points(self, count: int) -> Grid:
        """The same with a given number of intervals."""
        angles = np.arange(count + 1) * (np.pi / (2 * count))
        low, high = self.interval
        if self.function == "sign":
            x = low + (high - low) * np.sin(angles) ** 2
            return Grid(2 * x * x - 1, np.ones_like(x), x)
        if self.family == "general":
            u = np.sin(2 * angles - np.pi / 2)
            x = (low + high) / 2 + (high - low) / 2 * u
            if self.function == ARCCOSINE and self.interval == (0.0, 1.0) and self.weight == "1":
                return Grid(u, arccosine(np.cos(angles)))  # x has too few digits near 1
            if low > 0 and high > _WIDE * low:
                x = np.unique(np.concatenate([x, np.geomspace(low, high, count // 2)[1:-1]]))
                u = (2 * x - (low + high)) / (high - low)
            return self._weighted(x, Grid(u, self.target.numpy(x)))
        u = np.sin(angles)
        value = self.target.numpy(high * u) - self.slope * (high * u) - self.offset
        factor = u if self.family == "odd" else None
        return self._weighted(high * u, Grid(2 * u * u - 1, value, factor))

    def _weighted(self, x: np.ndarray, grid: Grid) -> Grid:
        """Value and target times the weight: what is fitted is then the weighted error."""
        if self.weight == "1":
            return grid
        with np.errstate(divide="ignore"):
            weight = as_target(self.weight).numpy(x)
        kept = np.flatnonzero(np.isfinite(weight))  # not at a zero of f under its relative error
        weight, grid = weight[kept], grid.take(kept)
        factor = weight if grid.factor is None else weight * grid.factor
        return Grid(grid.first, weight * grid.target, factor)


def problem_for(function: str, interval: tuple[float, float], weight: str = "1") -> Problem:
    """The cheapest family for a function, judged by its values.

    Parameters
    ----------
    function : str
        An expression in x; "sign" (the interval is then [τ, 1]).
    interval : (float, float)
    weight : str
        Of the error; even and odd chains are fitted on one side, so they need an even one.

    Raises
    ------
    ArgumentError
        If the function is not smooth there.
    DomainError
        If it has a pole there.

    Examples
    --------
    >>> found = problem_for("gelu", (-8.0, 8.0))
    >>> found.family, found.slope
    ('even', 0.5)
    >>> found = problem_for("sigmoid", (-8.0, 8.0))
    >>> found.family, found.offset
    ('odd', 0.5)
    >>> problem_for("exp", (-8.0, 0.0)).family
    'general'
    """
    low, high = interval
    if function == "sign":
        if not 0 < low < high == 1:
            raise ArgumentError(f"the sign needs an interval (τ, 1) with 0 < τ < 1; got {interval}")
        return Problem("sign", interval, "odd")
    target = as_target(function)
    check_domain(target, [interval])
    if any(low < cut < high for cut in target.breakpoints) and target.tree != as_target("abs").tree:
        raise ArgumentError(
            f"the function {function!r} is not smooth on [{low!r}, {high!r}]: circuits are "
            "searched for abs, the sign and smooth functions"
        )
    if low == -high and (weight == "1" or as_target(weight).parity(((0.0, high),)) == "even"):
        x = high * np.linspace(0, 1, _SAMPLES)
        right, left = target.numpy(x), target.numpy(-x)
        slack = _SAME * float(np.max(np.abs([right, left])))
        slope = _neat(float((right[-1] - left[-1]) / (2 * high)))
        if np.max(np.abs(right - left - 2 * slope * x)) <= 2 * slack:
            return Problem(function, interval, "even", slope=slope, weight=weight)
        offset = _neat(float(target.numpy(np.zeros(1))[0]))
        if np.max(np.abs(right + left - 2 * offset)) <= 2 * slack:
            return Problem(function, interval, "odd", offset=offset, weight=weight)
    return Problem(function, interval, "general", weight=weight)


def arccosine(sine: np.ndarray) -> np.ndarray:
    """(2/π) acos(1 − s²), to all digits near s = 0 too: what |x| is of c = cos(πx/2) = 1 − s².

    Examples
    --------
    >>> arccosine(np.array([0.0, 1.0])).tolist()
    [0.0, 1.0]
    """
    return np.asarray(2 / np.pi * np.arctan2(sine * np.sqrt(2 - sine * sine), 1 - sine * sine))


def _neat(value: float) -> float:
    """The number with 30 bits behind the point, where rounding alone tells them apart."""
    near = round(value * _FINEST) / _FINEST
    return near if abs(near - value) <= _SAME else value
