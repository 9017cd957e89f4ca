# SPDX-License-Identifier: Apache-2.0
"""Special functions: error functions, the normal distribution, the logarithm of gamma."""

from __future__ import annotations

import operator
from typing import Any

import mpmath
import numpy as np
from flint import arb, arb_series

from .named import HALF_CONSTANT, ODD, Named, Symmetry
from .series import composed, increasing


def _float_erf(u: Any) -> Any:
    from scipy import special

    return special.erf(u)


def float_erfc(u: Any) -> Any:
    """erfc in double precision."""
    from scipy import special

    return special.erfc(u)


def _float_lgamma(u: Any) -> Any:
    from scipy import special

    return np.where(u > 0, special.gammaln(u), np.nan)


def _float_digamma(u: Any) -> Any:
    from scipy import special

    return special.digamma(u)


def _taylor_of_digamma(centre: arb, length: int) -> arb_series:
    if centre > 0:
        return arb_series([centre, 1], length + 1).lgamma().derivative()
    mirrored = 1 - arb_series([centre, 1], length + 1)  # ψ(x) = ψ(1 − x) − π cot(πx)
    cotangent = arb_series([centre, 1], length).cot_pi() * arb.pi()
    return -mirrored.lgamma().derivative() - cotangent


def _ball_digamma(u: arb) -> arb:
    """Increasing between poles, which are at 0, −1, …"""
    if not u > 0 and u.contains_integer():
        return arb("nan")
    return increasing(lambda v: v.digamma())(u)


_LOWEST = arb("1.4616321449683623412626595423257213284681962040064 +/- 1e-48")


def _ball_lgamma(u: arb) -> arb:
    """Of positive numbers; it falls up to 1.46… and rises from there."""
    if not u > 0:
        return arb("nan")
    if not u.rad() > u.mid() * arb((1, -20)):
        return u.lgamma()
    value = u.lower().lgamma().union(u.upper().lgamma())
    return value.union(_LOWEST.lgamma()) if u.overlaps(_LOWEST) else value


def ball_normcdf(u: arb) -> arb:
    """The distribution function of the normal distribution."""
    return (-u / arb(2).sqrt()).erfc() / 2


def _series_lgamma(u: arb_series) -> arb_series:
    if not u[0] > 0:
        raise ZeroDivisionError("lgamma is taken of positive numbers")
    return u.lgamma()


SPECIAL = (
    Named(
        "erf",
        _float_erf,
        mpmath.erf,
        operator.methodcaller("erf"),
        operator.methodcaller("erf"),
        lambda s, v: s.erf(v),
        ODD,
    ),
    Named(
        "erfc",
        float_erfc,
        mpmath.erfc,
        operator.methodcaller("erfc"),
        operator.methodcaller("erfc"),
        lambda s, v: s.erfc(v),
        Symmetry("odd", constant="1"),
    ),
    Named(
        "normcdf",
        lambda u: float_erfc(-u / np.sqrt(2.0)) / 2,
        lambda u: mpmath.erfc(-u / mpmath.sqrt(2)) / 2,
        increasing(ball_normcdf),
        lambda u: (-u / arb(2).sqrt()).erfc() / 2,
        lambda s, v: s.erfc(-v / s.sqrt(2)) / 2,
        HALF_CONSTANT,
    ),
    Named(
        "lgamma",
        _float_lgamma,
        mpmath.loggamma,
        _ball_lgamma,
        _series_lgamma,
        lambda s, v: s.loggamma(v),
    ),
    Named(
        "digamma",
        _float_digamma,
        mpmath.digamma,
        _ball_digamma,
        lambda u: composed(_taylor_of_digamma, u),
        lambda s, v: s.digamma(v),
    ),
)
