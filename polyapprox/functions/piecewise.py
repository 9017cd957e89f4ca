# SPDX-License-Identifier: Apache-2.0
"""Functions that are polynomials on each side of their kinks."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
from flint import arb, arb_series

from .named import EVEN, HALF_CONSTANT, HALF_LINE, ODD, Named, Symmetry
from .series import positive_side


def ball_kink(op: str, u: arb) -> arb:
    """|u|, max(u, 0), the sign of u or its step, on any ball."""
    if not u.is_finite():
        return arb("nan")
    if op == "abs":
        return u if u >= 0 else -u if u <= 0 else arb(0).union(u.abs_upper())
    if op == "relu":
        return u if u >= 0 else arb(0) if u <= 0 else arb(0).union(u.max(arb(0)))
    sign = arb(1) if u > 0 else arb(-1) if u < 0 else arb(0) if u == 0 else arb(0, 1)
    return sign if op == "sign" else (1 + sign) / 2


def series_kink(op: str, u: arb_series) -> arb_series:
    """The same along a power series that stays on one side of 0."""
    positive = positive_side(u)
    if op == "abs":
        return u if positive else -u
    if op == "relu" and positive:
        return u
    value = {"relu": 0, "step": int(positive), "sign": 1 if positive else -1}[op]
    return arb_series([value], u.prec)


def _primitive(name: str, floats: Any, mp: Any, sympy: Any, symmetry: Symmetry) -> Named:
    return Named(
        name,
        floats,
        mp,
        lambda u: ball_kink(name, u),
        lambda u: series_kink(name, u),
        sympy,
        symmetry,
        kink=True,
    )


def _ball_hardtanh(u: arb) -> arb:
    return u.max(arb(-1)).min(arb(1)) if u.is_finite() else arb("nan")


def _series_hardtanh(u: arb_series) -> arb_series:
    if not positive_side(u + 1):
        return arb_series([-1], u.prec)
    return arb_series([1], u.prec) if positive_side(u - 1) else u


def _ball_hardswish(u: arb) -> arb:
    if not u.is_finite():
        return arb("nan")
    return u * (u + 3).max(arb(0)).min(arb(6)) / 6


def _series_hardswish(u: arb_series) -> arb_series:
    if not positive_side(u + 3):
        return arb_series([0], u.prec)
    return u if positive_side(u - 3) else u * (u + 3) / 6


PIECEWISE = (
    _primitive("abs", np.abs, mpmath.fabs, lambda s, v: s.Abs(v), EVEN),
    _primitive("sign", np.sign, mpmath.sign, lambda s, v: s.sign(v), ODD),
    _primitive(
        "relu",
        lambda u: np.maximum(u, 0.0),
        lambda u: u if u > 0 else 0 * u,
        lambda s, v: s.Max(v, 0),
        HALF_LINE,
    ),
    _primitive(
        "step",
        lambda u: np.heaviside(u, 0.5),
        lambda u: (1 + mpmath.sign(u)) / 2,
        lambda s, v: (1 + s.sign(v)) / 2,
        HALF_CONSTANT,
    ),
    Named(
        "hardtanh",
        lambda u: np.clip(u, -1.0, 1.0),
        lambda u: max(min(u, mpmath.mpf(1)), mpmath.mpf(-1)),
        _ball_hardtanh,
        _series_hardtanh,
        lambda s, v: s.Max(-1, s.Min(1, v)),
        ODD,
        expansion="(abs(x+1)-abs(x-1))/2",
    ),
    Named(
        "hardswish",
        lambda u: u * np.clip(u + 3, 0.0, 6.0) / 6,
        lambda u: u * max(min(u + 3, mpmath.mpf(6)), mpmath.mpf(0)) / 6,
        _ball_hardswish,
        _series_hardswish,
        lambda s, v: v * s.Max(0, s.Min(6, v + 3)) / 6,
        HALF_LINE,
        expansion="x*(relu(x+3)-relu(x-3))/6",
    ),
)
