# SPDX-License-Identifier: Apache-2.0
"""What TenSEAL's ``polyval`` makes of monomials, forecast before anything is encrypted.

TenSEAL calls the scale 2^scale_bits after every rescaling, though it has been divided by a prime
that is not exactly that: x² comes back times 2^scale_bits / q, and so on with every product. Times
large monomial coefficients of both signs, nothing is left of the value. The same products are taken
here on numbers, with the same factors, and noise of the size of SEAL's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...errors import ArgumentError
from ...polynomial import Polynomial
from ..backend import Parameters

_POINTS = 4097
_NOISE = 8.0  # standard deviations of a rounding, times the root of the ring dimension
_WORST = 2.0**-6  # of the largest value: what is refused


def monomials(series: Sequence[float]) -> list[float]:
    """Coefficients in powers of u in [-1, 1], low to high, of a Chebyshev series.

    Examples
    --------
    >>> monomials([0.0, 0.0, 1.0])
    [-1.0, 0.0, 2.0]
    """
    return [float(c) for c in Polynomial.from_floats(list(series)).monomial()]


def forecast(
    lists: Sequence[Sequence[float]], primes: Sequence[int], parameters: Parameters
) -> tuple[float, float]:
    """Largest error of ``polyval`` over [-1, 1], and the largest value.

    Parameters
    ----------
    lists : sequence of sequence of float
        Monomial coefficients, innermost polynomial first.
    primes : sequence of int
        In the order in which rescalings divide by them.
    parameters : Parameters

    Returns
    -------
    (float, float)
        The error is an estimate, infinite where it leaves all range.
    """
    ratios = [2.0**parameters.scale_bits / prime for prime in primes]
    noise = _NOISE * parameters.ring_dimension**0.5 / 2.0**parameters.scale_bits
    x = np.linspace(-1.0, 1.0, _POINTS)
    exact: np.ndarray = x
    run: np.ndarray = x
    level = 0
    signs = np.where(np.arange(_POINTS) % 2, 1.0, -1.0)
    for coefficients in lists:
        exact = np.polynomial.polynomial.polyval(exact, coefficients)
        with np.errstate(over="ignore", invalid="ignore"):
            run = with_drift(run, coefficients, ratios, level)
            run = run + noise * signs * max(abs(c) for c in coefficients)
        level += (len(coefficients) - 1).bit_length()
    error = float(np.abs(run - exact).max())
    return (error if np.isfinite(error) else float("inf")), float(np.abs(exact).max())


def with_drift(
    x: np.ndarray, coefficients: Sequence[float], ratios: Sequence[float], start: int
) -> np.ndarray:
    """The sum of coefficient · x^k, every product times 2^scale_bits over the prime it lost."""

    def ratio(level: int) -> float:
        place = start + level
        return ratios[place] if place < len(ratios) else 1.0

    squares: list[np.ndarray] = [x]
    for level in range((len(coefficients) - 1).bit_length()):
        squares.append(squares[-1] ** 2 * ratio(level))
    total = np.full_like(x, coefficients[0])
    for power, coefficient in enumerate(coefficients):
        if power and coefficient:
            bits = [place for place in range(power.bit_length()) if power >> place & 1]
            term, level = coefficient * squares[bits[0]] * ratio(bits[0]), bits[0] + 1
            for place in bits[1:]:
                level = max(level, place)
                term = term * squares[place] * ratio(level)
                level += 1
            total = total + term
    return total


def rounding(coefficients: Sequence[float], largest: float, parameters: Parameters) -> float:
    """Noise of the sum where |x| is `largest`: a product with a coefficient comes first.

    Its rounding is then multiplied by the other squares of x: by x^14 for x^15, however small the
    coefficient is.
    """
    one = _NOISE * math.sqrt(parameters.ring_dimension) / 2.0**parameters.scale_bits
    powers = [power for power, c in enumerate(coefficients) if power and c]
    return one * sum(max(1.0, math.pow(largest, power - (power & -power))) for power in powers)


def refuse_ill_conditioned(
    lists: Sequence[Sequence[float]], primes: Sequence[int], parameters: Parameters
) -> None:
    """Refuse monomials that ``polyval`` would get wrong.

    Raises
    ------
    ArgumentError
        If the forecast error is above 2^-6 of the largest value.
    """
    error, largest = forecast(lists, primes, parameters)
    if error > _WORST * max(1.0, largest):
        most = max(abs(c) for coefficients in lists for c in coefficients)
        raise ArgumentError(
            f"polyval takes monomials, here with coefficients up to {most:.2g}: at "
            f"scale_bits={parameters.scale_bits} the result would be off by about {error:.1g}; "
            "use a larger scale_bits, or run the plan, which stays in the Chebyshev basis"
        )
