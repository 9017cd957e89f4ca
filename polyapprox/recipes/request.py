"""What a caller of `relu`, `abs`, `maximum` or `minimum` asked for, read and checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import mpmath

from ..approximation import Approximation
from ..errors import ArgumentError
from ..numbers import ZERO, exact
from ..plan.plan import Plan
from ..polynomial import Polynomial
from ..provenance import Provenance
from ..structures import TWO_ARGUMENTS
from .arguments import (
    read_choice,
    read_composite_tolerance,
    read_degrees,
    read_flag,
    read_interval,
    read_threshold,
)

Structure = Literal["auto", "direct", "composite", "circuit"]
Objective = Literal["balanced", "depth", "multiplications"]
Preference = Literal["balanced", "depth", "levels", "multiplications"]  # "levels" is "depth"
STRUCTURES = ("auto", "direct", "composite", "circuit")
OBJECTIVES = ("balanced", "depth", "multiplications")


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

    @property
    def half_width(self) -> float:
        """W: |x| is needed on [-W, W] (of the difference of two arguments)."""
        low, high = self.interval
        if self.function not in TWO_ARGUMENTS:
            return max(abs(low), abs(high))
        width = high - low
        exactly = Fraction(high) - Fraction(low)
        return width if Fraction(width) >= exactly else math.nextafter(width, math.inf)

    @property
    def share(self) -> int:
        """|x| errs by W·share times the ReLU error on [-1, 1]: 1 for ReLU, max, min; 2 for |x|."""
        return 2 if self.function == "abs" else 1

    @property
    def unit_error(self) -> float:
        """Wanted ReLU error on [-1, 1]."""
        return (self.tolerance or 0.0) / (self.half_width * self.share)

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
        )


def read_objective(objective: Any) -> Objective:
    """One of the three objectives; "levels" is another word for "depth"."""
    objective = "depth" if objective == "levels" else objective
    read_choice("objective", objective, OBJECTIVES)
    return objective  # type: ignore[no-any-return]


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
) -> Request:
    """Check the arguments.

    Raises
    ------
    ArgumentError
        With the argument's name, its value and what to do.
    """
    low, high = read_interval(interval)
    read_choice("structure", structure, STRUCTURES)
    objective = read_objective(objective)
    offset = read_flag("offset", offset)
    if refine is not None:
        refine = read_flag("refine", refine)
    chosen, wanted, at = None, None, None
    if degrees is not None:
        if precision is not None or tolerance is not None:
            raise ArgumentError("give degrees, or one of precision and tolerance, not both")
        if structure == "direct":
            raise ArgumentError("structure='direct' takes no degrees; use polyapprox.minimax")
        if structure == "circuit":
            raise ArgumentError("structure='circuit' takes no degrees; use polyapprox.circuit")
        chosen = read_degrees(degrees)
        what = f"degrees={chosen}"
    else:
        wanted = read_composite_tolerance(precision, tolerance, max(abs(low), abs(high)))
        what = f"tolerance={wanted!r}, objective={objective!r}, structure={structure!r}"
    if threshold is not None:
        at = read_threshold(threshold)
        if chosen is None:
            raise ArgumentError("threshold is chosen with the degrees; give degrees too")
        what += f", threshold={at!r}"
    command = (
        f"polyapprox.{function}({what}, interval=({low!r}, {high!r}), "
        f"offset={offset}, refine={refine})"
    )
    return Request(
        function, (low, high), wanted, structure, objective, offset, refine, chosen, at, command
    )

