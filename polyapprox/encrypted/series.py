# SPDX-License-Identifier: Apache-2.0
"""Components as a framework's own evaluator takes them: Chebyshev series from [-1, 1] to [-1, 1].

The input is brought to [-1, 1] before it is encrypted, and the output of every series but the last
is divided by the end of the next one's domain [-W, W]: no series needs a level to map its
interval. A composite |x| or ReLU ends with a product by the input.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..approximation import Approximation
from ..errors import ArgumentError


@dataclass(frozen=True)
class Series:
    """What is evaluated: factor · (p_k ∘ … ∘ p_1(u) [· u]) + offset, u = slope · x + shift.

    Attributes
    ----------
    series : tuple of tuple of float
        Chebyshev coefficients of p_1 … p_k, low to high, the first one whole.
    final_product : bool
        Whether the result is multiplied by u at the end.
    slope, shift : float
        Of the unit variable u.
    factor, offset : float
        What is left to do after decryption.
    """

    series: tuple[tuple[float, ...], ...]
    final_product: bool
    slope: float
    shift: float
    factor: float
    offset: float

    def unit(self, x: np.ndarray) -> np.ndarray:
        """The values that are encrypted."""
        return self.slope * x + self.shift


def chebyshev_series(approximation: Approximation) -> Series:
    """The series of an approximation of one argument.

    Raises
    ------
    ArgumentError
        If it has no components, or two arguments, or a domain inside is not centred.

    Examples
    --------
    >>> from polyapprox import minimax
    >>> made = chebyshev_series(minimax("exp(x)", 3, domain=(0, 2)))
    >>> len(made.series[0]), made.slope, made.shift
    (4, 1.0, -1.0)
    """
    one = approximation
    if not one.components:
        raise ArgumentError(
            "a circuit has no components; run its plan (a backend that executes 'plan')"
        )
    if one.inputs == 2:
        raise ArgumentError(f"{one.function} takes two arguments; run its plan")
    slope, shift = (float(value) for value in one.components[0].unit_map)
    lists = [[float(c) for c in component.coefficients] for component in one.components]
    for position, component in enumerate(one.components[1:], 1):
        low, high = component.domain
        if low != -high:
            raise ArgumentError(
                f"component {position} has the domain [{float(low)}, {float(high)}], which is not "
                "centred; run the plan"
            )
        lists[position - 1] = [c / float(high) for c in lists[position - 1]]
    final, factor, offset = False, 1.0, 0.0
    if one.structure == "composite" and one.function != "sign":
        if one.function in ("relu", "step"):
            lists[-1] = [c / 2 for c in lists[-1]]
            lists[-1][0] += 0.5
        final = one.function != "step"
        if final:
            factor, offset = float(one.components[0].domain[1]), float(one.offset)
    for position, coefficients in enumerate(lists):
        while len(coefficients) > 1 and not coefficients[-1]:
            coefficients.pop()
        if len(coefficients) < 2:
            raise ArgumentError(f"component {position} is a constant; run the plan")
    return Series(tuple(tuple(c) for c in lists), final, slope, shift, factor, offset)
