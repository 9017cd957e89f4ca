# SPDX-License-Identifier: Apache-2.0
"""The steps of a plan for any primes: constants as multiples of powers of the canonical scales.

A schedule's constants depend on the moduli, which code that is written today does not know: it
gets them when it runs. So the same lowering is done with symbols. A scale is a product of powers of
the ratios r_l = q_l / 2^scale_bits; written in the canonical scales, s_0 = 1 and s_{l+1} = s_l² / r_l,
most of them cancel.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from ..errors import ArgumentError
from .count import count
from .plan import Plan
from .schedule import Schedule, schedule

_DIFFERENT = 1.0


@dataclass(frozen=True)
class Monomial:
    """coefficient · Π r_l^powers[l].

    Examples
    --------
    >>> r = Monomial.ratio(0, 2)
    >>> s = Monomial.ratio(None, 2)**2 / r  # canonical scale one level lower
    >>> (3.0 * s).coefficient, (3.0 * s).in_scales(), s - 1, s / s - 1
    (3.0, {1: 1.0}, 1.0, 0.0)
    """

    coefficient: float
    powers: tuple[float, ...]

    @classmethod
    def ratio(cls, level: int | None, levels: int) -> Monomial:
        """r_level, or 1."""
        return cls(1.0, tuple(float(place == level) for place in range(levels)))

    def __mul__(self, other: Monomial | float) -> Monomial:
        if isinstance(other, Monomial):
            powers = tuple(a + b for a, b in zip(self.powers, other.powers, strict=True))
            return Monomial(self.coefficient * other.coefficient, powers)
        return Monomial(self.coefficient * other, self.powers)

    __rmul__ = __mul__

    def __pow__(self, exponent: float) -> Monomial:
        powers = tuple(exponent * power for power in self.powers)
        return Monomial(self.coefficient**exponent, powers)

    def __truediv__(self, other: Monomial) -> Monomial:
        return self * other**-1

    def __sub__(self, other: float) -> float:
        """The difference from a number; without meaning, but not 0, for what is none."""
        return _DIFFERENT if any(self.powers) else self.coefficient - other

    def in_scales(self) -> dict[int, float]:
        """Powers of the canonical scales s_1, s_2, …: r_l = s_l² / s_{l+1}."""
        found: dict[int, float] = {}
        for level, power in enumerate(self.powers):
            found[level] = found.get(level, 0.0) + 2 * power
            found[level + 1] = found.get(level + 1, 0.0) - power
        return {level: power for level, power in found.items() if power and level}


def symbolic_schedule(plan: Plan, back: bool = False) -> Schedule:
    """The steps of a plan, by the rule "standalone"; constants and `scale` are :class:`Monomial`.

    Parameters
    ----------
    plan : Plan
    back : bool
        Bring the result's scale back to the first one, wherever that is possible.

    Raises
    ------
    ArgumentError
        If the plan has no schedule.

    Examples
    --------
    >>> from polyapprox import circuit
    >>> made = symbolic_schedule(circuit("relu", multiplications=3).plan)
    >>> made.levels, made.number("multiply", "square"), made.scale.in_scales()
    (4, 3, {4: 1.0})
    """
    levels = count(plan, "standalone").levels
    ratios = [Monomial.ratio(level, levels) for level in range(levels)]
    one = cast(Any, Monomial.ratio(None, levels))
    if back:
        with suppress(ArgumentError):
            return schedule(plan, cast(Any, ratios), 0, fold_input=False, unit=one, back=True)
    return schedule(plan, cast(Any, ratios), 0, fold_input=False, unit=one)
