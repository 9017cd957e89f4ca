# SPDX-License-Identifier: Apache-2.0
"""Proof against (2/π) acos(c), which has an infinite slope at c = 1: in x, where c = cos(πx/2).

There the function is the line x, and the plan is run on Taylor models of the cosine
(:mod:`polyapprox.proof.by_cells`). Its coefficients on a cell are those of cos and sin at the centre,
enclosed by balls; what is cut off is at most (πh/2)^K/K! on a cell of half-width h.
"""

from __future__ import annotations

import math

import numpy as np
from flint import arb

from .. import outward
from ..approximation import Approximation
from ..errors import ProofError
from ..numbers import ball, exact
from ..precision import working_precision
from .by_cells import Method, bounded_on_cells
from .cells import ORDER, TaylorArray
from .study import study_domain

_BITS = 100
_UNIT = 2.0**-60 if np.finfo(np.longdouble).eps < 1e-18 else 2.0**-49  # of coefficients, relative


def by_cosine(approximation: Approximation) -> Method:
    """Bound of |r(c) − (2/π) acos(c)| on what is covered, within [−1, 1].

    Raises
    ------
    ProofError
        If something outside is covered, or the models stay wide.
    """
    parts = []
    with working_precision(_BITS):
        for low, high in study_domain(approximation):
            ends = [2 * ball(c).acos() / arb.pi() for c in (high, low)]
            if not all(end.is_finite() for end in ends):
                raise ProofError(f"{approximation.function!r} is not defined on all of what is covered")
            start, stop = (max(outward.below(exact(ends[0].lower())), 0.0),
                           outward.above(exact(ends[1].upper())))  # fmt: skip
            parts.append((start, stop, _line))
    return bounded_on_cells(approximation, parts, cosine_on)


def _line(x: TaylorArray) -> TaylorArray:
    return x


def cosine_on(low: np.ndarray, high: np.ndarray) -> TaylorArray:
    """cos(πx/2) on cells that cover [low, high] each.

    Examples
    --------
    >>> model = cosine_on(np.array([0.0]), np.array([0.25]))
    >>> bool(abs(float(model.coefficients[0, 0]) - math.cos(math.pi / 16)) < 1e-15)
    True
    """
    x = TaylorArray.on(low, high)
    centre, half = x.coefficients[0].astype(np.float64), x.coefficients[1].astype(np.float64)
    cosine, sine = np.empty(len(low), dtype=np.longdouble), np.empty(len(low), dtype=np.longdouble)
    rate = np.longdouble(math.pi / 2) + np.longdouble(6.123233995736766e-17)  # π/2 to 2^-63
    with working_precision(_BITS):
        for k, at in enumerate(centre):
            sine[k], cosine[k] = map(_extended, (arb(float(at)) / 2).sin_cos_pi())
    coefficients = np.zeros_like(x.coefficients)
    power = np.ones(len(low), dtype=np.longdouble)
    for k in range(ORDER):
        coefficients[k] = (cosine, -sine, -cosine, sine)[k % 4] * power
        power = power * (rate * half) / (k + 1)
    size = np.sum(np.abs(coefficients), axis=0).astype(np.float64)
    radius = (2 * ORDER + 8) * _UNIT * size + 1.01 * np.abs(power).astype(np.float64) + _UNIT
    return TaylorArray(coefficients, radius)


def _extended(value: arb) -> np.longdouble:
    """A ball's middle to extended precision."""
    high = float(value.mid())
    return np.longdouble(high) + np.longdouble(float((value - arb(high)).mid()))
