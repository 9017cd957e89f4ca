# SPDX-License-Identifier: Apache-2.0
"""Softmax: exp of a fraction of the scores, then normalise and square, the last time precisely.

With y_i = exp((s_i − b)/2^k), as good as exp is known, the steps are p = y R(Σ y) and y ← p², or

    y ← p² ((u − c)² + d),     u = Σ p,

R an approximation of 1/x. Whatever R is, p is a vector π that sums to 1, times u, which is within 1 ± ρ, ρ
the relative error of R; and the next π is this one squared and normalised, u or not. So all R but the last
only keep the sums of the next y within f/n … F, f and F the least and largest of u² or of u² ((u − c)² + d)
(Σ π² lies between 1/n and 1). The factor with c and d costs a level and makes them nearer than one more level
of R does. Each p = y R is computed with the product by y inside R: no level is spent on it.

The first R may be applied to a rough sum, of exponentials that err by e (z + y) at most, where that saves a level: u is
then within 1 ± ρ times what the sums differ by.

The result is u π with π ∝ y_i^(2^k), hence within ρ + η of the exact softmax, η what the errors of exp do:
for relative ones, |e_i| <= e, with h = (1 + e)^(2^k) − 1, at most h / (2 (1 − h)); for absolute ones, of at
most t ‖y‖ with ‖y‖ the norm of order M = 2^k,

    (η_1 + η_2) / (1 − η_2),     η_1 = (1 + t)^M − 1,     η_2 = (1 + n^(1/M) t)^M − 1.

(Cho et al., arXiv 2410.11184, normalise and square; the constants and the bound are ours.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache

import mpmath
import numpy as np
from flint import arb

from ..approximation import Approximation
from ..errors import ArgumentError, ProofError
from ..given import whole
from ..numbers import ball, exact, negate, rounded
from ..outward import above, below, float_up
from ..plan.iteration import unscaled
from ..plan.times import times_plan
from ..precision import one_at_a_time, working_precision
from ..provenance import Provenance, call
from ..recipes.approximate import approximate
from ..recipes.arguments import Ends, read_interval, read_tolerance
from ..recipes.minimax import minimax
from ..words import counted
from .normalising import Design, Inverse, designed, inverses
from .vector_plan import VectorBuilder, VectorPlan
from .whole import Whole

_BITS = 160
_ROUNDING = 2.0**-100  # relative: what the rounding of constants may do
_LONGEST = 1 << 15
_MOST_SQUARINGS = 8
_HIGHEST = 1 << 12  # degree of exp
_CAREFUL = 0.7  # of the error wanted: what is aimed at where a forecast was too good
_SPARE = 0.95  # of what the last inverse leaves of the error wanted: exp's
_FLOORS = (0.01, 0.1, 1.0, 10.0)  # of a rough exp: shares of the least sum, over n
_POINTS = 12  # of its least squares, for each degree
_ROUGHEST = 0.9  # a rough sum may be off by
_ROUGHLY = 2.0**-10  # relative: room in that


@dataclass(frozen=True)
class _Box:
    """What is assumed of the scores."""

    n: int
    scores: tuple[float, float]
    top: tuple[float, float]
    sums: tuple[float, float] | None = None


@dataclass(frozen=True)
class _Rough:
    """A rough exp, off by at most error · (floor + exp), and its degree."""

    floor: float
    error: float
    degree: int


@dataclass(frozen=True)
class _Exp:
    """How exp may err: relatively, or absolutely; 1 is the largest exponential. `rough`: what the first sum is of."""

    relative: bool
    error: float
    rough: _Rough | None = None

    def sum_of(self, n: int, least: arb, most: arb) -> tuple[arb, arb]:
        """Within which the first sum lies, that of exact exponentials being between these (current precision)."""
        if self.rough is not None:
            e, floor = ball(exact(self.rough.error)), n * ball(exact(self.rough.floor))
            return least - e * (least + floor), most + e * (most + floor)
        e = ball(exact(self.error))
        return (least * (1 - e), most * (1 + e)) if self.relative else (least - n * e, most + n * e)

    def blur(self, n: int, low: float) -> float:
        """What a rough sum may be off from that of the vector, relative to itself; `low` is its least value."""
        if self.rough is None:
            return 0.0
        with working_precision(_BITS):
            e, floor, own = (ball(exact(v)) for v in (self.rough.error, n * self.rough.floor, self.error))
            share = (1 + e * floor / low) / (1 - e)  # of the exact sum to the rough one
            return float_up(exact((e * (share + floor / low) + own * (share if self.relative else n / ball(exact(low)))).upper()))


@one_at_a_time
def softmax(
    n: int,
    *,
    scores: Ends,
    precision: float,
    maximum: Ends | None = None,
    squarings: int | None = None,
    sums: Ends | None = None,
) -> Whole:
    """exp(s_i) / Σ exp(s_j) of vectors of n scores, with a bound of every entry's error.

    Parameters
    ----------
    n : int
        Length of the vectors, from 2 to 2^15.
    scores : (float, float)
        Within which every score lies.
    precision : float
        Largest error of an entry of the result.
    maximum : (float, float), optional
        Within which the largest score of every vector lies; by default, that of all scores. A narrow
        range saves levels: after subtracting the maximum, or a bound of it, from the scores.
    squarings : int, optional
        How often is normalised and squared; by default what takes the fewest levels.
    sums : (float, float), optional
        Within which Σ exp((s_j − b)/2^k) lies, b the upper end of `maximum` and k the number of
        `squarings`, which must be given: where that is known better, as from measured scores. Vectors
        may then be shorter than n.

    Returns
    -------
    Whole

    Raises
    ------
    ArgumentError, ProofError

    Examples
    --------
    >>> soft = softmax(16, scores=(-4, 4), precision=2**-8)
    >>> soft.error_bound <= 2**-8, soft.levels, soft.rotations
    (True, 11, 8)
    >>> import numpy as np
    >>> s = np.linspace(-4, 4, 16)
    >>> p = np.exp(s) / np.exp(s).sum()
    >>> bool(np.max(np.abs(soft(s) - p)) <= soft.error_bound)
    True
    """
    n = whole("n", n, 2, _LONGEST)
    low, high = read_interval(scores, "scores")
    wanted = read_tolerance(precision, None, 1.0)
    top = (low, high) if maximum is None else read_interval(maximum, "maximum")
    if not low <= top[0] or not top[1] <= high:
        raise ArgumentError(f"maximum={top} must lie within scores={(low, high)}")
    if squarings is not None:
        squarings = whole("squarings", squarings, 0, _MOST_SQUARINGS)
    if sums is not None:
        sums = read_interval(sums, "sums")
        if squarings is None or sums[0] <= 0:
            raise ArgumentError(f"sums={sums} must be two positive numbers, and squarings be given with them")
    box = _Box(n, (low, high), top, sums)
    command = call(
        "softmax", n, scores=(low, high), precision=wanted, maximum=maximum, squarings=squarings,
        sums=sums, leave_out={"maximum": None, "squarings": None, "sums": None},
    )  # fmt: skip
    try:
        return _made(*_design(box, wanted, squarings), box, wanted, command)
    except ProofError:  # the forecast was too good
        return _made(*_design(box, _CAREFUL * wanted, squarings), box, wanted, command)


def softmax_levels(n: int, *, scores: Ends, precision: float, squarings: int, sums: Ends) -> int | None:
    """Levels that :func:`softmax` of the same arguments takes: a forecast; None where it knows no way.

    Examples
    --------
    >>> softmax_levels(16, scores=(-4, 0), precision=2**-8, squarings=0, sums=(0.1, 1))
    7
    """
    low, high = read_interval(scores, "scores")
    box = _Box(n, (low, high), (low, high), read_interval(sums, "sums"))
    found = _way(box, precision, squarings)
    return None if found is None else found[0]


def _design(box: _Box, wanted: float, given: int | None) -> tuple[int, Design, _Exp]:
    """How often is squared, and the steps: the fewest levels, by forecast."""
    found = []
    for k in range(_MOST_SQUARINGS + 1) if given is None else (given,):
        way = _way(box, wanted, k)
        if way is not None:
            found.append((way[0], way[1].multiplications, k, way))
    if not found:
        raise ArgumentError(
            f"softmax of {counted(box.n, 'score')} on [{box.scores[0]:g}, {box.scores[1]:g}] to {wanted:.3g} is beyond the "
            "inverses known: narrow maximum, or allow more squarings"
        )
    _, _, k, (_, design, exp) = min(found, key=lambda one: one[:3])
    return k, design, exp


def _way(box: _Box, wanted: float, k: int) -> tuple[int, Design, _Exp] | None:
    """Levels, steps, and how exp may err."""
    found, exp = None, _Exp(True, 0.0)
    for _ in range(2):  # the second time with sums of exponentials that err
        design = designed(box.n, _first_sum(box, k, exp), k, wanted)
        if design is None:
            return None
        levels, exp = min(_exps(box, k, (wanted - design.error) * _SPARE), key=lambda one: one[0])
        found = design.levels + levels, design, exp
    return found if found is None else _with_rough_sum(box, wanted, k, found)


def _with_rough_sum(box: _Box, wanted: float, k: int, way: tuple[int, Design, _Exp]) -> tuple[int, Design, _Exp]:
    """The same with a first sum of rougher exponentials, a level earlier, where that takes fewer levels."""
    total, design, exp = way
    levels, half = total - design.levels, (box.top[1] - box.scores[0]) / (2 << k)
    for share in _FLOORS if levels > 2 else ():
        floor = share * _first_sum(box, k, _Exp(True, 0.0))[0] / box.n
        rough = replace(exp, rough=_rough(half, (1 << (levels - 1)) - 1, floor))
        first = _first_sum(box, k, rough)
        blur = rough.blur(box.n, first[0]) * (1 + _ROUGHLY) if first[0] > 0 else 1.0
        found = designed(box.n, first, k, wanted, blur) if blur < _ROUGHEST else None
        if found is None or levels - 1 + found.levels >= way[0]:
            continue
        after, own = min(_exps(box, k, (wanted - found.error) * _SPARE), key=lambda one: one[0])
        own = replace(own, rough=rough.rough)
        if after <= levels and own.blur(box.n, first[0]) <= blur:
            way = levels - 1 + found.levels, found, own
    return way


@cache
def _rough(half: float, degree: int, floor: float) -> _Rough:
    """exp on [−2 half, 0] by weighted least squares, for a forecast: minimax is no worse."""
    u = np.cos(np.pi * (np.arange(_POINTS * degree) + 0.5) / (_POINTS * degree))
    y = np.exp(half * (u - 1))
    weighted = np.polynomial.chebyshev.chebvander(u, degree) / (floor + y)[:, None]
    coefficients = np.linalg.lstsq(weighted, y / (floor + y), rcond=None)[0]
    return _Rough(floor, float(np.max(np.abs(weighted @ coefficients - y / (floor + y)))), degree)


def _first_sum(box: _Box, k: int, exp: _Exp) -> tuple[float, float]:
    """Σ y, y as good as exp is, b the largest that the maximum may be: rounded outward."""
    n = box.n
    with working_precision(_BITS):
        least, most = _power(box, box.top[0], k) + (n - 1) * _power(box, box.scores[0], k), arb(n)
        if box.sums is not None:
            least, most = (ball(exact(end)) for end in box.sums)
        least, most = exp.sum_of(n, least, most)
        return below(exact(least.lower())), above(exact(most.upper()))


def _power(box: _Box, value: float, k: int) -> arb:
    """exp((value − b)/2^k), b the largest that the maximum may be (current precision)."""
    return ((ball(exact(value)) - ball(exact(box.top[1]))) / (1 << k)).exp()


def _norm(box: _Box, k: int) -> arb:
    """The least norm of order 2^k of exp((s − b)/2^k) (current precision)."""
    if box.sums is None:
        return _power(box, box.top[0], k)
    return ball(exact(box.sums[0])) * (ball(box.n).log() * (arb(1) / (1 << k) - 1)).exp()


def _exps(box: _Box, k: int, left: float) -> list[tuple[int, _Exp]]:
    """The two ways in which exp may err so that the result does by no more than `left`; forecasts of levels."""
    width = (box.top[1] - box.scores[0]) / (1 << k)
    power = 1 << k
    with working_precision(_BITS):
        rest = ball(exact(left))
        most = 2 * rest / (1 + 2 * rest)  # h
        relative = min(float((((1 + most).log() / power).exp() - 1).lower()), 0.5)
        norm = float(_norm(box, k).lower())
    low, high = -200.0, 0.0  # log2 of t
    for _ in range(60):
        middle = (low + high) / 2
        one, all_of = (math.expm1(power * math.log1p(2.0**middle * m)) for m in (1.0, box.n ** (1 / power)))
        low, high = (middle, high) if all_of < 1 and one + all_of <= left * (1 - all_of) else (low, middle)
    absolute = 2.0**low * norm
    as_absolute = math.log(relative) - 0.4 * width  # as degrees of relative minimax polynomials show
    return [
        (_levels(width / 2, as_absolute), _Exp(True, relative)),
        (_levels(width / 2, math.log(absolute)), _Exp(False, absolute)),
    ]


def _levels(half: float, error: float) -> int:
    """Of a polynomial for exp on [−2 half, 0] to e^error: its degree d has 2 e^(−half) I_(d+1)(half) near that."""
    for d in range(2, _HIGHEST):
        root = math.hypot(d, half)
        if root - d * math.asinh(d / half) - half - math.log(math.pi * root / 2) / 2 <= error:
            return max(2, (d - 1).bit_length())
    return _HIGHEST


def _made(k: int, design: Design, exp: _Exp, box: _Box, wanted: float, command: str) -> Whole:
    """Parts, plan and bound."""
    n, first = box.n, _first_sum(box, k, exp)
    steps = inverses(design.steps, n, first, 1.0 if exp.relative else 1 + 2 * n * exp.error / first[0])
    made, more, rough = _exponentials(box, k, exp, steps[0])
    if rough is not None and exp.rough is not None:
        _check_rough(rough, exp.rough)
    with working_precision(_BITS):
        e = ball(exact(made.error_bound)) + ball(exact(_ROUNDING))
        e = e if exp.relative else e * (-ball(more)).exp()
        spread = _spread(e, exp.relative, box, k)
        last = (ball(exact(steps[-1].approximation.error_bound)) + 1) * (1 + abs(ball(steps[-1].left) - 1)) - 1
        bound = spread + (1 + spread) * (last + ball(exact(3 * _ROUNDING)))
        error = float_up(exact(bound.upper()))
    if error > wanted:
        raise ProofError(f"softmax is proven to {error:.6g}, not to {wanted:.6g}")
    rougher = {} if rough is None else {"rough exp": rough}
    parts = {"exp": made, **rougher, **{f"inverse {j}": one.approximation for j, one in enumerate(steps)}}
    return Whole(
        "softmax", n, {"scores": box.scores, "maximum": box.top} | ({} if box.sums is None else {"sums": box.sums, "squarings": k}),
        _plan(made, rough, more, steps, n, box.top, k), error, parts,
        "all factors common to a vector cancel but the last: its relative error, and what the errors of exp do to "
        "a vector of sum 1",
        Provenance.of(command),
    )  # fmt: skip


def _spread(e: arb, relative: bool, box: _Box, k: int) -> arb:
    """How far the errors of exp move an entry of the result (current precision)."""
    power = 1 << k
    if relative:
        h = (1 + e) ** power - 1
        return h / (2 * (1 - h))
    t = e / _norm(box, k)
    one = (1 + t) ** power - 1
    all_of = (1 + (ball(box.n).log() / power).exp() * t) ** power - 1
    return (one + all_of) / (1 - all_of)


def _exponentials(
    box: _Box, k: int, exp: _Exp, first: Inverse
) -> tuple[Approximation, mpmath.mpf, Approximation | None]:
    """c · exp((s − b)/2^k) as a function of u = (s − b)/2^k + log c, c what the vector is held times; log c.

    The last is the rougher one, if there is one, of the same scaled argument.
    """
    with working_precision(_BITS):
        more = rounded(exact(ball(first.held).log().mid()), _BITS - 30)
        ends = ((ball(exact(end)) - ball(exact(box.top[1]))) / (1 << k) + ball(more) for end in (box.scores[0], box.top[1]))
        low, high = (below(exact(e.lower())) if j == 0 else above(exact(e.upper())) for j, e in enumerate(ends))
        error = exp.error if exp.relative else below(exact((ball(exact(exp.error)) * ball(more).exp()).lower()))
    if exp.rough is None:
        made = approximate("exp", interval=(low, high), tolerance=error, relative=exp.relative, objective="levels")
        return made, more, None
    made = minimax("exp", tolerance=error, interval=(low, high), relative=exp.relative)
    floor = exp.rough.floor * math.exp(float(more))
    return made, more, minimax("exp", exp.rough.degree, interval=(low, high), weight=f"1/({floor!r} + exp(x))")


def _check_rough(made: Approximation, wanted: _Rough) -> None:
    if made.error_bound > wanted.error:
        raise ProofError(f"a rough exp is proven to {made.error_bound:.6g}, not to {wanted.error:.6g}")


def _plan(
    exp: Approximation, rough: Approximation | None, more: mpmath.mpf, divisions: list[Inverse], n: int,
    top: tuple[float, float], k: int,
) -> VectorPlan:  # fmt: skip
    """The operations."""
    builder = VectorBuilder(n)
    with working_precision(_BITS):
        exponential, slope = unscaled(exp.plan)
        scaled = builder.scale(0, rounded(exact((ball(slope) / (1 << k)).mid()), _BITS))
        moved = ball(slope) * (ball(more) - ball(exact(top[1])) / (1 << k))
        argument = builder.record("shift", scaled, constant=rounded(exact(moved.mid()), _BITS))
        value = builder.record("apply", argument, plan=exponential)
        for number, inverse in enumerate(divisions):
            summed = value
            if number == 0 and rough is not None:
                summed = builder.record("apply", argument, plan=unscaled(rough.plan)[0])
            total = builder.record("sum", summed)
            starts = (0, 0) if summed == value else (0, 1)
            value = builder.record("apply", total, value, plan=times_plan(inverse.plan, starts))
            if inverse.step.squared:
                value = _squared(builder, value, inverse)
    return builder.finish()


def _squared(builder: VectorBuilder, value: int, inverse: Inverse) -> int:
    """p², or p² ((u − c)² + d) with u the sum of p; p is held times what the step has left."""
    square = builder.record("multiply", value, value)
    if inverse.step.curve is None:
        return square
    c, d = (ball(exact(one)) for one in inverse.step.curve)
    total = builder.record("sum", value)
    less = builder.record("shift", total, constant=negate(rounded(exact((c * ball(inverse.left)).mid()), _BITS)))
    curve = builder.record("multiply", less, less)
    curve = builder.record("shift", curve, constant=rounded(exact((d * ball(inverse.left) ** 2).mid()), _BITS))
    return builder.record("multiply", square, curve)
