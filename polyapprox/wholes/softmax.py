# SPDX-License-Identifier: Apache-2.0
"""Softmax: exp of a fraction of the scores, then normalise and square, the last time precisely.

With y_i = exp((s_i − b)/2^k)(1 + e_i) and p^(0) = y R(Σ y), each further step takes q = p², and
p^(j) = q R(Σ q), R an approximation of 1/x. Whatever R is, p^(j) is a vector π^(j) that sums to 1,
times one number g = Σ q · R(Σ q), which is within 1 ± ρ, ρ the relative error of R; and π^(j+1) is
π^(j) squared and normalised, g or not. So all R but the last only keep the sums within

    (1 − ρ)²/n … (1 + ρ)²      (Σ π² lies between 1/n and 1),

for which few levels are enough. The result is g π with π ∝ exp(s_i)(1 + e_i)^(2^k), hence within

    ρ + h / (2 (1 − h)),     h = max |(1 + e)^(2^k) − 1|

of the exact softmax, for |π_i − p_i| <= 2 h p_i (1 − p_i) / (1 − h). (Cho et al., arXiv 2410.11184,
normalise and square; the constants of R and the bound are ours.)
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import mpmath
from flint import arb

from ..approximation import Approximation
from ..errors import ArgumentError
from ..given import whole
from ..numbers import ball, exact, rounded
from ..outward import above, below, float_up
from ..precision import one_at_a_time, working_precision
from ..provenance import Provenance, call
from ..recipes.approximate import approximate
from ..recipes.arguments import Ends, read_interval, read_tolerance
from ..recipes.reciprocal import reciprocal
from .vector_plan import VectorBuilder, VectorPlan, unscaled
from .whole import Whole

_BITS = 160
_ROUNDING = 2.0**-100  # relative: what the rounding of constants may do
_LONGEST = 1 << 15
_MOST_SQUARINGS = 8
_ROUGH = (0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.03, 0.01)  # ρ of the steps before the last
_SHARES = (0.5, 0.7, 0.85)  # of the error wanted: the last inverse's
_MOST_LEVELS = 15


@dataclass(frozen=True)
class _Design:
    """How often is squared, the errors of the inverses, and the levels of each."""

    squarings: int
    roughs: tuple[float, ...]  # ρ of each inverse but the last
    share: float  # of the error wanted: the last one's
    inverses: tuple[int, ...]
    levels: int


@dataclass(frozen=True)
class _Box:
    """What is assumed of the scores."""

    n: int
    scores: tuple[float, float]
    top: tuple[float, float]
    sums: tuple[float, float] | None = None


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
    (True, 13, 4)
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
    design = _design(box, wanted, squarings)
    command = call(
        "softmax", n, scores=(low, high), precision=wanted, maximum=maximum, squarings=squarings,
        sums=sums, leave_out={"maximum": None, "squarings": None, "sums": None},
    )  # fmt: skip
    return _made(design, box, wanted, command)


def softmax_levels(n: int, *, scores: Ends, precision: float, squarings: int, sums: Ends) -> int | None:
    """Levels that :func:`softmax` of the same arguments takes: a forecast; None where it knows no way.

    Examples
    --------
    >>> softmax_levels(16, scores=(-4, 0), precision=2**-8, squarings=0, sums=(0.1, 1))
    11
    """
    low, high = read_interval(scores, "scores")
    box = _Box(n, (low, high), (low, high), read_interval(sums, "sums"))
    return min((one.levels for one in _designs(box, precision, squarings)), default=None)


def _first_sum(box: _Box, k: int) -> tuple[float, float]:
    """Σ exp((s − b)/2^k), b the largest that the maximum may be: rounded outward."""
    n, scores, top = box.n, box.scores, box.top
    if box.sums is not None:
        return box.sums
    with working_precision(_BITS):
        def power(value: float) -> arb:
            return ((ball(exact(value)) - ball(exact(top[1]))) / (1 << k)).exp()

        least = power(top[0]) + (n - 1) * power(scores[0])
        return below(exact(least.lower())), above(exact(arb(n)))


def _later_sum(n: int, rough: float) -> tuple[float, float]:
    """Σ q of a step: rounded outward."""
    with working_precision(_BITS):
        r = ball(exact(rough)) + ball(exact(_ROUNDING))
        return below(exact(((1 - r) ** 2 / n).lower())), above(exact(((1 + r) ** 2).upper()))


def _levels_for(ends: tuple[float, float], error: float) -> int:
    """Levels of 1/x: a forecast."""
    beyond = 2 * ends[0] / (ends[1] - ends[0])  # (b + a)/(b − a) − 1
    steps = math.log2(math.acosh(1 / error) / math.log1p(beyond + math.sqrt(beyond * (beyond + 2))))
    return max(2, math.ceil(steps - 1e-9))


def _design(box: _Box, wanted: float, given: int | None) -> _Design:
    """The fewest levels, by forecast."""
    n, scores = box.n, box.scores
    found = list(_designs(box, wanted, given))
    if not found:
        raise ArgumentError(
            f"softmax of {n} scores on [{scores[0]:g}, {scores[1]:g}] to {wanted:.3g} is beyond the "
            f"inverses known, of {_MOST_LEVELS} levels: narrow maximum, or allow more squarings"
        )
    return min(found, key=lambda one: (one.levels, sum(one.inverses), one.share))


def _designs(box: _Box, wanted: float, given: int | None) -> Iterator[_Design]:
    n = box.n
    for k in range(_MOST_SQUARINGS + 1) if given is None else (given,):
        first = _first_sum(box, k)
        width = (box.top[1] - box.scores[0]) / (1 << k)
        steps = math.log2(max(width, 0.25)) + max(1.0, math.log2(-math.log2(wanted / 2 ** (k + 1))))
        for share, early, late in product(_SHARES, _ROUGH if k > 1 else _ROUGH[:1], _ROUGH if k else _ROUGH[:1]):
            roughs = (*(early,) * (k - 1), *(late,) * min(k, 1))
            sums = [first, *(_later_sum(n, rough) for rough in roughs)]
            errors = [*roughs, wanted * share]
            inverses = tuple(_levels_for(s, e) for s, e in zip(sums, errors, strict=True))
            if max(inverses) <= _MOST_LEVELS:
                levels = sum(inverses) + 2 * k + 1 + math.ceil(steps - math.log2(1 - share) / 16)
                yield _Design(k, roughs, share, inverses, levels)


def _made(design: _Design, box: _Box, wanted: float, command: str) -> Whole:
    """Parts, plan and bound."""
    k, n, scores, top = design.squarings, box.n, box.scores, box.top
    share = _of_exp(wanted * (1 - design.share), k)
    inverses: list[Approximation] = []
    for number, steps in enumerate(design.inverses):
        error = design.roughs[number] if number < k else wanted * design.share
        if number == 0:  # the sum is that of exponentials that err
            low, high = _first_sum(box, k)
            ends = low * (1 - share), high * (1 + share)
        else:
            ends = _later_sum(n, inverses[-1].error_bound)
        ends = (ends[0] * (1 - 2.0**-30), ends[1] * (1 + 2.0**-30))
        inverses.append(_inverse(ends, steps, error))
    exp = _exponential(scores, top, k, share, inverses[0])
    with working_precision(_BITS):
        e = ball(exact(exp.error_bound)) + ball(exact(_ROUNDING))
        spread = (1 + e) ** (1 << k) - 1
        bound = ball(exact(inverses[-1].error_bound)) + spread / (2 * (1 - spread))
        error = float_up(exact((bound + ball(exact(3 * _ROUNDING))).upper()))
    plan = _plan(exp, inverses, n, top, k)
    parts = {"exp": exp, **{f"inverse {j}": one for j, one in enumerate(inverses)}}
    return Whole(
        "softmax", n, {"scores": scores, "maximum": top} | ({} if box.sums is None else {"sums": box.sums}), plan, error, parts,
        "all factors common to a vector cancel but the last: its relative error, and half the spread "
        "of the relative errors of exp",
        Provenance.of(command),
    )  # fmt: skip


def _of_exp(left: float, k: int) -> float:
    """The relative error of exp that leaves an error of the result behind, below a half."""
    with working_precision(_BITS):
        rest = ball(exact(left)) - ball(exact(3 * _ROUNDING))
        most = 2 * rest / (1 + 2 * rest)  # h
        return min(float((((1 + most).log() / (1 << k)).exp() - 1).lower()), 0.5)


def _inverse(ends: tuple[float, float], steps: int, wanted: float) -> Approximation:
    """1/x with so many levels; one more where rounding outward asks for it."""
    found = reciprocal(interval=ends, levels=steps)
    return found if found.error_bound <= wanted else reciprocal(interval=ends, levels=steps + 1)


def _exponential(
    scores: tuple[float, float], top: tuple[float, float], k: int, error: float, inverse: Approximation
) -> Approximation:
    """c · exp((s − b)/2^k) as a function of u = (s − b)/2^k + log c, c what the first inverse scales by."""
    _, scaling = unscaled(inverse.plan)
    with working_precision(_BITS):
        more = _shift(scaling)
        ends = ((ball(exact(end)) - ball(exact(top[1]))) / (1 << k) + ball(more) for end in (scores[0], top[1]))
        low, high = (below(exact(e.lower())) if j == 0 else above(exact(e.upper())) for j, e in enumerate(ends))
    return approximate("exp", interval=(low, high), precision=error, relative=True, objective="levels")


def _shift(scaling: mpmath.mpf) -> mpmath.mpf:
    """log c, rounded (current precision)."""
    return rounded(exact(ball(scaling).log().mid()), _BITS - 30)


def _plan(
    exp: Approximation, inverses: list[Approximation], n: int, top: tuple[float, float], k: int
) -> VectorPlan:
    """The operations. The vector y is held as c y, c what the inverse of its sum scales by."""
    builder = VectorBuilder(n)
    with working_precision(_BITS):
        exponential, slope = unscaled(exp.plan)
        plans = [unscaled(one.plan) for one in inverses]
        more = _shift(plans[0][1])
        scaled = builder.scale(0, rounded(exact((ball(slope) / (1 << k)).mid()), _BITS))
        moved = ball(slope) * (ball(more) - ball(exact(top[1])) / (1 << k))
        value = builder.record("shift", scaled, constant=rounded(exact(moved.mid()), _BITS))
        value = builder.record("apply", value, plan=exponential)
        for number, (inverse, scaling) in enumerate(plans):
            if number:
                value = builder.record("multiply", value, value)
            total = builder.record("sum", value)
            found = builder.record("apply", total, plan=inverse)
            following = ball(plans[number + 1][1]).sqrt() if number < k else arb(1)
            back = following / (ball(more).exp() if number == 0 else ball(scaling))
            value = builder.scale(value, rounded(exact(back.mid()), _BITS))
            value = builder.record("multiply", value, found)
    return builder.finish()
