# SPDX-License-Identifier: Apache-2.0
"""A function inside the bootstrap: series, proven bound and provenance, in one frozen value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

from ..approximation import Interval
from ..certificate import Certificate, Proven
from ..given import floats
from ..numbers import exact, magnitude
from ..outward import intervals
from ..provenance import Provenance
from ..scaling import scales_with_interval
from ..words import counted
from .depth import BUDGET, SECRETS, functional_depth


@dataclass(frozen=True)
class Bootstrapped(Proven):
    """A real trigonometric polynomial S of a message that approximates a function f of x.

    S(x) = Σ a_j cos(jθ) + b_j sin(jθ), θ = π m, with the message m = (x − centre)/width in
    [−1/extension, 1/extension].

    Attributes
    ----------
    function : str
        Name or expression of f.
    domain : tuple of intervals
        Where x lies.
    guard : mpmath.mpf
        By how much of the larger end of the domain inputs may leave it.
    covered : tuple of intervals
        What the certificate holds on: the domain, widened by the guard.
    centre, width : mpmath.mpf
        Of the message.
    cosines, sines : tuple of mpmath.mpf
        a_0 … a_n and b_0 … b_n (b_0 = 0): exact doubles, in units of f.
    limit : mpmath.mpf
        No coefficient is above it.
    error_estimate : float
        Largest *sampled* error: an estimate, never a bound.
    certificate : Certificate or None
        What was proven; None for black-box functions.
    provenance : Provenance
    """

    function: str
    domain: tuple[Interval, ...]
    guard: mpmath.mpf
    covered: tuple[Interval, ...]
    centre: mpmath.mpf
    width: mpmath.mpf
    cosines: tuple[mpmath.mpf, ...]
    sines: tuple[mpmath.mpf, ...]
    limit: mpmath.mpf
    error_estimate: float
    certificate: Certificate | None
    provenance: Provenance

    def __call__(self, x: Any) -> Any:
        """S(x) in float64, for numbers and arrays."""
        values = floats("x", x)
        angle = (values - float(self.centre)) * (math.pi / float(self.width))
        waves = np.multiply.outer(angle, np.arange(len(self.cosines)))
        one, other = (np.array([float(c) for c in row]) for row in (self.cosines, self.sines))
        found = np.cos(waves) @ one + np.sin(waves) @ other
        return float(found) if np.ndim(found) == 0 else found

    @property
    def degree(self) -> int:
        """n."""
        return len(self.cosines) - 1

    @property
    def extension(self) -> float:
        """Length of the period in lengths of what is covered."""
        low, high = self.covered[0][0], self.covered[-1][1]
        return float(2 * self.width / (high - low))

    @property
    def unit(self) -> mpmath.mpf:
        """What precision and bits measure the error in; see :mod:`polyapprox.scaling`."""
        return self.scale if scales_with_interval(self.function) else exact(1)

    @property
    def largest_coefficient(self) -> float:
        """Largest |a_j| and |b_j|."""
        return float(max(magnitude(c) for c in (*self.cosines, *self.sines)))

    @property
    def result_scale(self) -> float:
        """A power of two above all values on what is covered: results are encrypted divided by it."""
        found = self.largest_value
        return 2.0 ** math.ceil(math.log2(found)) if found else 1.0

    @cached_property
    def largest_value(self) -> float:
        """Proven bound of |S| on what is covered."""
        from .noise import gains_of

        return gains_of(self).value

    @cached_property
    def slope_bound(self) -> float:
        """Proven bound of |dS/dx| on what is covered: how many times larger input noise comes out."""
        from .noise import gains_of

        return gains_of(self).slope

    @cached_property
    def amplification(self) -> float:
        """How many times larger noise of e^{iπm} comes out, to first order; proven on what is covered.

        Of the largest |Σ j (a_j − i b_j) e^{ijθ}|, in units of f.
        """
        from .noise import gains_of

        return gains_of(self).amplification

    def coefficients(self) -> tuple[complex, ...]:
        """z_0 … z_n, as OpenFHE takes them: 2 Re Σ z_j e^{ijθ} = S / :attr:`result_scale`."""
        share = 2.0 * self.result_scale
        rows = zip(self.cosines, self.sines, strict=True)
        return tuple(complex(float(a) / share, 0.0 - float(b) / share) for a, b in rows)

    def message(self, x: Any) -> Any:
        """m = (x − centre)/width in float64: what is encrypted."""
        return (floats("x", x) - float(self.centre)) / float(self.width)

    def levels(self, budget: Sequence[int] = BUDGET, secret: str = SECRETS[0]) -> int:
        """Levels, by OpenFHE's count; see :func:`polyapprox.refresh.depth.functional_depth`."""
        return functional_depth(self.degree, budget, secret)

    depth = levels  # the former word

    def save(self, path: str | Path) -> Path:
        """Write it as a table (JSON), whole or not at all; see :mod:`polyapprox.refresh.table`."""
        from .table import save

        return save(self, path)

    def export(self, format: str, path: str | Path) -> Path:
        """Write a file that runs it; see :func:`polyapprox.refresh.export.export`."""
        from .export import export

        return export(self, format, path)

    def __repr__(self) -> str:
        return (
            f"<{self.function} on {intervals(self.domain, point=True)} inside the bootstrap: "
            f"degree {self.degree}, {self._claim()}, {counted(self.levels(), 'level')}>"
        )
