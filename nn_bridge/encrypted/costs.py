"""What the pieces of a run cost, by ring, level and length of the chain: processor seconds, one thread."""

from __future__ import annotations

from dataclasses import dataclass

from polyapprox.plan.count import Counts

_RING = 1 << 12


@dataclass(frozen=True)
class Costs:
    """A model fitted to measured pieces (ring 2^12); other rings by N log N.

    Attributes
    ----------
    bootstrap, bootstrap_level : float
        Seconds of a bootstrap, and more for each level of the chain behind it.
    product, product_level : float
        Of a product of ciphertexts with its share of all else that a plan does, and more for each
        prime that is left.
    diagonal : float
        Of a diagonal of a matrix: encoded and multiplied.
    rotation : float
        Of a rotation, times the square of the primes that are left.
    """

    bootstrap: float = 0.27
    bootstrap_level: float = 0.0525
    product: float = 0.0056
    product_level: float = 0.00095
    diagonal: float = 0.00023
    rotation: float = 0.000014

    def scale(self, ring: int) -> float:
        """Of a ring, in terms of 2^12."""
        return ring * (ring.bit_length() - 1) / (_RING * (_RING.bit_length() - 1))

    def refresh(self, ring: int, levels: int) -> float:
        """A bootstrap."""
        return self.scale(ring) * (self.bootstrap + self.bootstrap_level * levels)

    def plan(self, ring: int, counted: Counts, start: int) -> float:
        """A plan on one ciphertext, from a level on."""
        primes = start + 1 - counted.levels / 2
        one = self.product + self.product_level * primes
        return self.scale(ring) * counted.multiplications * one

    def matrix(self, ring: int, diagonals: int, blocks: int, level: int) -> float:
        """A matrix of so many diagonals in so many blocks, each by baby steps and giant steps."""
        rotations = 3 * (diagonals * blocks) ** 0.5
        steps = self.diagonal * diagonals + self.rotation * rotations * (level + 1) ** 2
        return float(self.scale(ring) * steps)
