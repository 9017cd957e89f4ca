# SPDX-License-Identifier: Apache-2.0
"""The chain of primes of a run, its parts for linear layers, and what is known of its security."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from polyapprox.encrypted.backend import LARGEST_MODULUS
from polyapprox.words import counted

from ..errors import ArgumentError

FIRST_BITS = 55
SCALE_BITS = 40
_SPECIAL_BITS = 61
# Primes that Lattigo's bootstrap has above the chain: 3 × 39 (slots to coefficients), 8 × 60
# (modular reduction), 4 × 56 (coefficients to slots), and those of key switching.
_BOOT_BITS = 3 * 39 + 8 * 60 + 4 * 56
_BOOT_PRIMES = 15
_BOOT_KEYS = {1 << 10: 21, 1 << 11: 25, 1 << 12: 29, 1 << 13: 32, 1 << 14: 37, 1 << 15: 45, 1 << 16: 53}  # counted


@dataclass(frozen=True)
class Chain:
    """Parameters: a ring, and primes for so many levels.

    All parameter sets of a run begin with the same primes and share a secret key, so that a
    ciphertext may go from one to another. Keys for rotations are made for the short ones.

    Attributes
    ----------
    ring : int
        Dimension, a power of two; half of it are the slots.
    levels : int
        After a bootstrap.
    special : int
        Primes of key switching in the bootstrap: more make it need less memory, and a larger ring.

    Examples
    --------
    >>> Chain(1 << 13, 7).security
    'ring 2^13, log2 QP = 1644, not secure (128 bit needs log2 QP <= 218)'
    """

    ring: int
    levels: int
    special: int = 8

    def __post_init__(self) -> None:
        if self.ring & (self.ring - 1) or not 1 << 10 <= self.ring <= 1 << 16:
            raise ArgumentError(
                f"ring is {self.ring}: give a power of two from 2^10 to 2^16, such as 2^13"
            )
        if not 2 <= self.levels <= 30:
            raise ArgumentError(f"a chain of {counted(self.levels, 'level')} is not offered: give 2 to 30")

    @property
    def slots(self) -> int:
        """Values of a ciphertext."""
        return self.ring // 2

    def specials(self, level: int) -> int:
        """Primes of key switching of the parameters that reach to a level."""
        return level + 1 if level <= 2 else (level + 1) // 2 + 2

    def parameters(self, level: int | None = None) -> dict[str, Any]:
        """What Lattigo is given: for the whole run, or for linear layers up to a level."""
        top = self.levels if level is None else level
        boot = [_SPECIAL_BITS] * self.special if level is None else []
        return {
            "logn": self.ring.bit_length() - 1,
            "logq": [FIRST_BITS] + [SCALE_BITS] * top,
            "logp": [_SPECIAL_BITS] * self.specials(top),
            "log_default_scale": SCALE_BITS,
            "h": 2 * self.ring // 3,
            "ring_type": "standard",
            "boot_logp": boot,
            "btp_logn": self.ring.bit_length() - 1 if boot else 0,
        }

    @property
    def modulus_bits(self) -> int:
        """log2 of the largest modulus QP that a key is made for: that of the bootstrap."""
        chain = FIRST_BITS + SCALE_BITS * self.levels
        boot = chain + _BOOT_BITS + _SPECIAL_BITS * self.special
        return max(boot, chain + _SPECIAL_BITS * self.specials(self.levels))

    @property
    def secure(self) -> bool:
        """Whether the tables of the HE standard grant 128 bit."""
        return self.modulus_bits <= LARGEST_MODULUS[self.ring]

    @property
    def security(self) -> str:
        """Ring, modulus and security, for every printout."""
        limit = LARGEST_MODULUS[self.ring]
        verdict = (
            f"128 bit by the tables of the HE standard (log2 QP <= {limit})"
            if self.secure
            else f"not secure (128 bit needs log2 QP <= {limit})"
        )
        return f"ring 2^{self.ring.bit_length() - 1}, log2 QP = {self.modulus_bits}, {verdict}"

    def boot_key_bytes(self) -> int:
        """Of the keys of the bootstrap: one for each rotation of its matrices."""
        primes = self.levels + 1 + _BOOT_PRIMES
        digits = -(-primes // self.special)
        return _BOOT_KEYS[self.ring] * self.key_bytes(primes, self.special, digits)

    def key_bytes(self, primes: int, special: int, digits: int) -> int:
        """Of one key of key switching."""
        return 2 * digits * (primes + special) * 8 * self.ring

    def rotation_key_bytes(self, level: int) -> int:
        """Of one key of a rotation at a level."""
        primes, special = level + 1, self.specials(level)
        return self.key_bytes(primes, special, -(-primes // special))

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def chain_for(ring: int, levels: int) -> Chain:
    """A chain with as many primes of key switching as leave it secure; with eight where none do.

    Examples
    --------
    >>> chain_for(1 << 16, 15).special, chain_for(1 << 13, 15).special
    (4, 8)
    """
    for special in range(8, 0, -1):
        made = Chain(ring, levels, special)
        if made.secure:
            return made
    return Chain(ring, levels)
