# SPDX-License-Identifier: Apache-2.0
"""What the pieces of a run cost, by ring, level and length of the chain: processor seconds, one thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Work = Mapping[tuple[str, int], int]
"""How many "product", "constant" and "sum" a plan has after so many levels."""
_RING = 1 << 12


@dataclass(frozen=True)
class Costs:
    """A model fitted to measured pieces (ring 2^12); other rings by N log N.

    Attributes
    ----------
    bootstrap, bootstrap_level : float
        Seconds of a bootstrap, and more for each level of the chain behind it.
    sparse : float
        Share of that where half of the slots, or fewer, are refreshed.
    product, product_level : float
        Of a product of ciphertexts, and more for each level that is left.
    constant_level, sum_level : float
        Of a product with a constant and of a sum, for each level that is left.
    diagonal : float
        Of a diagonal of a matrix; that it is encoded, when the model is loaded, is not in it.
    rotation : float
        Of a rotation, times the square of the primes that are left.
    """

    bootstrap: float = 0.27
    bootstrap_level: float = 0.0525
    sparse: float = 0.8
    product: float = 0.001
    product_level: float = 0.00057
    constant_level: float = 0.00016
    sum_level: float = 0.00003
    diagonal: float = 0.0001
    rotation: float = 0.000014

    def scale(self, ring: int) -> float:
        """Of a ring, in terms of 2^12."""
        return ring * (ring.bit_length() - 1) / (_RING * (_RING.bit_length() - 1))

    def refresh(self, ring: int, levels: int, sparse: bool = False) -> float:
        """A bootstrap."""
        whole = self.bootstrap + self.bootstrap_level * levels
        return self.scale(ring) * whole * (self.sparse if sparse else 1.0)

    def plan(self, ring: int, work: Work, start: int) -> float:
        """A plan on one ciphertext, from a level on."""
        each = {
            "product": (self.product, self.product_level),
            "constant": (0.0, self.constant_level),
            "sum": (0.0, self.sum_level),
        }
        found = 0.0
        for (kind, used), times in work.items():
            fixed, by_level = each[kind]
            found += times * (fixed + by_level * (start - used))
        return self.scale(ring) * found

    def matrix(self, ring: int, diagonals: int, blocks: int, level: int) -> float:
        """A matrix of so many diagonals in so many blocks, each by baby steps and giant steps."""
        rotations = 3 * (diagonals * blocks) ** 0.5
        steps = self.diagonal * diagonals + self.rotation * rotations * (level + 1) ** 2
        return float(self.scale(ring) * steps)
