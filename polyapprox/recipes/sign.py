# SPDX-License-Identifier: Apache-2.0
"""`sign` and `step`: composites of odd minimax polynomials, outside a gap around 0."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import cast

from ..approximation import Approximation, Interval
from ..composite.build import composite_sign, stretched
from ..composite.search import composite_gap, pareto, search_degrees
from ..composite.stage import error_of, log_gap
from ..errors import ArgumentError, ProofError
from ..numbers import exact, fraction, multiply, negate
from ..outward import upper
from ..polynomial import Polynomial
from ..proof.covered import reach, widened
from ..proof.prove import certified
from ..provenance import Provenance
from ..targets import as_target
from .arguments import read_threshold
from .composites import coefficient_bits
from .options import composite_skeleton
from .plans import composite_plan
from .wish import Wish, asks

SHARES = (1.0, 0.99, 0.95, 0.9)  # of the tolerance, for the search: the rest is the proof's
SMALLEST = 2.0**-1000  # errors below it are as good as this one: coefficients of 1040 bits


@dataclass(frozen=True, kw_only=True)
class SignWish(Wish):
    """Everything that the sign and the step may be asked for."""

    def _check_options(self) -> None:
        low, high = self.ends
        if not low < 0 < high:
            raise ArgumentError(
                f"interval must have 0 inside, elsewhere the {self.function} is a constant; "
                f"got {self.ends!r}"
            )

    def _check_degrees(self) -> None:
        if self.threshold is None:
            raise ArgumentError("degrees need a threshold: from which abs(x)/B on the sign holds")

    def _check_cost(self) -> None:
        super()._check_cost()
        low, high = self.ends
        if self.gap * max(-low, high) >= min(-low, high):
            raise ArgumentError(
                f"threshold={self.gap!r} of the larger end leaves nothing of the smaller side of "
                f"{self.ends!r}; give a smaller one"
            )

    @property
    def gap(self) -> float:
        """Half of the gap around 0, relative to the larger end."""
        return read_threshold(self.wanted if self.threshold is None else self.threshold)

    @cached_property
    def domain(self) -> tuple[Interval, Interval]:
        """The interval without the gap."""
        low, high = (exact(end) for end in self.ends)
        gap = multiply(exact(self.gap), max(abs(low), abs(high)))
        return (low, negate(gap)), (gap, high)

    @cached_property
    def covered(self) -> tuple[Interval, ...]:
        """What it is made and proven for: the domain, widened by the guard."""
        return widened(self.domain, self.over, as_target(self.function))

    @property
    def ratio(self) -> float:
        """The least |x| covered to the largest, rounded down."""
        least = min(-self.covered[0][1], self.covered[1][0])
        ratio = fraction(least) / Fraction(reach(self.covered))
        return self.gap if ratio == Fraction(self.gap) else math.nextafter(float(ratio), 0.0)

    @property
    def share(self) -> int:
        """The sign errs by this times the function's error."""
        return 2 if self.function == "step" else 1


@asks(SignWish, "sign")
def sign(wish: SignWish) -> Approximation:
    """The sign of x for abs(x) >= threshold · B, B = max(abs(low), abs(high)), proven.

    Parameters
    ----------
    precision, tolerance : float, optional
        Largest error of the sign, absolute (its values do not scale with the interval, so here
        both mean the same). Give exactly one of precision, tolerance and degrees.
    interval : (float, float)
        With 0 inside.
    degrees : list of int, optional
        Fixed odd degrees, innermost first; then `threshold` is needed.
    threshold : float, optional
        Half of the gap around 0, relative to B; by default equal to the precision.
    objective : {"balanced", "levels", "multiplications", "latency"}
        What the search for degrees minimises; "balanced" weighs a level as two multiplications,
        "latency" is the time forecast for `backend`, "depth" is the former word for "levels".
    backend : str, Path or LatencyModel, optional
        Where it will run, for the latency: as for :func:`polyapprox.relu`.
    guard : float
        Inputs may leave the interval by so much of B (and at the gap by so much of the threshold,
        where that is small), and what a stage hands on may be off by so much (relative): it is
        made and proven for that too. 0: for neither.

    Returns
    -------
    Approximation
        Its domain is the interval without the gap.

    Raises
    ------
    ArgumentError, ProofError

    References
    ----------
    Lee, Lee, No, Kim, IEEE TDSC 19 (2022), 3711, eprint 2020/834.

    Examples
    --------
    >>> s = sign(precision=2**-7, threshold=2**-8)
    >>> s.error_bound <= 2**-7, bool(abs(s(0.01) - 1) <= 2**-7)
    (True, True)
    """
    return _made(wish)


@asks(SignWish, "step")
def step(wish: SignWish) -> Approximation:
    """The step (1 + sign(x))/2, 0 or 1; parameters as for :func:`sign`.

    Examples
    --------
    >>> step(precision=2**-7, threshold=2**-7).error_bound <= 2**-7
    True
    """
    return _made(wish)


def _made(wish: SignWish) -> Approximation:
    if wish.stages is not None:
        return _build(wish, wish.stages)
    wanted = cast(float, wish.wanted)
    for share in SHARES:
        error = min(0.9, wanted * wish.share * share)
        degrees = _degrees(wish, error)
        result = _build(wish, degrees)
        if result.error_bound <= wanted:
            return result
    raise ProofError(
        f"degrees {degrees} reach {result.error_estimate:.4g} (estimate), but no more than "
        f"{upper(result.error_bound, 4)} could be proven; give a larger threshold or precision"
    )


def _degrees(wish: SignWish, error: float) -> tuple[int, ...]:
    if wish.objective != "latency" or wish.latency is None:
        return search_degrees(wish.ratio, error, wish.searched, guard=wish.guard)
    width = max(abs(end) for end in wish.ends)
    times = {
        choice.degrees: wish.latency.forecast(
            composite_skeleton(wish.function, choice.degrees, width), rule="published"
        )
        for choice in pareto(wish.ratio, error, guard=wish.guard)
    }
    return min(times, key=lambda degrees: times[degrees])


def _build(wish: SignWish, degrees: tuple[int, ...]) -> Approximation:
    ratio, scaled_to = wish.ratio, reach(wish.covered)
    error = float(error_of(composite_gap(degrees, log_gap(ratio), wish.guard)))
    bits = coefficient_bits(max(min(error, wish.gap), SMALLEST))
    stages = composite_sign(degrees, ratio, bits, wish.guard)
    width, gap = exact(max(abs(end) for end in wish.ends)), wish.domain[1][0]
    first = stretched(stages[0].polynomial, Fraction(scaled_to) / fraction(width), bits)
    components = (
        Polynomial(first.coefficients, (negate(width), width), first.parity),
        *(stage.polynomial for stage in stages[1:]),
    )
    zero = multiply(gap, exact(0))
    result = Approximation(
        function=wish.function,
        domain=wish.domain,
        structure="composite",
        components=components,
        plan=composite_plan(wish.function, components, zero),
        offset=zero,
        weight="1",
        error_estimate=float(stages[-1].error) / wish.share,
        certificate=None,
        margins=tuple(stage.margin for stage in stages),
        provenance=Provenance.of(wish.command),
        threshold=gap,
        guard=wish.over,
        covered=wish.covered,
    )
    return certified(result)
