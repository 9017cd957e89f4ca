# SPDX-License-Identifier: Apache-2.0
"""Elementary functions."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
from flint import arb, arb_series, fmpq

from .named import EVEN, HALF, ODD, Named, Symmetry
from .series import composed, positive_side, taylor_of_quotient, with_value

_THIRD = fmpq(1, 3)


def _method(name: str) -> Callable[..., Any]:
    return operator.methodcaller(name)


def from_zero(u: arb) -> bool:
    """Whether u is a ball [0, r] whose lower end rounding put below 0."""
    return bool(u.lower() < 0 and u.upper() > 0 and -u.lower() < u.rad() * arb((1, -24)))


def _plain(name: str, floats: Any, symmetry: Symmetry | None = None) -> Named:
    """A function that mpmath, balls, power series and sympy know by the same name."""
    return Named(
        name,
        floats,
        getattr(mpmath, name),
        _method(name),
        _method(name),
        lambda sympy, v: getattr(sympy, name)(v),
        symmetry,
    )


def ball_sqrt(u: arb) -> arb:
    """The root, of balls too that rounding made start below 0."""
    return arb(0).union(u.upper().sqrt()) if from_zero(u) else u.sqrt()


def _series_tanh(u: arb_series) -> arb_series:
    return with_value(1 - 2 / ((2 * u).exp() + 1), u[0].tanh())


def _series_sinh(u: arb_series) -> arb_series:
    return with_value((u.exp() - (-u).exp()) / 2, u[0].sinh())


def _series_cosh(u: arb_series) -> arb_series:
    return with_value((u.exp() + (-u).exp()) / 2, u[0].cosh())


def _series_expm1(u: arb_series) -> arb_series:
    return with_value(u.exp(), u[0].expm1())


def _series_log1p(u: arb_series) -> arb_series:
    return with_value((1 + u).log(), u[0].log1p())


def _series_sinc(u: arb_series) -> arb_series:
    def about(centre: arb, length: int) -> arb_series:
        return with_value(taylor_of_quotient(_method("sin"), centre, length), centre.sinc())

    return composed(about, u)


def _ball_cbrt(u: arb) -> arb:
    if u > 0:
        return u.root(3)
    if u < 0:
        return -(-u).root(3)
    if not u.is_finite():
        return arb("nan")
    low, high = u.lower(), u.upper()
    ends = [end if end == 0 else _ball_cbrt(end) for end in (low, high)]
    return ends[0].union(ends[1])


def _series_cbrt(u: arb_series) -> arb_series:
    if positive_side(u):
        return with_value((u.log() * arb(_THIRD)).exp(), _ball_cbrt(u[0]))
    return -_series_cbrt(-u)


def _mp_cbrt(u: mpmath.mpf) -> mpmath.mpf:
    return mpmath.sign(u) * mpmath.cbrt(abs(u))


def _ball_entropy(u: arb) -> arb:
    """−u log u, increasing up to 1/e; 0 at 0."""
    if u == 0:
        return arb(0)
    if not (from_zero(u) or u.lower() == 0):
        return -u * u.log()
    high = u.upper()
    value = arb(0).union(-high * high.log())
    peak = arb(-1).exp()
    return value if high < peak else value.union(peak)


def _float_entropy(u: Any) -> Any:
    return np.where(u == 0, 0.0, -u * np.log(np.where(u == 0, 1.0, u)))


ELEMENTARY = (
    _plain("exp", np.exp),
    _plain("log", np.log),
    Named("sqrt", np.sqrt, mpmath.sqrt, ball_sqrt, _method("sqrt"), lambda s, v: s.sqrt(v)),
    _plain("sin", np.sin, ODD),
    _plain("cos", np.cos, EVEN),
    _plain("tan", np.tan, ODD),
    _plain("asin", np.arcsin, ODD),
    _plain("acos", np.arccos, Symmetry("odd", constant="pi/2")),
    _plain("atan", np.arctan, ODD),
    Named("tanh", np.tanh, mpmath.tanh, _method("tanh"), _series_tanh, lambda s, v: s.tanh(v), ODD),
    Named("sinh", np.sinh, mpmath.sinh, _method("sinh"), _series_sinh, lambda s, v: s.sinh(v), ODD),
    Named(
        "cosh", np.cosh, mpmath.cosh, _method("cosh"), _series_cosh, lambda s, v: s.cosh(v), EVEN
    ),
    Named(
        "expm1",
        np.expm1,
        mpmath.expm1,
        _method("expm1"),
        _series_expm1,
        lambda s, v: s.exp(v) - 1,
    ),
    Named(
        "log1p",
        np.log1p,
        mpmath.log1p,
        _method("log1p"),
        _series_log1p,
        lambda s, v: s.log(1 + v),
    ),
    Named(
        "sinc",
        lambda u: np.sinc(u / np.pi),
        mpmath.sinc,
        _method("sinc"),
        _series_sinc,
        lambda s, v: s.sinc(v),
        EVEN,
    ),
    Named(
        "cbrt",
        np.cbrt,
        _mp_cbrt,
        _ball_cbrt,
        _series_cbrt,
        lambda s, v: s.sign(v) * s.Abs(v) ** s.Rational(1, 3),
        ODD,
        kink=True,
    ),
    Named(
        "logit",
        lambda u: np.log(u) - np.log1p(-u),
        lambda u: mpmath.log(u) - mpmath.log1p(-u),
        lambda u: u.log() - (-u).log1p(),
        lambda u: u.log() - (1 - u).log(),
        lambda s, v: s.log(v / (1 - v)),
        Symmetry("odd", centre=HALF),
    ),
    Named(
        "entropy",
        _float_entropy,
        lambda u: -u * mpmath.log(u) if u else mpmath.mpf(0),
        _ball_entropy,
        lambda u: -u * u.log(),
        lambda s, v: -v * s.log(v),
    ),
)
