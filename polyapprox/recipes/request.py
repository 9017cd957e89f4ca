"""What a caller of `relu`, `abs`, `maximum` or `minimum` asked for, read and checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import mpmath

from .. import outward
from ..approximation import Approximation, Interval
from ..cost.latency import LatencyModel, latency_model
from ..cost.models import cost_models
from ..errors import ArgumentError
from ..given import is_word, shown, whole
from ..numbers import ZERO, add, exact, negate
from ..plan.plan import Plan
from ..polynomial import Polynomial
from ..proof.covered import reach, widened
from ..provenance import Provenance, call
from ..scaling import unit_of
from ..structures import TWO_ARGUMENTS
from ..targets import as_target
from .arguments import (
    read_choice,
    read_composite_tolerance,
    read_degrees,
    read_flag,
    read_interval,
    read_threshold,
)
from .guard import DEFAULT_GUARD, read_guard

Structure = Literal["auto", "direct", "composite", "circuit"]
Objective = Literal["balanced", "depth", "multiplications", "latency"]
Preference = Literal["balanced", "depth", "levels", "multiplications", "latency"]
Where = str | Path | LatencyModel | None  # a backend's name, a latency model or its file
STRUCTURES = ("auto", "direct", "composite", "circuit")
OBJECTIVES = ("balanced", "depth", "multiplications", "latency")
DEFAULT_BACKEND = "openfhe"
MOST = 10**6  # multiplications and levels: beyond every plan


@dataclass(frozen=True)
class Request:
    """Everything that |x| in one of its disguises needs.

    Attributes
    ----------
    function : {"relu", "abs", "maximum", "minimum"}
    interval : (float, float)
    tolerance : float or None
        Wanted absolute error; None when the degrees are given.
    structure, objective, offset, refine
        As given.
    degrees : tuple of int or None
    threshold : float or None
        Of the composite's sign, on the interval scaled to [-1, 1].
    command : str
        The call that does it again.
    backend : str or None
        Name of the framework that the approximation is for.
    latency : LatencyModel or None
        Its times, where the objective needs them.
    most_multiplications, most_levels : int or None
        Limits, under the rule "published".
    guard : mpmath.mpf
        By how much of B = max(abs(low), abs(high)) inputs may leave the interval.
    """

    function: str
    interval: tuple[float, float]
    tolerance: float | None
    structure: str
    objective: Objective
    offset: bool
    refine: bool | None
    degrees: tuple[int, ...] | None
    threshold: float | None
    command: str
    backend: str | None = None
    latency: LatencyModel | None = None
    most_multiplications: int | None = None
    most_levels: int | None = None
    guard: mpmath.mpf = ZERO

    @property
    def half_width(self) -> float:
        """W: |x| is needed on [-W, W] (of the difference of two arguments)."""
        low, high = self.interval
        if self.function not in TWO_ARGUMENTS:
            return max(abs(low), abs(high))
        width = high - low
        exactly = Fraction(high) - Fraction(low)
        return width if Fraction(width) >= exactly else math.nextafter(width, math.inf)

    @cached_property
    def covered(self) -> Interval:
        """What the approximation is made and proven for: the interval, widened by the guard."""
        low, high = (exact(end) for end in self.interval)
        target = None if self.function in TWO_ARGUMENTS else as_target(self.function)
        (part,) = widened([(low, high)], self.guard, target)
        return part

    @property
    def reach(self) -> float:
        """|x| is needed on [-reach, reach], the guard included (a double, rounded up)."""
        low, high = self.covered
        if self.function in TWO_ARGUMENTS:
            return outward.above(add(high, negate(low)))
        return reach([self.covered])

    @property
    def noise(self) -> float:
        """The guard, of what the stages of a composite hand on."""
        return float(self.guard)

    @property
    def share(self) -> int:
        """|x| errs by W·share times the ReLU error on [-1, 1]: 1 for ReLU, max, min; 2 for |x|."""
        return 2 if self.function == "abs" else 1

    @property
    def unit_error(self) -> float:
        """Wanted ReLU error on [-1, 1]."""
        return (self.tolerance or 0.0) / (self.reach * self.share)

    @property
    def scaling_levels(self) -> int:
        """Levels (rule "published") of bringing a − b of two arguments to [-1, 1]."""
        factor = Fraction(1) / Fraction(self.half_width)
        return int(self.function in TWO_ARGUMENTS and factor.denominator != 1)

    def meets(self, result: Approximation) -> bool:
        """Whether the proven bound is within the tolerance."""
        return self.tolerance is None or result.error_bound <= self.tolerance

    def approximation(
        self,
        structure: Literal["polynomial", "direct", "composite", "circuit"],
        components: tuple[Polynomial, ...],
        plan: Plan,
        estimate: float,
        offset: mpmath.mpf = ZERO,
        threshold: mpmath.mpf | None = None,
        margins: tuple[mpmath.mpf, ...] = (),
    ) -> Approximation:
        """The value, still without its certificate."""
        low, high = self.interval
        return Approximation(
            function=self.function,
            domain=((exact(low), exact(high)),),
            structure=structure,
            components=components,
            plan=plan,
            offset=offset,
            weight="1",
            error_estimate=estimate,
            certificate=None,
            margins=margins,
            provenance=Provenance.of(self.command),
            threshold=threshold,
            guard=self.guard,
            covered=(self.covered,),
        )


def read_objective(objective: Any) -> Objective:
    """One of the objectives; "levels" is another word for "depth"."""
    objective = "depth" if is_word(objective, ("levels",)) else objective
    read_choice("objective", objective, OBJECTIVES)
    return objective  # type: ignore[no-any-return]


def read_backend(backend: Where, objective: str) -> tuple[str | None, LatencyModel | None]:
    """Name of the framework, and its times where the objective is "latency"."""
    if isinstance(backend, (Path, LatencyModel)):
        model = latency_model(backend)
        return model.backend, model
    if backend is not None and not is_word(backend, tuple(cost_models())):
        known = ", ".join(repr(name) for name in cost_models())
        raise ArgumentError(
            f"backend must be one of {known}, or the path (pathlib.Path) of a latency model's "
            f"file; got {shown(backend)}"
        )
    if objective != "latency":
        return backend, None
    return backend, latency_model(backend or DEFAULT_BACKEND)


def read_limit(name: str, limit: Any) -> int | None:
    """A whole number from 1 on, or None."""
    return None if limit is None else whole(name, limit, 1, MOST)


def read_request(
    function: str,
    precision: Any,
    tolerance: Any,
    interval: Any,
    structure: Any,
    objective: Any,
    degrees: Any,
    offset: Any,
    refine: Any,
    threshold: Any,
    multiplications: Any = None,
    levels: Any = None,
    backend: Where = None,
    guard: Any = DEFAULT_GUARD,
) -> Request:
    """Check the arguments.

    Raises
    ------
    ArgumentError
        With the argument's name, its value and what to do.
    """
    low, high = read_interval(interval)
    guard = read_guard(guard)
    read_choice("structure", structure, STRUCTURES)
    objective = read_objective(objective)
    offset = read_flag("offset", offset)
    if refine is not None:
        refine = read_flag("refine", refine)
    name, latency = read_backend(backend, objective)
    limits = {
        "multiplications": read_limit("multiplications", multiplications),
        "levels": read_limit("levels", levels),
    }
    chosen, wanted, at = None, None, None
    if degrees is not None:
        if precision is not None or tolerance is not None:
            raise ArgumentError("give degrees, or one of precision and tolerance, not both")
        if structure in ("direct", "circuit"):
            other = "minimax" if structure == "direct" else "circuit"
            raise ArgumentError(
                f"structure={structure!r} takes no degrees; use polyapprox.{other}"
            )
        for limit, value in limits.items():
            if value is not None:
                raise ArgumentError(f"degrees fix the cost; leave out {limit}={value}")
        chosen = read_degrees(degrees)
        what: dict[str, Any] = {"degrees": chosen}
    else:
        wanted = read_composite_tolerance(precision, tolerance, unit_of(function, [(low, high)]))
        what = {"tolerance": wanted, "objective": objective, "structure": structure}
    if threshold is not None:
        at = read_threshold(threshold)
        if chosen is None:
            raise ArgumentError("threshold is chosen with the degrees; give degrees too")
        what["threshold"] = at
    command = call(
        function, **what, **limits, backend=backend, interval=(low, high), offset=offset,
        refine=refine, guard=float(guard),
        leave_out={**dict.fromkeys((*limits, "backend")), "guard": DEFAULT_GUARD},
    )  # fmt: skip
    return Request(
        function, (low, high), wanted, structure, objective, offset, refine, chosen, at, command,
        name, latency, limits["multiplications"], limits["levels"], guard,
    )  # fmt: skip
