# SPDX-License-Identifier: Apache-2.0
"""How large the errors of CKKS are: the model's constants, scheme by scheme.

A polynomial of N coefficients, independent and of variance v, has slots whose real parts have the
variance N·v/2; the product of two such polynomials N²·v·w/2. With errors of variance σ² = 3.2²,
a secret key of variance ρ (2/3: uniform ternary; h/N: h coefficients ±1) and randomness of
variance 2/3 in an encryption by public key (Cheon, Kim, Kim, Song, ASIACRYPT 2017, eprint
2016/421, section 3; as averages: Costache, Curtis, Hales, Murphy, Ogilvie, Player, eprint
2022/162), the real part of a slot has, in units of 1/scale, the variance

=========================  =====================================
encryption (public key)    N/2 · σ² · (2/3·N + 1 + N·ρ)
encryption (secret key)    N/2 · σ²
rescaling                  N/2 · 1/12 · (1 + N·ρ)
=========================  =====================================

SEAL and Lattigo encrypt with one more modulus and divide by it: what is left is the error of a
rescaling. Lattigo's secret key is what the user chooses: as dense as a uniform ternary one
("lattigo", as in our own runs), or of 192 coefficients ±1 ("lattigo-sparse"). desilofhe keeps
the input at the square of its scale, which is always 2^40, until it is first multiplied.
OpenFHE's decoding adds noise of the size that it estimates from the imaginary parts: a factor of
√2 on all.

The noise of relinearisation is added at the scale squared: after the rescaling that follows it is
smaller than the rounding of that rescaling by a factor of about the scale, and is left out.

Where a library calls the scale after a rescaling by the prime q the old scale Δ again, though it
is Δ²/q, the value is wrong by the factor Δ/q ("drift"): a deterministic error, the larger the
farther the primes (which are 1 modulo 2N) are from Δ. TenSEAL's own vectors do that
("tenseal-vectors"); an evaluation that puts the factor into the constants ("tenseal") does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from ..errors import ArgumentError
from ..given import is_word, shown


class TooFewPrimesError(ArgumentError):
    """There are not as many primes of the scale's size as the levels need."""


SIGMA = 3.2
TERNARY = 2 / 3


@dataclass(frozen=True)
class Scheme:
    """The constants of one library.

    Attributes
    ----------
    name : str
    encryption : {"public", "secret", "rounded"}
        Which key the input is encrypted with; "rounded": the public key at a larger modulus.
    secret_weight : int or None
        Number of coefficients ±1 of a sparse secret key; None: uniform ternary.
    drift : bool
        Whether the scale after a rescaling is taken for what it was before.
    decoding : float
        Factor on the noise of the result: 1, or more where decoding adds noise of its own.
    """

    name: str
    encryption: Literal["public", "secret", "rounded"]
    secret_weight: int | None
    drift: bool
    decoding: float

    def secret_variance(self, ring_dimension: int) -> float:
        """Variance of a coefficient of the secret key."""
        if self.secret_weight is None:
            return TERNARY
        return min(TERNARY, self.secret_weight / ring_dimension)

    def fresh(self, ring_dimension: int, scale_bits: float) -> float:
        """Root mean square of the error of a slot after encryption (absolute)."""
        n = ring_dimension
        if self.encryption == "rounded":
            return self.rescale(n, scale_bits)
        parts = 1.0
        if self.encryption == "public":
            parts += n * (TERNARY + self.secret_variance(n))
        return float(SIGMA * math.sqrt(n / 2 * parts) * 2.0**-scale_bits)

    def rescale(self, ring_dimension: int, scale_bits: float) -> float:
        """Root mean square of the error that a rescaling adds to a slot (absolute)."""
        n = ring_dimension
        return float(math.sqrt(n / 24 * (1 + n * self.secret_variance(n))) * 2.0**-scale_bits)

    def drifts(self, ring_dimension: int, scale_bits: int, levels: int) -> tuple[float, ...]:
        """Relative error of each rescaling, Δ/q − 1, first to last (zeros without drift)."""
        if not self.drift:
            return (0.0,) * levels
        primes = primes_below(scale_bits, ring_dimension, levels)
        return tuple((2**scale_bits - q) / q for q in primes)


SCHEMES: dict[str, Scheme] = {
    one.name: one
    for one in (
        Scheme("openfhe", "public", None, False, math.sqrt(2.0)),
        Scheme("lattigo", "rounded", None, False, 1.0),
        Scheme("lattigo-sparse", "rounded", 192, False, 1.0),
        Scheme("tenseal", "rounded", None, False, 1.0),
        Scheme("tenseal-vectors", "rounded", None, True, 1.0),
        Scheme("desilofhe", "rounded", None, False, 1.0),
    )
}


def scheme(name: str) -> Scheme:
    """The constants of a library by its name.

    Raises
    ------
    ArgumentError
        If no such library is known.

    Examples
    --------
    >>> one = scheme("openfhe")
    >>> round(one.fresh(1 << 14, 50) / one.fresh(1 << 13, 50), 3)  # proportional to N
    2.0
    """
    if not is_word(name, tuple(SCHEMES)):
        raise ArgumentError(f"scheme={shown(name)} is not known; choose one of {', '.join(SCHEMES)}")
    return SCHEMES[name]


@lru_cache(maxsize=64)
def primes_below(bits: int, ring_dimension: int, count: int) -> tuple[int, ...]:
    """The largest primes below 2^bits that are 1 modulo 2N, as moduli of rescalings are chosen.

    Raises
    ------
    TooFewPrimesError
        If there are not so many of that many bits.

    Examples
    --------
    >>> primes_below(20, 1024, 2)
    (1038337, 1032193)
    """
    from flint import fmpz

    step = 2 * ring_dimension
    candidate = ((1 << bits) - 1) // step * step + 1
    found: list[int] = []
    while len(found) < count:
        if candidate >> (bits - 1) != 1:
            raise TooFewPrimesError(
                f"scale_bits={bits} leaves fewer than {count} primes for the ring dimension "
                f"{ring_dimension}; use a larger scale"
            )
        if fmpz(candidate).is_prime():
            found.append(candidate)
        candidate -= step
    return tuple(found)
