# SPDX-License-Identifier: Apache-2.0
"""Chains of products with adapted coefficients: the shape, without its constants.

A chain computes a polynomial by products N_i = 2 A_i B_i (less 1 where A and B have the same
leading value), where each side A or B is a sum of earlier values:

* its leading value enters with the factor 1 (at one place with a factor c, the scale of all);
* values that are a level lower than the inputs of the product enter with free constants (the
  product with a constant uses that level), and so does a constant, where the parity allows it.

The result is such a sum too. All constants are free, so a chain of m products has about m² of
them: many more than the same number of baby and giant steps. Knuth's adapted coefficients, Rabin
and Winograd's p = (u^(2^k) + c) q + r with monic q and r (Comm. Pure Appl. Math. 25 (1972), 433)
and Paterson and Stockmeyer's scheme (SIAM J. Comput. 2 (1973), 60) are chains in which most
constants are zero; polynomials that a number of products can compute are studied by Jarlebring
and Lorentzon (arXiv 2504.01500).

========  ==================================  =================================================
family    values                              result
========  ==================================  =================================================
odd       y, y² and products                  an odd polynomial in y
times     y, w = (c z)·y, y² and products     z times an odd polynomial in y, at no further level
general   y, y² and products                  any polynomial in y
========  ==================================  =================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from ...errors import ArgumentError

Family = Literal["odd", "times", "general"]
Product = tuple[int, int, int]
_FIRST: Product = (0, 0, 1)
_BASES = {"odd": ((1, 1, 0),), "times": ((1, 1, 0), (1, 2, 1)), "general": ((1, 0, 0),)}


class Side(NamedTuple):
    """A sum of earlier values: `lead` with the factor 1 (or with c), the others with constants."""

    lead: int
    scaled: tuple[int, ...]
    constant: bool
    factor: bool = False

    @property
    def parameters(self) -> int:
        """Number of constants."""
        return self.factor + len(self.scaled) + self.constant


@dataclass(frozen=True)
class Chain:
    """The shape of a chain of products.

    Parameters
    ----------
    family : {"odd", "times", "general"}
    products : tuple of (int, int, int)
        Indices of the leading values of both sides, and the level of the product. Values are
        numbered: first y (and w for "times"), then the products; the first product is y².
    levels : int
        Levels of the result, above those of y.

    Examples
    --------
    >>> chain = Chain("odd", ((0, 0, 1), (1, 0, 2), (1, 1, 2), (3, 2, 3)), 3)
    >>> chain.degree, chain.multiplications, chain.parameters
    (7, 4, 9)

    Raises
    ------
    ArgumentError
        If a product uses a value before its level, or no place is left for the factor c.
    """

    family: Family
    products: tuple[Product, ...]
    levels: int

    def __post_init__(self) -> None:
        if self.family not in _BASES:
            raise ArgumentError(f"family must be one of {tuple(_BASES)}; got {self.family!r}")
        if self.products[:1] != (_FIRST,):
            raise ArgumentError(f"products must begin with {_FIRST}, the square of y")

    @property
    def bases(self) -> int:
        """Number of values that are given: y, and w."""
        return len(_BASES[self.family])

    @cached_property
    def values(self) -> tuple[tuple[int, int, int], ...]:
        """Degree in y, parity and level of each value (parity 2: a multiple of w)."""
        values = list(_BASES[self.family])
        for left, right, level in self.products:
            first, second = values[left], values[right]
            if self.family == "times":
                parity = max(first[1], second[1]) if 2 in (first[1], second[1]) else 0
            else:
                parity = (first[1] + second[1]) % 2
            values.append((first[0] + second[0], parity, level))
        return tuple(values)

    @property
    def degree(self) -> int:
        """Degree of the result in y (without the factor z)."""
        return self.values[-1][0]

    @property
    def multiplications(self) -> int:
        """Products of ciphertexts, that of w included."""
        return len(self.products) + self.bases - 1

    @cached_property
    def sides(self) -> tuple[tuple[Side, Side], ...]:
        """Both sides of each product, and of the result (whose second side is empty)."""
        bare = Side(0, (), False)
        found = [(bare, bare)]
        for number, (left, right, level) in enumerate(self.products[1:], 1):
            made = self.bases + number
            found.append((self._side(left, level - 1, made), self._side(right, level - 1, made)))
        last = len(self.values) - 1
        found.append((self._side(last, self.levels, last + 1), Side(-1, (), False)))
        number, place = self._place_of_factor
        if number >= 0:
            both = list(found[number])
            both[place] = both[place]._replace(factor=True)
            found[number] = (both[0], both[1])
        return tuple(found)

    @cached_property
    def _place_of_factor(self) -> tuple[int, int]:
        """Product (one past the last: the result) and side where c enters, once in the result."""
        if self.family == "times":
            return -1, 0
        last = len(self.values) - 1
        uses = [0] * last + [1]
        for index in reversed(range(self.bases, last + 1)):
            for used in self.products[index - self.bases][:2]:
                uses[used] += uses[index]
        for number, (left, right, level) in enumerate(self.products[1:], 1):
            if uses[self.bases + number] == 1:
                for place, index in enumerate((left, right)):
                    if self.values[index][2] < level - 1:
                        return number, place
        if self.values[last][2] < self.levels:
            return len(self.products), 0
        raise ArgumentError(f"levels={self.levels} leaves no level for the factor of the chain")

    @cached_property
    def proportional(self) -> tuple[bool, ...]:
        """For each value, whether c is a factor of its highest coefficient."""
        if self.family == "times":
            return tuple(parity == 2 for _, parity, _ in self.values)
        number, _ = self._place_of_factor
        found = [False] * len(self.values)
        for index in range(self.bases, len(self.values)):
            left, right, _ = self.products[index - self.bases]
            found[index] = index - self.bases == number or found[left] or found[right]
        return tuple(found)

    @cached_property
    def leading_power(self) -> int:
        """k with 2^k the coefficient of y^degree of the last value, but for c."""
        powers = [0] * self.bases
        for left, right, _ in self.products:
            powers.append(powers[left] + powers[right] + 1)
        return powers[-1]

    @cached_property
    def centred(self) -> tuple[bool, ...]:
        """For each product, whether 1 is subtracted, as in T_2k = 2 T_k² − 1."""
        return tuple(
            left == right and self.values[self.bases + number][1] == 0
            for number, (left, right, _) in enumerate(self.products)
        )

    @cached_property
    def parameters(self) -> int:
        """Number of constants, that of w included."""
        own = int(self.family == "times")
        return own + sum(a.parameters + b.parameters for a, b in self.sides)

    @property
    def conditions(self) -> int:
        """Number of coefficients of the polynomial that it computes."""
        return self.degree + 1 if self.family == "general" else (self.degree + 1) // 2

    def _side(self, lead: int, level: int, made: int) -> Side:
        degree, parity, own = self.values[lead]
        if own > level:
            raise ArgumentError(f"products use value {lead} of level {own} at level {level}")
        scaled = tuple(
            j
            for j, (d, kind, lower) in enumerate(self.values[:made])
            if kind == parity and lower < level and d <= degree and j != lead
        )
        return Side(lead, scaled, parity == 0)
