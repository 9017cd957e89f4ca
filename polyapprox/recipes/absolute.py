# SPDX-License-Identifier: Apache-2.0
"""`relu`, `abs`, `maximum`, `minimum`: everything that is |x| in disguise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal

import mpmath

from .. import outward
from ..approximation import Approximation, Interval
from ..errors import ArgumentError
from ..functions.kin import KIN, Kin
from ..numbers import ZERO, add, exact, negate
from ..plan.plan import Plan
from ..polynomial import Polynomial
from ..proof.covered import reach, widened
from ..provenance import Provenance
from ..scaling import unit_of
from ..targets import as_target
from .arguments import read_choice, read_flag
from .wish import Wish, asks, read_limit

Structure = Literal["auto", "direct", "composite", "circuit"]
STRUCTURES = ("auto", "direct", "composite", "circuit")


@dataclass(frozen=True, kw_only=True)
class AbsoluteWish(Wish):
    """Everything that |x| in one of its disguises may be asked for.

    Attributes
    ----------
    structure, offset, refine, multiplications, levels
        As :func:`relu` says.
    """

    structure: Structure = "auto"
    offset: bool = True
    refine: bool | None = None
    multiplications: int | None = None
    levels: int | None = None

    def _check_options(self) -> None:
        read_choice("structure", self.structure, STRUCTURES)
        self._hold(offset=read_flag("offset", self.offset))
        if self.refine is not None:
            self._hold(refine=read_flag("refine", self.refine))
        for name, limit in self.limits.items():
            self._hold(**{name: read_limit(name, limit)})
        if self.by_limits:
            self._check_limits_alone()

    def _check_limits_alone(self) -> None:
        """Only circuits can be had by multiplications or levels alone."""
        given = {name: getattr(self, name) for name in ("structure", "offset", "refine")}
        usual = {"structure": ("auto", "circuit"), "offset": (True,), "refine": (None,)}
        for name, value in given.items():
            if value not in usual[name]:
                raise ArgumentError(
                    f"{name}={value!r} needs a precision, a tolerance or degrees; only circuits "
                    "can be had by multiplications or levels alone"
                )

    def _check_degrees(self) -> None:
        if self.structure in ("direct", "circuit"):
            other = "minimax" if self.structure == "direct" else "circuit"
            raise ArgumentError(
                f"structure={self.structure!r} takes no degrees; use polyapprox.{other}"
            )
        for name, limit in self.limits.items():
            if limit is not None:
                raise ArgumentError(f"degrees fix the cost; leave out {name}={limit}")

    def _check_cost(self) -> None:
        super()._check_cost()
        if self.threshold is not None and self.degrees is None:
            raise ArgumentError("threshold is chosen with the degrees; give degrees too")

    @property
    def kin(self) -> Kin:
        """How the function is made of |x|."""
        return KIN[self.function]

    @property
    def inputs(self) -> int:
        """How many arguments the function takes."""
        return self.kin.inputs

    @property
    def limits(self) -> dict[str, int | None]:
        """Most multiplications and levels, under the rule "published"."""
        return {"multiplications": self.multiplications, "levels": self.levels}

    @property
    def by_limits(self) -> bool:
        """Whether the limits are all that is asked for: the most precise circuit within them."""
        alone = self.precision is None and self.tolerance is None and self.degrees is None
        return alone and any(limit is not None for limit in self.limits.values())

    @property
    def unit(self) -> float:
        return unit_of(self.function, [self.ends])

    @cached_property
    def wanted(self) -> float | None:
        return None if self.by_limits else super().wanted

    @property
    def half_width(self) -> float:
        """W: |x| is needed on [-W, W] (of the difference of two arguments)."""
        low, high = self.ends
        if self.inputs == 1:
            return max(abs(low), abs(high))
        width = high - low
        exactly = Fraction(high) - Fraction(low)
        return width if Fraction(width) >= exactly else math.nextafter(width, math.inf)

    @cached_property
    def covered(self) -> Interval:
        """What the approximation is made and proven for: the interval, widened by the guard."""
        low, high = (exact(end) for end in self.ends)
        target = None if self.inputs == 2 else as_target(self.function)
        (part,) = widened([(low, high)], self.over, target)
        return part

    @property
    def reach(self) -> float:
        """|x| is needed on [-reach, reach], the guard included (a double, rounded up)."""
        low, high = self.covered
        if self.inputs == 2:
            return outward.above(add(high, negate(low)))
        return reach([self.covered])

    @property
    def share(self) -> int:
        """|x| errs by W·share times the ReLU error on [-1, 1]: 1 for ReLU, max, min; 2 for |x|."""
        return int(2 * self.kin.share)

    @property
    def unit_error(self) -> float:
        """Wanted ReLU error on [-1, 1]."""
        return (self.wanted or 0.0) / (self.reach * self.share)

    @property
    def scaling_levels(self) -> int:
        """Levels (rule "published") of bringing a − b of two arguments to [-1, 1]."""
        factor = Fraction(1) / Fraction(self.half_width)
        return int(self.inputs == 2 and factor.denominator != 1)

    def meets(self, result: Approximation) -> bool:
        """Whether the proven bound is within what is wanted."""
        return self.wanted is None or result.error_bound <= self.wanted

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
        low, high = self.ends
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
            guard=self.over,
            covered=(self.covered,),
        )


def made(wish: AbsoluteWish) -> Approximation:
    """The approximation wished for."""
    from .choice import make

    return make(wish)


@asks(AbsoluteWish, "relu")
def relu(wish: AbsoluteWish) -> Approximation:
    """ReLU, max(x, 0), with a proven error.

    Parameters
    ----------
    precision : float, optional
        Error on the interval scaled to [-1, 1], such as 2**-9; the absolute error is B times it,
        with B = max(abs(low), abs(high)).
    tolerance : float, optional
        Absolute error. Give exactly one of precision, tolerance and degrees.
    interval : (float, float)
        Where the input lies.
    degrees : list of int, optional
        Fixed odd degrees of the composite, innermost first.
    threshold : float, optional
        With `degrees`: from which abs(x)/B on the sign is made to hold; by default the best.
    objective : {"balanced", "levels", "multiplications", "latency"}
        What "cheapest" means; "balanced" weighs a level as two multiplications and a product with
        a constant as a hundredth of one; "latency" is the time forecast for `backend`; "depth" is
        the former word for "levels".
    backend : str, Path or LatencyModel, optional
        Where it will run, for the latency; a framework's name for the times shipped with the
        package ("openfhe" by default), or what ``polyapprox encrypted calibrate`` measured, or its file.
    guard : float
        Inputs may leave the interval by so much of B, and what the stages of a composite hand on
        may be off by so much (relative): it is made and proven for that too. 0: for neither.
    structure : {"auto", "direct", "composite", "circuit"}
        How it is made. "direct": one minimax polynomial, evaluated as x/2 plus an even polynomial for abs(x)/2
        (or as a general one where the interval's asymmetry makes that cheaper); "composite":
        x (1 + s(x))/2 with s a composite sign; "circuit": the fewest multiplications of all,
        about k − 2 at 2^-k, each with many constants (see :func:`polyapprox.circuit`); "auto": the
        cheapest of them.
    offset : bool
        Whether a constant may be added (halves the error of the dead zone; r(0) is then the
        constant). ``offset=False`` keeps r(0) = 0 and implies a composite.
    refine : bool, optional
        Whether all coefficients of a composite are refined together for the ReLU error. By
        default refined composites are used where the package ships them; ``True`` refines the
        given degrees now (seconds to minutes), ``False`` keeps to stages that are minimax on the
        image of the stage before, as the published tables are.
    multiplications : int, optional
        At most so many (rule "published"): with a precision or tolerance, or alone for the most
        precise circuit.
    levels : int, optional
        At most so many levels (rule "published"), in the same way.

    Returns
    -------
    Approximation

    Raises
    ------
    ArgumentError, ProofError

    References
    ----------
    Lee, Lee, No, Kim, IEEE TDSC 19 (2022), 3711, eprint 2020/834; Lee et al., arXiv 2105.10879.

    Examples
    --------
    >>> r = relu(precision=2**-7, interval=(-50, 50))
    >>> r.error_bound <= 50 * 2**-7
    True
    """
    return made(wish)


@asks(AbsoluteWish, "abs")
def absolute(wish: AbsoluteWish) -> Approximation:
    """|x| with a proven error; parameters as for :func:`relu`.

    Examples
    --------
    >>> absolute(precision=2**-7).error_bound <= 2**-7
    True
    """
    return made(wish)


@asks(AbsoluteWish, "maximum")
def maximum(wish: AbsoluteWish) -> Approximation:
    """max(a, b) for a and b in the interval, proven; parameters as for :func:`relu`.

    The result takes two arguments; with half the sum of a and b it is |a − b|/2 on an interval
    twice as wide.

    Examples
    --------
    >>> m = maximum(precision=2**-6)
    >>> bool(abs(m(0.25, -0.5) - 0.25) <= m.error_bound)
    True
    """
    return made(wish)


@asks(AbsoluteWish, "minimum")
def minimum(wish: AbsoluteWish) -> Approximation:
    """min(a, b) for a and b in the interval, proven; parameters as for :func:`relu`.

    Examples
    --------
    >>> m = minimum(precision=2**-6)
    >>> bool(abs(m(0.25, -0.5) + 0.5) <= m.error_bound)
    True
    """
    return made(wish)
