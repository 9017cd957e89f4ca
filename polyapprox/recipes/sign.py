"""`sign` and `step`: composites of odd minimax polynomials, outside a gap around 0."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, cast

import mpmath

from ..approximation import Approximation, Interval
from ..cache import remembered
from ..composite.build import composite_sign, stretched
from ..composite.search import composite_gap, pareto, search_degrees
from ..composite.stage import error_of, log_gap
from ..cost.latency import LatencyModel
from ..errors import ArgumentError, ProofError
from ..numbers import exact, fraction, multiply, negate
from ..outward import upper
from ..polynomial import Polynomial
from ..precision import one_at_a_time
from ..proof.covered import reach, widened
from ..proof.prove import certified
from ..provenance import Provenance, call
from ..targets import as_target
from .arguments import (
    read_composite_tolerance,
    read_degrees,
    read_interval,
    read_threshold,
)
from .composites import coefficient_bits
from .guard import DEFAULT_GUARD, read_guard
from .options import composite_skeleton
from .plans import composite_plan
from .request import Objective, Preference, Where, read_backend, read_objective

SHARES = (1.0, 0.99, 0.95, 0.9)  # of the tolerance, for the search: the rest is the proof's
SMALLEST = 2.0**-1000  # errors below it are as good as this one: coefficients of 1040 bits


@dataclass(frozen=True)
class _Request:
    function: str
    interval: tuple[float, float]
    threshold: float
    tolerance: float | None
    objective: Objective
    degrees: tuple[int, ...] | None
    command: str
    latency: LatencyModel | None
    guard: mpmath.mpf

    @cached_property
    def domain(self) -> tuple[Interval, Interval]:
        """The interval without the gap."""
        low, high = (exact(end) for end in self.interval)
        gap = multiply(exact(self.threshold), max(abs(low), abs(high)))
        return (low, negate(gap)), (gap, high)

    @cached_property
    def covered(self) -> tuple[Interval, ...]:
        """What it is made and proven for: the domain, widened by the guard."""
        return widened(self.domain, self.guard, as_target(self.function))

    @property
    def ratio(self) -> float:
        """The least |x| covered to the largest, rounded down."""
        least = min(-self.covered[0][1], self.covered[1][0])
        ratio = fraction(least) / Fraction(reach(self.covered))
        if ratio == Fraction(self.threshold):
            return self.threshold
        return math.nextafter(float(ratio), 0.0)

    @property
    def noise(self) -> float:
        """The guard, of what the stages hand on."""
        return float(self.guard)

    @property
    def share(self) -> int:
        """The sign errs by this times the function's error."""
        return 2 if self.function == "step" else 1


@one_at_a_time
@remembered
def sign(
    *,
    precision: float | None = None,
    tolerance: float | None = None,
    interval: Any = (-1, 1),
    threshold: float | None = None,
    degrees: Any = None,
    objective: Preference = "balanced",
    backend: Where = None,
    guard: float = DEFAULT_GUARD,
) -> Approximation:
    """The sign of x for abs(x) >= threshold · B, B = max(abs(low), abs(high)), proven.

    Parameters
    ----------
    precision, tolerance : float, optional
        Largest error of the sign, absolute (its values do not scale with the interval, so here
        both mean the same). Give exactly one of precision, tolerance and degrees.
    interval : (float, float)
        With 0 inside.
    threshold : float, optional
        Half of the gap around 0, relative to B; by default equal to the precision.
    degrees : list of int, optional
        Fixed odd degrees, innermost first; then `threshold` is needed.
    objective : {"balanced", "levels", "multiplications", "latency"}
        What the search for degrees minimises; "balanced" weighs a level as two multiplications,
        "latency" is the time forecast for `backend`, "depth" is another word for "levels".
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
    return _make(
        "sign", precision, tolerance, interval, threshold, degrees, objective, backend, guard
    )


@one_at_a_time
@remembered
def step(
    *,
    precision: float | None = None,
    tolerance: float | None = None,
    interval: Any = (-1, 1),
    threshold: float | None = None,
    degrees: Any = None,
    objective: Preference = "balanced",
    backend: Where = None,
    guard: float = DEFAULT_GUARD,
) -> Approximation:
    """The step (1 + sign(x))/2, 0 or 1; parameters as for :func:`sign`.

    Examples
    --------
    >>> step(precision=2**-7, threshold=2**-7).error_bound <= 2**-7
    True
    """
    return _make(
        "step", precision, tolerance, interval, threshold, degrees, objective, backend, guard
    )


def _make(
    function: str,
    precision: Any,
    tolerance: Any,
    interval: Any,
    threshold: Any,
    degrees: Any,
    objective: Any,
    backend: Where,
    guard: Any,
) -> Approximation:
    low, high = read_interval(interval)
    guard = read_guard(guard)
    if not low < 0 < high:
        raise ArgumentError(
            f"interval must have 0 inside, elsewhere the {function} is a constant; got {interval!r}"
        )
    objective = read_objective(objective)
    _, latency = read_backend(backend, objective)
    chosen, wanted = None, None
    if degrees is None:
        wanted = read_composite_tolerance(precision, tolerance, 1.0)
        threshold = wanted if threshold is None else threshold
        what: dict[str, Any] = {"precision": wanted, "objective": objective}
    else:
        if precision is not None or tolerance is not None:
            raise ArgumentError("give degrees, or one of precision and tolerance, not both")
        if threshold is None:
            raise ArgumentError("degrees need a threshold: from which abs(x)/B on the sign holds")
        chosen = read_degrees(degrees)
        what = {"degrees": chosen}
    at = read_threshold(threshold)
    if at * max(-low, high) >= min(-low, high):
        raise ArgumentError(
            f"threshold={threshold!r} of the larger end leaves nothing of the smaller side of "
            f"{interval!r}; give a smaller one"
        )
    command = call(
        function, **what, threshold=at, interval=(low, high), backend=backend, guard=float(guard),
        leave_out={"backend": None, "guard": DEFAULT_GUARD},
    )  # fmt: skip
    request = _Request(function, (low, high), at, wanted, objective, chosen, command, latency, guard)
    if chosen is not None:
        return _build(request, chosen)
    return _cheapest(request, cast(float, wanted))


def _cheapest(request: _Request, wanted: float) -> Approximation:
    for share in SHARES:
        error = min(0.9, wanted * request.share * share)
        degrees = _degrees(request, error)
        result = _build(request, degrees)
        if result.error_bound <= wanted:
            return result
    raise ProofError(
        f"degrees {degrees} reach {result.error_estimate:.4g} (estimate), but no more than "
        f"{upper(result.error_bound, 4)} could be proven; give a larger threshold or precision"
    )


def _degrees(request: _Request, error: float) -> tuple[int, ...]:
    if request.objective != "latency" or request.latency is None:
        objective = "balanced" if request.objective == "latency" else request.objective
        return search_degrees(request.ratio, error, objective, guard=request.noise)
    width = max(abs(end) for end in request.interval)
    times = {
        choice.degrees: request.latency.forecast(
            composite_skeleton(request.function, choice.degrees, width), rule="published"
        )
        for choice in pareto(request.ratio, error, guard=request.noise)
    }
    return min(times, key=lambda degrees: times[degrees])


def _build(request: _Request, degrees: tuple[int, ...]) -> Approximation:
    ratio, scaled_to = request.ratio, reach(request.covered)
    error = float(error_of(composite_gap(degrees, log_gap(ratio), request.noise)))
    bits = coefficient_bits(max(min(error, request.threshold), SMALLEST))
    stages = composite_sign(degrees, ratio, bits, request.noise)
    width, gap = exact(max(abs(end) for end in request.interval)), request.domain[1][0]
    first = stretched(stages[0].polynomial, Fraction(scaled_to) / fraction(width), bits)
    components = (
        Polynomial(first.coefficients, (negate(width), width), first.parity),
        *(stage.polynomial for stage in stages[1:]),
    )
    zero = multiply(gap, exact(0))
    result = Approximation(
        function=request.function,
        domain=request.domain,
        structure="composite",
        components=components,
        plan=composite_plan(request.function, components, zero),
        offset=zero,
        weight="1",
        error_estimate=float(stages[-1].error) / request.share,
        certificate=None,
        margins=tuple(stage.margin for stage in stages),
        provenance=Provenance.of(request.command),
        threshold=gap,
        guard=request.guard,
        covered=request.covered,
    )
    return certified(result)
