# SPDX-License-Identifier: Apache-2.0
"""Smooth activation functions of neural networks."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
from flint import arb, arb_series, fmpq

from .named import HALF_CONSTANT, HALF_LINE, ODD, Named
from .piecewise import ball_kink
from .series import increasing, positive_side, with_value
from .special import ball_normcdf, float_erfc

# 0.044715 of D. Hendrycks and K. Gimpel (arXiv 1606.08415, section 2)
_CUBIC = fmpq(44715, 1000000)


def _gelu(u: Any) -> Any:
    return u * (-u / arb(2).sqrt()).erfc() / 2


@increasing
def _sigmoid(u: arb) -> arb:
    return 1 / (1 + (-u).exp())


@increasing
def _mish_factor(u: arb) -> arb:
    """tanh(log(1 + n)) = n (n + 2) / (n (n + 2) + 2) with n = exp(u)."""
    n = u.exp()
    return n * (n + 2) / (n * (n + 2) + 2)


def _silu(u: Any) -> Any:
    return u / (1 + (-u).exp())


def _inner(u: Any) -> Any:
    """2 sqrt(2/π) (u + 0.044715 u³): gelu_tanh is u times its sigmoid."""
    return (u + u * u * u * arb(_CUBIC)) * (8 / arb.pi()).sqrt()


def _float_inner(u: Any) -> Any:
    return np.sqrt(8 / np.pi) * (u + 0.044715 * u * u * u)


def _mp_inner(u: Any) -> Any:
    return mpmath.sqrt(8 / mpmath.pi) * (u + mpmath.mpf(44715) / 1000000 * u**3)


def _float_sigmoid(u: Any) -> Any:
    return np.exp(-np.logaddexp(0.0, -u))


def _mish(u: Any) -> Any:
    n = u.exp()
    part = n * (n + 2)
    return u * part / (part + 2)


def _float_mish(u: Any) -> Any:
    n = np.exp(u)
    return u / (1 + 2 / (n * (n + 2)))


def _mp_mish(u: Any) -> Any:
    n = mpmath.exp(u)
    return u * n * (n + 2) / (n * (n + 2) + 2)


def _mp_softplus(u: Any) -> Any:
    return mpmath.log1p(mpmath.exp(-abs(u))) + (u if u > 0 else 0)


@increasing
def _ball_softplus(u: arb) -> arb:
    return u + (-u).exp().log1p() if u > 0 else u.exp().log1p()


def _series_softplus(u: arb_series) -> arb_series:
    series = u + (1 + (-u).exp()).log() if u[0] > 0 else (1 + u.exp()).log()
    return with_value(series, _ball_softplus(u[0]))


@increasing
def _ball_elu(u: arb) -> arb:
    return ball_kink("relu", u) + (-ball_kink("relu", -u)).expm1()


def _series_elu(u: arb_series) -> arb_series:
    return u if positive_side(u) else with_value(u.exp(), u[0].expm1())


@increasing
def _softsign(u: arb) -> arb:
    return u / (1 + ball_kink("abs", u))


ACTIVATIONS = (
    Named(
        "sigmoid",
        _float_sigmoid,
        lambda u: 1 / (1 + mpmath.exp(-u)),
        _sigmoid,
        lambda u: 1 / (1 + (-u).exp()),
        lambda s, v: 1 / (1 + s.exp(-v)),
        HALF_CONSTANT,
    ),
    Named(
        "silu",
        lambda u: u * _float_sigmoid(u),
        lambda u: u / (1 + mpmath.exp(-u)),
        lambda u: u * _sigmoid(u),
        _silu,
        lambda s, v: v / (1 + s.exp(-v)),
        HALF_LINE,
    ),
    Named(
        "softplus",
        lambda u: np.logaddexp(0.0, u),
        _mp_softplus,
        _ball_softplus,
        _series_softplus,
        lambda s, v: s.log(1 + s.exp(v)),
        HALF_LINE,
    ),
    Named(
        "gelu",
        lambda u: u * float_erfc(-u / np.sqrt(2.0)) / 2,
        lambda u: u * mpmath.erfc(-u / mpmath.sqrt(2)) / 2,
        lambda u: u * increasing(ball_normcdf)(u),
        _gelu,
        lambda s, v: v * (1 + s.erf(v / s.sqrt(2))) / 2,
        HALF_LINE,
    ),
    Named(
        "gelu_tanh",
        lambda u: u * _float_sigmoid(_float_inner(u)),
        lambda u: u / (1 + mpmath.exp(-_mp_inner(u))),
        lambda u: u * _sigmoid(_inner(u)),
        lambda u: u / (1 + (-_inner(u)).exp()),
        lambda s, v: v / (1 + s.exp(-s.sqrt(8 / s.pi) * (v + s.Rational(44715, 1000000) * v**3))),
        HALF_LINE,
    ),
    Named(
        "mish",
        _float_mish,
        _mp_mish,
        lambda u: u * _mish_factor(u),
        _mish,
        lambda s, v: v * s.tanh(s.log(1 + s.exp(v))),
    ),
    Named(
        "softsign",
        lambda u: u / (1 + np.abs(u)),
        lambda u: u / (1 + abs(u)),
        _softsign,
        lambda u: u / (1 + u) if positive_side(u) else u / (1 - u),
        lambda s, v: v / (1 + s.Abs(v)),
        ODD,
        kink=True,
    ),
    Named(
        "elu",
        lambda u: np.where(u > 0, u, np.expm1(np.minimum(u, 0.0))),
        lambda u: u if u > 0 else mpmath.expm1(u),
        _ball_elu,
        _series_elu,
        lambda s, v: s.Piecewise((v, v > 0), (s.exp(v) - 1, True)),
        kink=True,
    ),
)
