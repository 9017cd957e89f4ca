"""What the pieces of a run cost, by ring, level and length of the chain: processor seconds, one thread."""

from __future__ import annotations

from dataclasses import dataclass

from polyapprox.plan import Plan
from polyapprox.plan.count import count

_RING = 1 << 12


@dataclass(frozen=True)
class Costs:
    """A model fitted to measured pieces (ring 2^12); other rings by N log N.

    Attributes
    ----------
    bootstrap, bootstrap_level : float
        Seconds of a bootstrap, and more for each level of the chain behind it.
    product : float
        Of a product of ciphertexts, for each level that it stands on, and one more.
    diagonal : float
        Of a diagonal of a matrix, with its share of the rotations, likewise.
    """

    bootstrap: float = 0.27
    bootstrap_level: float = 0.0525
    product: float = 0.00085
    diagonal: float = 0.00006

    def scale(self, ring: int) -> float:
        """Of a ring, in terms of 2^12."""
        return ring * ring.bit_length() / (_RING * _RING.bit_length())

    def refresh(self, ring: int, levels: int) -> float:
        """A bootstrap."""
        return self.scale(ring) * (self.bootstrap + self.bootstrap_level * levels)

    def plan(self, ring: int, plan: Plan, start: int) -> float:
        """A plan on one ciphertext, from a level on."""
        counted = count(plan, "published")
        mean = start + 1 - counted.depth / 2
        return self.scale(ring) * self.product * counted.multiplications * mean

    def matrix(self, ring: int, diagonals: int, level: int) -> float:
        """A matrix of so many diagonals."""
        return self.scale(ring) * self.diagonal * diagonals * (level + 1)
