# SPDX-License-Identifier: Apache-2.0
"""A certificate: what was proven about an approximation, and how; and what values that carry one say."""

from __future__ import annotations

from dataclasses import dataclass, field

import mpmath

from .errors import NoBoundError
from .numbers import log2, magnitude
from .outward import bits_of, float_up, upper

METHODS = (
    "sampling theorem",
    "exact extrema of parabolas",
    "Taylor models on cells",
    "Taylor balls",
    "Chebyshev coefficients",
    "stages",
)


@dataclass(frozen=True)
class Certificate:
    """A proven statement: weight · |r(x) − f(x)| <= upper for every x of what the approximation covers.

    Parameters
    ----------
    upper : mpmath.mpf
        Proven upper bound of the (weighted) error, absolute.
    lower : mpmath.mpf or None
        Proven lower bound: no competitor described by `lower_for` does better.
    lower_for : str
        For whom, and where, the lower bound holds.
    method : str
        One of :data:`METHODS`: what was done.
    details : dict
        What the method used: number of points or cells, degree, image of each stage.
    """

    upper: mpmath.mpf
    lower: mpmath.mpf | None
    lower_for: str
    method: str
    details: dict[str, object] = field(default_factory=dict, compare=False)


class Proven:
    """What a value with a certificate, or without one, says of its error."""

    function: str
    domain: tuple[tuple[mpmath.mpf, mpmath.mpf], ...]
    error_estimate: float
    certificate: Certificate | None

    @property
    def interval(self) -> tuple[mpmath.mpf, mpmath.mpf]:
        """Hull of the domain."""
        return self.domain[0][0], self.domain[-1][1]

    @property
    def scale(self) -> mpmath.mpf:
        """B = max(|a|, |b|), the larger end of the interval."""
        return max(magnitude(self.interval[0]), magnitude(self.interval[1]))

    @property
    def unit(self) -> mpmath.mpf:
        """What precision and bits measure the error in: B where f scales with the interval, else 1.

        See :func:`polyapprox.scaling.scales_with_interval`.
        """
        raise NotImplementedError

    @property
    def error_bound(self) -> float:
        """Proven bound of the error on what is covered, absolute (rounded up to a float).

        Raises
        ------
        NoBoundError
            If the function is a black box: only `error_estimate` exists then.
        """
        if self.certificate is None:
            raise NoBoundError(
                f"no bound is proven for {self.function!r}, a black-box function: use "
                "error_estimate, or give an expression or a function of python-flint balls"
            )
        return float_up(self.certificate.upper)

    @property
    def bits(self) -> float:
        """−log2 of the error in units of :attr:`unit`; rounded down where it is proven.

        Functions that scale with the interval (ReLU, |x|, …) count on the interval scaled to
        [-1, 1], all others (sigmoid, exp, sign, …) by the absolute or weighted error.
        """
        if self.certificate is not None:
            return bits_of(self.certificate.upper, self.unit)
        error = self.error_estimate
        return float("inf") if not error else log2(self.unit) - log2(error)

    def _claim(self) -> str:
        if self.certificate is None:
            return f"error about {self.error_estimate:.4g} (estimate)"
        return f"error <= {upper(self.certificate.upper, 4)} (proven)"
