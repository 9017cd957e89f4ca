# SPDX-License-Identifier: Apache-2.0
"""Normalise and square: how many levels each inverse takes, and what its scale is.

A step divides a vector by its sum, roughly, and squares it; the last one divides precisely. Which numbers
of levels take the fewest of all is found by going through the steps and keeping, for each number of levels
used, the narrowest range that the sums can have then: nothing else of a step matters to those that follow.

The first sum may be a rough one, known a level before the vector is. No step of a closed form can wait for the
vector then: in its place stands the minimax polynomial of degree 2^L − 3, the highest that takes L levels with the
product by a vector that comes a level late.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache

import mpmath
import numpy as np
from flint import arb

from ..approximation import Approximation
from ..errors import ProofError
from ..numbers import ball, exact
from ..outward import above, below
from ..plan.iteration import unscaled
from ..plan.plan import Plan
from ..plan.series import series_cost
from ..precision import working_precision
from ..proof.covered import widened
from ..recipes.guard import DEFAULT_GUARD
from ..recipes.minimax import minimax
from ..recipes.reciprocal import MOST_LEVELS, closed_form, reciprocal
from ..targets import as_target

_BITS = 160
_ROOM = 2.0**-30  # relative: intervals are wider than the sums
_SPARE = 1 + 2.0**-16  # an inverse's proven error over its forecast, at most
_SPARE_LATE = 1 + 2.0**-8  # the same for a minimax polynomial
_ROUGHEST = 0.95  # relative error of an inverse
_LAST = 0.9  # of the error wanted: the last inverse's, at most
_GRID = 256  # relative errors for which curves are made
_LONGEST = 8  # levels of a minimax polynomial

Ends = tuple[float, float]
Curve = tuple[float, float]


@dataclass(frozen=True)
class Step:
    """An inverse, and how the vector is squared after it.

    Attributes
    ----------
    levels : int
    curve : (float, float) or None
        c and d of p² ((u − c)² + d); None: p² alone, or nothing.
    squared : bool
        Whether anything is squared after it.
    blur : float or None
        Of a rough sum: what it may be off, relative to itself. None: the sum is that of the vector.
    """

    levels: int
    curve: Curve | None = None
    squared: bool = True
    blur: float | None = None

    @property
    def power(self) -> int:
        """What becomes of the vector's scale."""
        return 1 if not self.squared else 2 if self.curve is None else 4

    @property
    def degree(self) -> int:
        """Of the inverse times x."""
        return (1 << self.levels) - (0 if self.blur is None else 2)

    def reach(self, error: float) -> Ends:
        """c and e: with an inverse that errs by `error` the sum of what is divided lies within c (1 ± e)."""
        return (1.0, error) if self.blur is None else blurred(error, self.blur)


@dataclass(frozen=True)
class Design:
    """Steps, and what all of them take.

    Attributes
    ----------
    steps : tuple of Step
    levels, multiplications : int
    error : float
        Relative, of the last inverse: a forecast.
    """

    steps: tuple[Step, ...]
    levels: int
    multiplications: int
    error: float


@dataclass(frozen=True)
class Inverse:
    """1/x on the range of a sum, and its scales.

    Attributes
    ----------
    approximation : Approximation
        Of 1/x for x = μ times the sum.
    plan : Plan
        The same for an argument that is scaled already.
    held, left : mpmath.mpf
        What the vector is held times before, and after.
    step : Step
    """

    approximation: Approximation
    plan: Plan
    held: mpmath.mpf
    left: mpmath.mpf
    step: Step


def designed(n: int, first: Ends, squarings: int, wanted: float, blur: float | None = None) -> Design | None:
    """The steps of the fewest levels, by forecast, for n numbers whose sum lies in `first`.

    With `blur` that sum is a rough one, and levels count from it.

    Examples
    --------
    >>> found = designed(128, (2**-11, 1), 1, 1e-3)
    >>> [step.levels for step in found.steps], found.levels
    ([4, 7], 13)
    """
    states: dict[int, tuple[float, tuple[Step, ...]]] = {0: (first[1] / first[0], ())}
    if blur is not None:
        states = _after(n, states, squarings > 0, blur)
    for _ in range(squarings - (blur is not None)):
        states = _after(n, states)
    found = []
    for used, (ratio, steps) in states.items():
        errors = [(one, _error(ratio, 1 << one)) for one in range(2, MOST_LEVELS + 1)]
        last = next(((one, error) for one, error in errors if error <= wanted * _LAST), None)
        if last is not None:
            all_steps = (*steps, Step(last[0], squared=False))
            found.append(Design(all_steps, used + last[0], _products(all_steps), last[1]))
    return min(found, key=lambda one: (one.levels, one.multiplications), default=None)


def _after(
    n: int, states: dict[int, tuple[float, tuple[Step, ...]]], squared: bool = True, blur: float | None = None
) -> dict[int, tuple[float, tuple[Step, ...]]]:
    """By levels used, the least ratio of the ends of the sums after one more step."""
    found: dict[int, tuple[float, tuple[Step, ...]]] = {}
    for used, (ratio, steps) in states.items():
        for levels in range(2, (MOST_LEVELS if blur is None else _LONGEST) + 1):
            plain = Step(levels, None, squared, blur)
            _, error = plain.reach(_error(ratio, plain.degree))
            if error > _ROUGHEST:
                continue
            for curve in (None, curve_for(error)) if squared else (None,):
                step = replace(plain, curve=curve)
                low, high = _sums(n, step, error)
                now, more = high / low, used + levels + step.power // 2
                if more not in found or now < found[more][0]:
                    found[more] = now, (*steps, step)
            if error < 0.5 / _GRID:
                break
    return found


def _sums(n: int, step: Step, error: float) -> Ends:
    """Within which the next sum lies, where the one of what is divided lies within 1 ± error."""
    if not step.squared:
        return 1 - error, 1 + error
    low, high = squared_range(error, step.curve)
    return low / n, high


def blurred(error: float, blur: float) -> Ends:
    """c and e: (1 ± error) times anything within 1 ± blur lies within c (1 ± e).

    Examples
    --------
    >>> c, e = blurred(0.5, 0.1)
    >>> c * (1 - e) <= 0.5 * 0.9, c * (1 + e) >= 1.5 * 1.1
    (True, True)
    """
    low, high = (1 - error) * (1 - blur) * (1 - _ROOM), (1 + error) * (1 + blur) * (1 + _ROOM)
    return (low + high) / 2, (high - low) / (high + low)


def _products(steps: tuple[Step, ...]) -> int:
    each = sum(2 * step.levels - 1 if step.blur is None else series_cost(step.degree - 1)[0] + step.levels for step in steps)
    return each + sum((0, 1, 1, 1, 3)[step.power] for step in steps if step.squared)


def _error(ratio: float, n: int) -> float:
    """Of a polynomial of degree n − 1 for 1/x, where the ends of x are in that ratio: 1/T_n."""
    beyond = 2 / (ratio - 1)  # (b + a)/(b − a) − 1
    grown = n * math.log1p(beyond + math.sqrt(beyond * (beyond + 2)))
    return 1 / math.cosh(grown) if grown < 700 else 0.0


def curve_for(error: float) -> Curve:
    """c and d for which u² ((u − c)² + d) varies least over 1 ± error."""
    return _curve(min(math.ceil(error * _GRID), _GRID - 1))


@cache
def _curve(number: int) -> Curve:
    u = np.linspace(1 - number / _GRID, 1 + number / _GRID, 129)
    middle, reach = np.array([1.5, 0.5]), np.array([1.0, 0.5])
    for _ in range(12):
        c = (middle[0] + reach[0] * np.linspace(-1, 1, 21))[:, None, None]
        d = np.maximum(middle[1] + reach[1] * np.linspace(-1, 1, 21), 0.0)[None, :, None]
        values = u * u * ((u - c) ** 2 + d)
        spread = values.max(-1) / np.maximum(values.min(-1), 1e-300)
        best = np.unravel_index(np.argmin(spread), spread.shape)
        middle = np.array([c[best[0], 0, 0], d[0, best[1], 0]])
        reach = reach * 0.4
    return float(middle[0]), float(middle[1])


def squared_range(error: float, curve: Curve | None) -> Ends:
    """Least and largest of u², or of u² ((u − c)² + d), over 1 ± error: rounded outward.

    Examples
    --------
    >>> low, high = squared_range(0.5, None)
    >>> low <= 0.25, high >= 2.25
    (True, True)
    >>> low, high = squared_range(0.5, curve_for(0.5))
    >>> 1.3 < high / low < 3
    True
    """
    with working_precision(_BITS):
        ends = [1 - ball(exact(error)), 1 + ball(exact(error))]
        if curve is None:
            values = [end * end for end in ends]
        else:
            c, d = (ball(exact(one)) for one in curve)
            values = [u * u * ((u - c) ** 2 + d) for u in [*ends, *_turning(c, d, ends)]]
        return below(exact(min(one.lower() for one in values))), above(exact(max(one.upper() for one in values)))


def _turning(c: arb, d: arb, ends: list[arb]) -> list[arb]:
    """Where u² ((u − c)² + d) turns, within the ends or perhaps: 2u² − 3cu + c² + d = 0."""
    root = c * c - 8 * d
    if root < 0:
        return []
    root = arb(0).union(root).sqrt() if not root > 0 else root.sqrt()
    return [u for u in ((3 * c - root) / 4, (3 * c + root) / 4) if not (u < ends[0] or u > ends[1])]


def inverses(steps: tuple[Step, ...], n: int, first: Ends, signed: float) -> list[Inverse]:
    """The inverses of the steps, each proven on the range of its sum; the last leaves the scale 1.

    Parameters
    ----------
    steps : tuple of Step
    n : int
    first : (float, float)
        Within which the first sum lies.
    signed : float
        By what factor Σ |y| is above Σ y in the first step, at most.

    Raises
    ------
    ProofError
        If an inverse's proven error is above its forecast.
    """
    forecasts: list[tuple[Ends, float]] = []
    found: list[Inverse] = []
    wanted, ends = exact(1), first
    for number, step in enumerate(steps):
        ends = ends[0] * (1 - _ROOM), ends[1] * (1 + _ROOM)
        low, high = (float(end) for end in _covered(ends))
        error = _error(high / low, step.degree) * (_SPARE if step.blur is None else _SPARE_LATE)
        forecasts.append((ends, error))
        low, high = _sums(n, step, step.reach(error)[1])
        ends = low * (1 - _ROOM), high * (1 + _ROOM) * (signed**2 if number == 0 else 1.0)
    for step, (ends, error) in zip(reversed(steps), reversed(forecasts), strict=True):
        wanted = wanted if not found else _root(found[-1].held, step.power)
        one = _inverse(step, ends, wanted) if step.blur is None else _late(step, ends, wanted, error)
        if one.approximation.error_bound > error or (found and not _fits(one, found[-1])):
            raise ProofError(f"1/x on {ends} is proven to {one.approximation.error_bound:.6g}, not to {error:.6g}")
        found.append(one)
    return found[::-1]


def _covered(ends: Ends) -> tuple[mpmath.mpf, mpmath.mpf]:
    """What 1/x on an interval is proven for."""
    return widened(((exact(ends[0]), exact(ends[1])),), exact(DEFAULT_GUARD), as_target("1/x"))[0]


def _fits(before: Inverse, after: Inverse) -> bool:
    """Whether what follows the division leaves the scale that the next inverse's range has room for."""
    with working_precision(_BITS):
        share = ball(before.left) ** before.step.power / ball(after.held)
        return bool(abs(share - 1) < _ROOM / 2)


def _root(held: mpmath.mpf, power: int) -> mpmath.mpf:
    """The scale of which `held` is that power."""
    with working_precision(_BITS):
        return exact((ball(held) ** (arb(1) / power)).mid())


def _inverse(step: Step, ends: Ends, wanted: mpmath.mpf) -> Inverse:
    """1/x for x = μ · sum, μ such that the vector is left with the scale that is wanted, nearly.

    The plan for a scaled argument multiplies by K/μ^(N/(N − 1)), N = 2^levels, what it is scaled by.
    """
    for_one = closed_form(ends, step.levels, exact(DEFAULT_GUARD), "", relative=True)
    scale = float(unscaled(for_one.plan)[1] / wanted) ** (1 - 2.0**-step.levels)
    made = reciprocal(interval=(ends[0] * scale, ends[1] * scale), levels=step.levels)
    plan, left = unscaled(made.plan)
    with working_precision(_BITS):
        held = exact((ball(left) * ball(exact(scale))).mid())
    return Inverse(made, plan, held, left, step)


def _late(step: Step, ends: Ends, wanted: mpmath.mpf, error: float) -> Inverse:
    """a/x on the sum's own range, a such that the vector is left with the scale that is wanted, nearly.

    The vector is held times what the polynomial's argument is scaled by, as the sum is.
    """
    centre, _ = step.reach(error)
    size = float(wanted) * (ends[1] - ends[0]) / (2 * centre)
    made = minimax(f"{size!r}/x", step.degree - 1, interval=ends, relative=True)
    plan, held = unscaled(made.plan)
    with working_precision(_BITS):
        left = exact((ball(held) * ball(exact(size)) * ball(exact(centre))).mid())
    return Inverse(made, plan, held, left, step)
