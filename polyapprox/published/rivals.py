# SPDX-License-Identifier: Apache-2.0
"""The rivals of a benchmark: published composites r_alpha, and Chebyshev interpolants.

The published stages are powers, the next stage on whatever the last one reaches. Here every stage
but the last is divided by a dyadic number just above its largest value, and the next is expanded,
exactly, in Chebyshev polynomials of the result: no level is spent on an interval, and no digits are
lost in large coefficients. Their plan is that of the publication (odd baby steps and giant steps,
the product by x last), with its counts. Nothing is proven of these: what they reach is measured.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import cast

import numpy as np

from ..approximation import Approximation, Structure
from ..numbers import ZERO, exact as exact_number
from ..plan.builder import PlanBuilder
from ..plan.chebyshev import append_chebyshev
from ..plan.plan import Plan
from ..polynomial import Polynomial
from ..provenance import Provenance, remarked, unless
from .composites import _stages, _to_chebyshev, published_plan

_LARGEST_DEGREE = 1007
_POINTS = 100_001
_IMPORT = "import polyapprox.published.rivals as rivals first"
_STEP = 1 << 10  # radii are multiples of 1/_STEP
_ROOM = 1e-4


def published_relu(alpha: int) -> Approximation:
    """The published composite r_alpha on [-1, 1], its error estimated.

    Parameters
    ----------
    alpha : int
        4 to 14.

    Raises
    ------
    ArgumentError
        For another alpha.

    Examples
    --------
    >>> r = published_relu(7)
    >>> r.degrees, round(r.bits, 1), r.multiplications, r.levels
    ((7, 7), 7.0, 11, 7)
    """
    u = np.sin(np.linspace(0.0, np.pi / 2, _POINTS))
    stages = _stages(alpha)
    components, radius = [], Fraction(1)
    for position, stage in enumerate(stages):
        powers = [Fraction(text) for text in stage["power_odd_coeffs"]]
        odd = _to_chebyshev(powers, radius)  # type: ignore[arg-type]
        coefficients = np.zeros(2 * len(odd))
        coefficients[1::2] = [float(c) for c in odd]
        last = position == len(stages) - 1
        if not last:
            values = np.polynomial.chebyshev.chebval(u, coefficients)
            largest = float(np.max(np.abs(values))) + _ROOM
            radius = Fraction(math.ceil(largest * _STEP), _STEP)
            coefficients[1::2] = [float(c / radius) for c in odd]
            u = values / float(radius)
        components.append(Polynomial.from_floats(coefficients, (-1, 1), "odd"))
    plan = published_plan(components)
    command = unless(f"rivals.published_relu({alpha})", _IMPORT)
    source = remarked(command, "Lee et al., arXiv 2105.10879, coefficients of snu-ccl/approxCNN")
    return _entered("composite", tuple(components), plan, source)


def interpolant(error: float) -> Approximation | None:
    """ReLU on [-1, 1] by a Chebyshev interpolant of the least degree that reaches an error.

    None if that is more than degree 1007, ten levels in OpenFHE. It is the interpolant of
    ``EvalChebyshevFunction``: at the zeros of T_{n+1}.

    Examples
    --------
    >>> r = interpolant(2.0**-5)
    >>> r.degrees, r.error_estimate < 2.0**-5
    ((10,), True)
    """
    x = np.linspace(-1.0, 1.0, _POINTS)
    exact = np.maximum(x, 0.0)

    def reaches(degree: int) -> bool:
        values = np.polynomial.chebyshev.chebval(x, _interpolate(degree))
        return float(np.max(np.abs(values - exact))) <= error

    low, high = 0, 2  # even degrees, which have a node at 0, where ReLU is hardest
    while not reaches(high):
        low, high = high, 2 * high
        if low > _LARGEST_DEGREE:
            return None
    while high - low > 2:
        middle = (low + high) // 4 * 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    if high > _LARGEST_DEGREE:
        return None
    component = Polynomial.from_floats(_interpolate(high), (-1, 1))
    command = unless(f"rivals.interpolant({error!r})", _IMPORT)
    builder = PlanBuilder()
    series = append_chebyshev(builder, builder.arguments[0], component.coefficients)
    return _entered("polynomial", (component,), builder.finish(series), command)


def _interpolate(degree: int) -> np.ndarray:
    def relu(points: np.ndarray) -> np.ndarray:
        return cast("np.ndarray", np.maximum(points, 0.0))

    return np.polynomial.chebyshev.chebinterpolate(relu, degree)


def _entered(
    structure: Structure, components: tuple[Polynomial, ...], plan: Plan, source: str
) -> Approximation:
    x = np.concatenate([np.linspace(-1.0, 1.0, _POINTS), np.geomspace(2.0**-30, 1.0, _POINTS)])
    error = float(np.max(np.abs(plan.run(x) - np.maximum(x, 0.0))))
    return Approximation(
        function="relu",
        domain=((exact_number(-1), exact_number(1)),),
        structure=structure,
        components=components,
        plan=plan,
        offset=ZERO,
        weight="1",
        error_estimate=error,
        certificate=None,
        margins=(),
        provenance=Provenance.of(source),
    )
