# SPDX-License-Identifier: Apache-2.0
"""What scales do to an export: noise that is added, the smallest scale, the one of its self-check."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..approximation import Approximation
from ..noise.forecast import forecast
from ..noise.schemes import scheme as scheme_of

RING = 1 << 13
SCALES = (40, 45, 50)
_LAST = 59
_FIRST_BITS = 60
_SHARE = 16.0  # the noise is to be so many times smaller than the bound
_DEVIATIONS = 6.0  # of the noise of an encryption
_TAIL = 2.0  # twice the forecast is exceeded in one ciphertext of as many as it has slots


@dataclass(frozen=True)
class Noise:
    """Noise of a plan under encryption, forecast: proportional to the ring, and to 2^-scale_bits.

    Attributes
    ----------
    at_40 : float
        Largest noise that is allowed for at a scale of 2^40, in a ring of :data:`RING`.
    error : float
        Proven bound of the approximation (its estimate where nothing is proven).
    largest : float
        Largest |result|.
    ring_at : callable
        Ring dimension that a file runs in at a scale: by default :data:`RING`.
    """

    at_40: float
    error: float
    largest: float
    ring_at: Callable[[int], int] = lambda scale_bits: RING

    def at(self, scale_bits: int) -> float:
        """Noise at a scale."""
        return math.ldexp(self.at_40 * (self.ring_at(scale_bits) / RING), 40 - scale_bits)

    @property
    def smallest(self) -> int | None:
        """The smallest scale from 20 bits on whose noise is a sixteenth of the error (None: none)."""
        fitting = (bits for bits in range(20, self.most + 1) if self.at(bits) * _SHARE <= self.error)
        return next(fitting, None)

    @property
    def most(self) -> int:
        """The largest scale at which the result fits into a first modulus of 60 bits."""
        return min(_LAST, _FIRST_BITS - 2 - max(0, math.ceil(math.log2(max(self.largest, 1.0)))))

    def chosen(self, least: int) -> int:
        """The scale of the self-check: the smallest from `least` on, if that fits."""
        smallest = self.most if self.smallest is None else self.smallest
        return min(max(least, smallest), self.most)


def noise_of(approximation: Approximation, scheme: str) -> Noise:
    """The noise of a plan in a scheme of :data:`polyapprox.noise.SCHEMES`.

    Examples
    --------
    >>> from polyapprox import circuit
    >>> found = noise_of(circuit("relu", multiplications=7), "openfhe")
    >>> found.smallest, found.chosen(40), found.at(50) * 2**10 == found.at(40)
    (34, 40, True)
    """
    a = approximation
    low, high = (float(end) for end in a.interval)
    found = forecast(
        a.plan, half_width=max(abs(low), abs(high)), scale_bits=40, ring_dimension=RING,
        scheme=scheme, interval=(low, high),
    )  # fmt: skip
    error = a.error_estimate if a.certificate is None else a.error_bound
    least = _DEVIATIONS * scheme_of(scheme).fresh(RING, 40)  # a constant, too, is encrypted
    return Noise(max(_TAIL * found.worst, least), error, found.largest_result)
