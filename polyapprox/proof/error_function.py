# SPDX-License-Identifier: Apache-2.0
"""The error r − f of an approximation, as a function of one argument: floats and balls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import mpmath
import numpy as np
from flint import arb

from ..approximation import Approximation
from ..errors import ProofError
from ..outward import float_down, float_up
from ..plan.plan import Plan
from ..precision import working_precision
from ..targets import Target, as_target
from .study import along_zero, one_argument_function, study_domain

_SAMPLES = 20_000  # of each interval, denser at its ends


@dataclass(frozen=True)
class ErrorFunction:
    """weight · (r − f), with r computed by the plan.

    max(a, b) and min(a, b) are taken along b = 0, where a is any difference that occurs.

    Attributes
    ----------
    target : Target
    weight : Target or None
    plan : Plan
        Of one argument.
    intervals : tuple of (mpf, mpf)
        Where the argument runs.
    """

    target: Target
    weight: Target | None
    plan: Plan
    intervals: tuple[tuple[mpmath.mpf, mpmath.mpf], ...]

    def floats(self, x: np.ndarray) -> np.ndarray:
        """Weighted error in double arithmetic (its rounding included), shape of `x`."""
        error = np.asarray(self.plan.run(x)) - self.target.numpy(x)
        return cast("np.ndarray", error if self.weight is None else error * self.weight.numpy(x))

    def ball(self, x: arb) -> arb:
        """A ball that contains the weighted error, in the current working precision."""
        error = self.plan.run(x) - self.target.ball(x)
        return cast("arb", error if self.weight is None else error * self.weight.ball(x))

    def accurate(self, x: np.ndarray, bits: int) -> np.ndarray:
        """Weighted error in ball arithmetic of `bits` bits, rounded to double once."""
        with working_precision(bits):
            values = [float(self.ball(arb(float(point))).mid()) for point in x.ravel()]
        return np.array(values, dtype=np.float64).reshape(x.shape)


def error_function(approximation: Approximation, function: Any = None) -> ErrorFunction:
    """The error of an approximation.

    Parameters
    ----------
    approximation : Approximation
    function : str, callable or Target, optional
        The function itself, where its name in the approximation is not an expression.

    Raises
    ------
    ProofError
        If the function is a callable, whose name says nothing: it is not in the table.
    """
    name, weight = approximation.function, approximation.weight
    try:
        target = as_target(one_argument_function(name) if function is None else function)
        weighting = None if weight == "1" else as_target(weight)
    except ValueError as error:
        raise ProofError(
            f"the function {name!r} with weight {weight!r} is no expression, so its error "
            f"cannot be computed from the table alone: {error}"
        ) from None
    plan, intervals = along_zero(approximation), tuple(study_domain(approximation))
    return ErrorFunction(target, weighting, plan, intervals)


def largest_sample(approximation: Approximation, function: Any = None) -> float:
    """The largest weighted error at sample points of all that is covered (an estimate; 0 where nothing is finite)."""
    error = error_function(approximation, function)
    steps = np.sin(np.arange(_SAMPLES + 1) * (np.pi / (2 * _SAMPLES))) ** 2
    places = []
    for low, high in error.intervals:
        a, b = float_up(low), float_down(high)
        places.append(np.clip(a + (b - a) * steps, a, b))
    with np.errstate(all="ignore"):
        sizes = np.abs(error.floats(np.concatenate(places)))
    return float(np.max(sizes, initial=0.0, where=np.isfinite(sizes)))


def least_error(error: ErrorFunction, x: float, bits: int) -> arb:
    """A proven lower bound of |error| at a point, in `bits` bits (0 where nothing is known)."""
    with working_precision(bits):
        found = error.ball(arb(x)).abs_lower()
        return found if found.is_finite() else arb(0)
