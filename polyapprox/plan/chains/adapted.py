# SPDX-License-Identifier: Apache-2.0
"""Plans with adapted coefficients for a given polynomial, where they are worth it.

The chains of :mod:`polyapprox.plan.chains.chain` need fewer multiplications than baby steps and giant
steps, but their constants come from a system of equations in the coefficients: they may be large,
or a solution may not be found. Then the series is evaluated by baby steps and giant steps, and
the reason is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import mpmath
import numpy as np

from ...errors import NotConvergedError
from ...numbers import dyadic, multiply, significant_bits
from ...polynomial import MAP_BITS
from ..builder import PlanBuilder
from .chain import Chain, Family, Side
from .exact import difference_bound, refine_chain
from .fit import Fit, factor_powers, fit_chain, points, rescale, thin_fit
from .table import Objective, best_chain

LARGEST_CONSTANT = 2.0**10
LARGEST_AMPLIFICATION = 2.0**12
_MINUS_ONE = dyadic(-1, 0)
_SEEDS = 16
_ENOUGH = 2  # solutions, of which the best conditioned is taken
_BITS_FOR_EACH = 4
_DIFFERENCE_BITS = 40  # fewer than the constants have


@dataclass(frozen=True)
class Adapted:
    """A chain with its constants.

    Attributes
    ----------
    chain : Chain
    constants : tuple of mpmath.mpf
        In the order of the sides of the chain; zeros cost nothing.
    largest : float
        Largest absolute constant.
    amplification : float
        See :class:`polyapprox.plan.chains.fit.Fit` (sampled).
    difference : mpmath.mpf
        Proven bound of |chain − series| on [-1, 1], absolute.
    """

    chain: Chain
    constants: tuple[mpmath.mpf, ...]
    largest: float
    amplification: float
    difference: mpmath.mpf


@dataclass(frozen=True)
class Refusal:
    """Why a series is evaluated by baby steps and giant steps."""

    reason: str


@lru_cache(maxsize=512)
def adapt(
    series: tuple[mpmath.mpf, ...],
    family: Family,
    objective: Objective = "levels",
    largest_constant: float = LARGEST_CONSTANT,
    largest_amplification: float = LARGEST_AMPLIFICATION,
    bits: int | None = None,
) -> Adapted | Refusal:
    """Constants of the shipped chain that computes a Chebyshev series.

    Parameters
    ----------
    series : tuple of mpmath.mpf, shape (degree + 1,)
        Chebyshev coefficients, low to high; odd for the families "odd" and "times".
    family : {"odd", "times", "general"}
        See :mod:`polyapprox.plan.chains.chain`.
    objective : {"levels", "multiplications"}
        Fewest levels first, or fewest multiplications.
    largest_constant : float
        Largest constant allowed, relative to the largest coefficient.
    largest_amplification : float
        Largest amplification of rounding errors allowed.
    bits : int, optional
        Significant bits of the constants; by default 400, or four times those of the coefficients
        where that is more: what is rounded grows through all the stages that a composite of such
        coefficients has.

    Examples
    --------
    >>> from polyapprox.numbers import exact
    >>> found = adapt(tuple(exact(c) for c in (0, 1.2, 0, -0.35, 0, 0.2, 0, -0.1)), "odd")
    >>> found.chain.multiplications, found.chain.levels, found.largest < 4
    (4, 3, True)
    """
    degree = len(series) - 1
    if bits is None:
        bits = max(MAP_BITS, _BITS_FOR_EACH * max(significant_bits(c) for c in series))
    chain = best_chain(family, degree, objective)
    if chain is None:
        return Refusal(f"no chain is known for degree {degree}")
    size = max(abs(c) for c in series)
    power = int(mpmath.frexp(size)[1])
    scaled = tuple(multiply(c, dyadic(1, -power)) for c in series)  # largest in [1/2, 1)
    floats = np.array([float(c) for c in scaled])
    unit = float(np.abs(floats).max())
    fit = _best_fit(chain, tuple((floats / unit).tolist()))
    if fit is None:
        return Refusal(f"no real constants were found for the chain of degree {degree}")
    if fit.largest > largest_constant:
        return Refusal(
            f"the constants of the chain of degree {degree} reach {fit.largest:.3g}, more than "
            f"largest_constant={largest_constant:g}"
        )
    if fit.amplification > largest_amplification:
        return Refusal(
            f"the chain of degree {degree} would amplify rounding errors {fit.amplification:.3g} "
            f"times, more than largest_amplification={largest_amplification:g}"
        )
    try:
        start = np.array(rescale(chain, fit.constants.tolist(), unit))
        constants = refine_chain(chain, start, fit.free, scaled, bits)
    except NotConvergedError as error:
        return Refusal(str(error))
    constants = tuple(
        multiply(c, dyadic(1, power * times))
        for c, times in zip(constants, factor_powers(chain), strict=True)
    )
    difference = difference_bound(chain, constants, series, bits)
    if difference > dyadic(1, _DIFFERENCE_BITS - bits + power):
        return Refusal(f"the constants of the chain of degree {degree} are not exact enough")
    largest = max(abs(float(c)) for c in constants)
    return Adapted(chain, constants, largest, fit.amplification, difference)


@lru_cache(maxsize=512)
def _best_fit(chain: Chain, series: tuple[float, ...]) -> Fit | None:
    """The best conditioned of a few fits to a series whose largest coefficient is 1."""
    coefficients = np.array(series)
    found: list[Fit] = []
    for seed in range(_SEEDS):
        fit = fit_chain(chain, coefficients, seed)
        if fit is not None:
            found.append(fit)
        if len(found) == _ENOUGH:
            break
    if not found:
        return None
    wanted = np.polynomial.chebyshev.chebval(points(chain), coefficients)
    return thin_fit(chain, wanted, min(found, key=lambda fit: fit.amplification))


def append_adapted(
    builder: PlanBuilder, value: int, found: Adapted, factor: int | None = None
) -> int:
    """Append the operations of a chain.

    Parameters
    ----------
    builder : PlanBuilder
    value : int
        Index of y in [-1, 1].
    found : Adapted
    factor : int, optional
        Index of z, for the family "times".

    Returns
    -------
    int
        Index of the result.
    """
    return _Appending(builder, value, found, factor).result


class _Appending:
    def __init__(self, builder: PlanBuilder, value: int, found: Adapted, factor: int | None) -> None:
        self.builder, self.constants, self.place = builder, found.constants, 0
        self.values = [value]
        if factor is not None:
            self.values.append(builder.multiply(builder.scale(factor, self.constants[0]), value))
            self.place = 1
        chain = found.chain
        for (left, right), centred in zip(chain.sides[:-1], chain.centred, strict=True):
            product = builder.double(builder.multiply(self._sum(left), self._sum(right)))
            self.values.append(builder.shift(product, _MINUS_ONE) if centred else product)
        self.result = self._sum(chain.sides[-1][0])

    def _sum(self, side: Side) -> int:
        builder, total = self.builder, self.values[side.lead]
        if side.factor:
            total = builder.scale(total, self.constants[self.place])
        for at, index in enumerate(side.scaled, self.place + side.factor):
            if self.constants[at]:
                term = builder.scale(self.values[index], self.constants[at])
                total = builder.add(total, term)
        self.place += side.parameters
        if side.constant:
            total = builder.shift(total, self.constants[self.place - 1])
        return total
