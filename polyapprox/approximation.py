# SPDX-License-Identifier: Apache-2.0
"""An approximation: components, plan, proven bound and provenance, in one frozen value."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import mpmath
import numpy as np

from .certificate import Certificate, Proven
from .errors import ArgumentError, PrecisionWarning
from .functions.kin import KIN, Kin, inputs_of
from .given import former, ring_element
from .numbers import ZERO, exact
from .outward import float_down, intervals
from .plan.count import Counts, Rule, count
from .plan.degree import plan_degree
from .plan.plan import Plan
from .polynomial import Polynomial
from .provenance import Provenance
from .words import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .proof.near import NearBound

Structure = Literal["polynomial", "direct", "composite", "composition", "circuit"]
Interval = tuple[mpmath.mpf, mpmath.mpf]


@dataclass(frozen=True)
class Approximation(Proven):
    """A polynomial approximation r of a function f on a domain.

    Attributes
    ----------
    function : str
        Name or expression of f.
    domain : tuple of intervals
        Union of closed intervals on which the error is stated (of either argument for maximum
        and minimum).
    structure : {"polynomial", "direct", "composite", "composition", "circuit"}
        How `components` make r: see :mod:`polyapprox.structures`.
    components : tuple of Polynomial
        Innermost first; none for a circuit, whose plan is all there is.
    plan : Plan
        The operations that compute r.
    offset : mpmath.mpf
        Free constant added at the end (zero unless the structure uses one).
    weight : str
        Expression of the weight of the error ("1": absolute error).
    error_estimate : float
        Largest *sampled* weighted error: an estimate, never a bound.
    certificate : Certificate or None
        What was proven; None for black-box functions.
    margins : tuple of mpmath.mpf
        Guard margin of each stage of a composite, relative: by how much of themselves the ends of
        its image were widened to become the input interval of the next.
    provenance : Provenance
    threshold : mpmath.mpf or None
        Of a composite |x| or ReLU: from which |x| on its sign holds.
    guard : mpmath.mpf
        By how much of B = `scale` inputs may leave the domain (0: not at all).
    covered : tuple of intervals
        What the certificate holds on: each interval of the domain, its ends moved outward by
        guard · B, or by less where the function would not follow (see :mod:`polyapprox.proof.covered`).
        The domain itself where it is not given.
    """

    function: str
    domain: tuple[Interval, ...]
    structure: Structure
    components: tuple[Polynomial, ...]
    plan: Plan
    offset: mpmath.mpf
    weight: str
    error_estimate: float
    certificate: Certificate | None
    margins: tuple[mpmath.mpf, ...]
    provenance: Provenance
    threshold: mpmath.mpf | None = None
    guard: mpmath.mpf = ZERO
    covered: tuple[Interval, ...] = ()

    def __post_init__(self) -> None:
        if not self.covered:
            object.__setattr__(self, "covered", self.domain)

    def __call__(self, *x: Any) -> Any:
        """Evaluate on numbers, arrays, mpmath or python-flint numbers (any precision).

        Numbers of Python and arrays of NumPy are evaluated in float64. Where the rounding of that
        may be larger than the error of the approximation, the first such call warns
        (:class:`polyapprox.errors.PrecisionWarning`); see `float64_error_bound`.
        """
        arguments = [ring_element("x", v) for v in x]
        _check_shapes(arguments)
        if "_floats_judged" not in self.__dict__ and any(
            isinstance(v, np.ndarray) for v in arguments
        ):
            self._judge_floats()
        with np.errstate(over="ignore", invalid="ignore"):  # far outside: infinite, or NaN
            value = self.plan.run(*arguments)
        scalar = isinstance(value, (np.ndarray, np.generic)) and value.ndim == 0
        return value.item() if scalar else value

    def _judge_floats(self) -> None:
        """Warn if float64 is too coarse for this approximation: once."""
        from .proof.float64_warning import warning_of

        object.__setattr__(self, "_floats_judged", True)
        sentence = warning_of(self)
        if sentence is not None:
            warnings.warn(sentence, PrecisionWarning, stacklevel=3)

    @property
    def float64_error_bound(self) -> float:
        """Proven bound of the rounding errors of a call with floats, on what is covered, absolute.

        See :func:`polyapprox.proof.float64.float64_error_bound`.
        """
        from .proof.float64 import float64_error_bound

        return float64_error_bound(self)

    @property
    def unit(self) -> mpmath.mpf:
        """What precision and bits measure the error in; see :mod:`polyapprox.scaling`."""
        from .scaling import scales_with_interval

        return self.scale if scales_with_interval(self.function, self.weight) else exact(1)

    @property
    def error_lower_bound(self) -> float | None:
        """Proven: nothing described by `certificate.lower_for` has a smaller error."""
        if self.certificate is None or self.certificate.lower is None:
            return None
        return float_down(self.certificate.lower)

    @property
    def degrees(self) -> tuple[int, ...]:
        """Degree of each component, innermost first (of the whole plan for a circuit)."""
        if not self.components:
            return (plan_degree(self.plan),)
        return tuple(component.degree for component in self.components)

    @property
    def kin(self) -> Kin | None:
        """How the function is made of abs(x), if it is |x|, ReLU, the maximum or the minimum."""
        return KIN.get(self.function)

    @property
    def inputs(self) -> int:
        """How many arguments the function takes."""
        return inputs_of(self.function)

    @property
    def multiplications(self) -> int:
        """Ciphertext-ciphertext multiplications of the plan (rule "published")."""
        return self.counts().multiplications

    @property
    def levels(self) -> int:
        """Levels used by the plan (rule "published": input scaling folded)."""
        return self.counts().levels

    depth = former("levels")

    def counts(self, rule: Rule = "published") -> Counts:
        """Count the plan under a named rule, see :mod:`polyapprox.plan.count`."""
        return count(self.plan, rule)

    @property
    def largest_coefficient(self) -> float:
        """Largest absolute Chebyshev coefficient of all components (constant of a circuit)."""
        if not self.components:
            constants = [abs(o.constant) for o in self.plan.operations if o.constant is not None]
            return float(max(constants, default=ZERO))
        return max(component.largest_coefficient for component in self.components)

    @property
    def slope_bound(self) -> float:
        """Proven bound of |r'| on what is covered: how many times larger input noise comes out.

        See :func:`polyapprox.proof.float64.slope_bound`.
        """
        from .proof.float64 import slope_bound

        return slope_bound(self)

    def bound_near(self, radius: float) -> NearBound:
        """Bounds of the error for inputs up to radius · B beside the interval, real or imaginary.

        See :func:`polyapprox.proof.near.bound_near`.
        """
        from .proof.near import bound_near

        return bound_near(self, radius)

    def safe_radius(self, factor: float = 2.0) -> float:
        """How far outside the interval r stays small, proven.

        See :func:`polyapprox.proof.outside.safe_radius`.
        """
        from .proof.outside import safe_radius

        return safe_radius(self, factor)

    def save(self, path: str | Path) -> Path:
        """Write the table as JSON, atomically; see :mod:`polyapprox.table`."""
        from .table import save

        return save(self, path)

    def export(
        self, format: str, path: str | Path, *, form: Literal["plan", "components"] | None = None
    ) -> Path:
        """Write it in a framework's own convention; see :func:`polyapprox.export.export`."""
        from .export import export

        return export(self, format, path, form=form)

    def plot(self, path: str | Path | None = None) -> Figure:
        """Draw the error with its bound; see :func:`polyapprox.plot.error_curve`."""
        from .plot import error_curve

        return error_curve(self, path)

    def __repr__(self) -> str:
        return (
            f"<{self.function} on {intervals(self.domain, point=True)}: {self.structure} {list(self.degrees)}, {self._claim()}, "
            f"{counted(self.multiplications, 'multiplication')}, {counted(self.levels, 'level')}>"
        )


def _check_shapes(arguments: list[Any]) -> None:
    shapes = [v.shape for v in arguments if isinstance(v, np.ndarray)]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        raise ArgumentError(f"the arguments must have one shape; got {shapes}") from None
