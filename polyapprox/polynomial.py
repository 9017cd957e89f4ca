# SPDX-License-Identifier: Apache-2.0
"""A polynomial: Chebyshev coefficients, low to high, on a stated domain."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

import mpmath
import numpy as np
from flint import arb

from .errors import ArgumentError
from .given import exact_number, ring_element, sequence, shown
from .numbers import ZERO, Real, ball, fraction, nearest_dyadic
from .precision import undisturbed

Parity = Literal["even", "odd"]
MAP_BITS = 400


def _read_ends(domain: Any) -> tuple[mpmath.mpf, mpmath.mpf]:
    ends = tuple(exact_number("domain", end) for end in sequence("domain", domain))
    if len(ends) != 2 or not ends[0] < ends[1]:
        raise ArgumentError(f"domain must be two numbers (low, high), ascending; got {shown(domain)}")
    return ends


@dataclass(frozen=True)
class Polynomial:
    """sum c_k T_k(u), where u maps the domain [a, b] onto [-1, 1].

    Parameters
    ----------
    coefficients : tuple of mpmath.mpf, shape (degree + 1,)
        Chebyshev coefficients, low to high, exact dyadic numbers. The first is c_0 itself
        (no factor 1/2, unlike OpenFHE's convention).
    domain : tuple of two mpmath.mpf
        The interval [a, b] that is mapped onto [-1, 1].
    parity : {"even", "odd"}, optional
        Structural parity: coefficients of the other parity are zero by construction.

    Examples
    --------
    >>> p = Polynomial.from_floats([0.0, 1.0, 0.0, -0.25], domain=(-1, 1), parity="odd")
    >>> p.degree, float(p(0.5))
    (3, 0.75)
    """

    coefficients: tuple[mpmath.mpf, ...]
    domain: tuple[mpmath.mpf, mpmath.mpf]
    parity: Parity | None = None

    @classmethod
    def from_floats(
        cls, coefficients: Iterable[Real], domain: tuple[Real, Real] = (-1, 1), parity: Parity | None = None
    ) -> Polynomial:
        """Make a polynomial from numbers (each held exactly)."""
        return cls(
            tuple(exact_number("coefficients", c) for c in sequence("coefficients", coefficients)),
            _read_ends(domain),
            parity,
        )

    @property
    def degree(self) -> int:
        """Highest index with a non-zero coefficient (0 for the zero polynomial)."""
        for index in range(len(self.coefficients) - 1, 0, -1):
            if self.coefficients[index]:
                return index
        return 0

    def as_floats(self) -> np.ndarray:
        """Chebyshev coefficients as float64, shape (degree + 1,)."""
        return np.array([float(c) for c in self.coefficients], dtype=np.float64)

    @cached_property
    def unit_map(self) -> tuple[mpmath.mpf, mpmath.mpf]:
        """Slope and shift of u = slope · x + shift.

        They are 2/(b − a) and −(a + b)/(b − a), rounded to 400 bits where they are not dyadic:
        these exact numbers are what every plan, proof and table uses.
        """
        low, high = (fraction(end) for end in self.domain)
        slope, shift = 2 / (high - low), -(high + low) / (high - low)
        return nearest_dyadic(slope, MAP_BITS), nearest_dyadic(shift, MAP_BITS)

    def __call__(self, x: Any) -> Any:
        """Evaluate by Clenshaw's recurrence on a number, an array, an mpf or a ball."""
        if isinstance(x, arb):
            with undisturbed():
                return self._clenshaw(x, ball)
        if isinstance(x, mpmath.mpf):
            return self._clenshaw(x, mpmath.mpf)
        x = ring_element("x", x)
        with np.errstate(over="ignore", invalid="ignore"):
            return self._clenshaw(x, fraction if isinstance(x, Fraction) else float)

    def _clenshaw(self, x: Any, lift: Callable[[mpmath.mpf], Any]) -> Any:
        slope, shift = (lift(number) for number in self.unit_map)
        u = x if (slope, shift) == (1, 0) else x * slope + shift
        first = second = u * 0
        for coefficient in reversed(self.coefficients[1:]):
            first, second = 2 * u * first - second + lift(coefficient), first
        return u * first - second + lift(self.coefficients[0])

    def monomial(self) -> tuple[Fraction, ...]:
        """Exact coefficients in powers of x, low to high, shape (degree + 1,)."""
        low, high = (fraction(end) for end in self.domain)
        slope, shift = 2 / (high - low), -(high + low) / (high - low)
        before: list[Fraction] = [Fraction(1)]
        current: list[Fraction] = [shift, slope]
        total = [Fraction(0)] * len(self.coefficients)
        for index, coefficient in enumerate(self.coefficients):
            basis = before if index == 0 else current
            if index > 1:
                following = [2 * shift * c for c in current] + [Fraction(0)]
                for power, c in enumerate(current):
                    following[power + 1] += 2 * slope * c
                for power, c in enumerate(before):
                    following[power] -= c
                before, current, basis = current, following, following
            value = fraction(coefficient)
            if value:
                for power, c in enumerate(basis):
                    total[power] += value * c
        return tuple(total)

    @property
    def largest_coefficient(self) -> float:
        """Largest absolute Chebyshev coefficient."""
        return float(max((abs(c) for c in self.coefficients), default=ZERO))
