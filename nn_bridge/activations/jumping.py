# SPDX-License-Identifier: Apache-2.0
"""Hardshrink, which jumps: by two signs, proven outside a gap around each jump.

hardshrink(x, λ) is x where |x| > λ and 0 elsewhere, which is x · (1 + (sign(x − λ) − sign(x + λ))/2). No
continuous function follows a jump: for precision 2^-k the error is proven for inputs that are B·2^-k or
more away from ±λ, and there it is at most B·2^-k. In the gaps the value lies between the two, up to the
proven excess of the sign, and that is counted in the bound of the whole interval.
"""

from __future__ import annotations

from functools import lru_cache

import torch

import polyapprox
from polyapprox.outward import float_up, rational
from polyapprox.proof.outside import largest_value

from .activation import Outside, PolynomialActivation
from .derived import Derived
from .evaluator import Evaluator


class Hardshrink(Derived):
    """x · (1 + (sign(x − λ) − sign(x + λ))/2).

    Attributes
    ----------
    gap : float
        Half of the width around each of ±λ where nothing closer than the jump is proven.
    error_outside_gaps : float
        Proven bound of the absolute error for all other inputs of [−B, B].
    """

    def __init__(
        self, evaluator: Evaluator, bound: float, outside: Outside, name: str, threshold: float, precision: float
    ) -> None:
        super().__init__(evaluator, bound, outside, name, [])
        self.share = bound / 2
        self.threshold, self.gap = threshold, 0.0
        self.error_bound = self.error_outside_gaps = 0.0
        if 0 < threshold < bound:
            self._take_signs(precision)

    def _take_signs(self, precision: float) -> None:
        """Two parts, and what is proven of them."""
        sign, largest = _sign(self.bound + self.threshold, precision, self.bound * precision)
        self.evaluator = sign
        self.parts = [PolynomialActivation(sign, sign.radius, "report", self.name)] * 2
        error = rational(self.parts[0].error_bound)
        self.gap = float_up(rational(sign.approximation.threshold))
        reached = min(rational(self.bound), rational(self.threshold) + rational(self.gap))
        in_gaps = reached * (1 + rational(largest) + error) / 2
        self.error_outside_gaps = float_up(rational(self.bound) * error)
        both = (rational(self.gap) - rational(self.threshold)) * (1 + rational(largest))  # where the gaps overlap
        self.error_bound = float_up(max(rational(self.error_outside_gaps), in_gaps, both))

    @property
    def levels(self) -> int:
        """Levels: one more than those of the sign."""
        return super().levels + len(self.parts) // 2

    @property
    def multiplications(self) -> int:
        """Multiplications: one more than those of both signs."""
        return super().multiplications + len(self.parts) // 2

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """The value at inputs that were inspected."""
        if not self.parts:
            return x.clone() if self.threshold <= 0 else torch.zeros_like(x)
        above, below = self.parts
        step = above.forward(x - self.threshold) - below.forward(x + self.threshold)
        return torch.addcmul(x, x, step, value=0.5)


@lru_cache(maxsize=64)
def _sign(radius: float, precision: float, gap: float) -> tuple[Evaluator, float]:
    """The sign on [−R, R] but for a gap, ready for tensors, and the bound of its values on all of it."""
    found = polyapprox.sign(precision=precision, threshold=gap / radius, interval=(-radius, radius))
    return Evaluator(found, function="sign"), largest_value(found)
