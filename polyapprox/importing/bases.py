# SPDX-License-Identifier: Apache-2.0
"""Rows of powers, and stages brought to [-1, 1], exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import mpmath
import numpy as np

from ..export.powers import from_powers
from ..numbers import dyadic, exact, multiply
from ..polynomial import Polynomial

_SLACK = 1.0 + 2.0**-10
_SAMPLES = 4001


def odd_row(row: Sequence[mpmath.mpf]) -> tuple[mpmath.mpf, ...]:
    """The row of all powers from the row of the odd ones.

    Examples
    --------
    >>> from polyapprox.numbers import exact
    >>> [float(c) for c in odd_row([exact(1.5), exact(-0.5)])]
    [0.0, 1.5, 0.0, -0.5]
    """
    full: list[mpmath.mpf] = []
    for c in row:
        full += [dyadic(0, 0), c]
    return tuple(full)


def folded(components: tuple[Polynomial, ...]) -> tuple[tuple[Polynomial, ...], str]:
    """The same composition with every inner value in [-1, 1], by exact powers of two.

    Powers have no interval of their own: where a stage's values reach beyond 1, it is divided by
    a power of two and the next stage is expanded on that much more, which costs nothing.

    Returns
    -------
    (tuple of Polynomial, str)
        The stages, and a note on what was done (empty: nothing).
    """
    stages = list(components)
    powers = []
    reach = np.linspace(float(stages[0].domain[0]), float(stages[0].domain[1]), _SAMPLES)
    for index in range(len(stages) - 1):
        values = np.asarray(stages[index](reach))
        largest = float(np.max(np.abs(values)))
        power = 0
        while largest > _SLACK * 2.0**power and power < 60:
            power += 1
        powers.append(power)
        if power:
            stages[index] = _scaled(stages[index], -power)
            stages[index + 1] = stretched(stages[index + 1], power)
            values = values / 2.0**power
        size = float(np.max(np.abs(values)))
        reach = np.linspace(-size, size, _SAMPLES)
    if not any(powers):
        return components, ""
    said = ", ".join(f"2^-{power}" for power in powers)
    return tuple(stages), f"inner values scaled by {said} (exact), next stage expanded accordingly"


def _scaled(polynomial: Polynomial, power: int) -> Polynomial:
    factor = dyadic(1, power)
    return replace(
        polynomial, coefficients=tuple(multiply(c, factor) for c in polynomial.coefficients)
    )


def stretched(polynomial: Polynomial, power: int) -> Polynomial:
    """p(2^power · x) on the same interval [-1, 1]."""
    scaled = [multiply(exact(c), dyadic(1, power * k)) for k, c in enumerate(_powers(polynomial))]
    return from_powers(scaled, polynomial.domain)


def _powers(polynomial: Polynomial) -> list[Fraction]:
    return list(polynomial.monomial())
