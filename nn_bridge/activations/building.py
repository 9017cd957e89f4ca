# SPDX-License-Identifier: Apache-2.0
"""The activation that replaces a call, whatever function it calls."""

from __future__ import annotations

import math
from functools import lru_cache

import torch

import polyapprox

from ..calls.functions import Call
from ..calls.normalising import VECTOR_FUNCTIONS
from ..errors import ConversionError
from .activation import Outside, PolynomialActivation
from .derived import ELU, Derived, Hardsigmoid, Hardswish, Hardtanh, LeakyReLU, MaxPool, windows_of
from .evaluator import Evaluator
from .jumping import Hardshrink
from .vectors import VectorActivation

Activation = PolynomialActivation | Derived | VectorActivation

_BOUNDED = ("sigmoid", "tanh", "softsign")  # their values, so their errors, do not grow with the interval
_SELU = (1.6732632423543772848170429916717, 1.0507009873554804934193349852946)
"""Its α and its factor (Klambauer et al., NeurIPS 2017, arXiv 1706.02515)."""
_TANH_GELU = "x*(1+tanh(0.7978845608028654*(x+0.044715*x**3)))/2"


def expression(call: Call) -> str | None:
    """The function as an expression, where it is approximated by itself (not built from ReLU).

    Examples
    --------
    >>> expression(Call("softplus", "F.softplus", (("beta", 2.0), ("threshold", 20.0))))
    'softplus(2.0*x)/2.0'
    """
    if call.name == "gelu" and call.option("approximate") == "tanh":
        return _TANH_GELU
    if call.name == "softplus" and call.option("beta") != 1:
        beta = float(call.option("beta"))
        return f"softplus({beta!r}*x)/{beta!r}"
    if call.name == "logsigmoid":
        return "-softplus(-x)"
    if call.name == "celu" and call.option("alpha") != 1:
        alpha = float(call.option("alpha"))
        return f"elu(x/{alpha!r})*{alpha!r}"
    if call.name in ("elu", "celu"):
        return "elu" if call.option("alpha") == 1 else None
    return call.name if call.name in ("silu", "gelu", "softplus", "mish", *_BOUNDED) else None


def build(
    call: Call,
    shape: torch.Size,
    bound: float,
    relu: Evaluator,
    precision: float | None,
    outside: Outside,
    site: str,
) -> Activation:
    """The activation for a call site.

    Parameters
    ----------
    call : Call
    shape : torch.Size
        Of the input.
    bound : float
        B.
    relu : Evaluator
        Of ReLU, for everything that is built from it.
    precision : float or None
        For every other function: error on the interval scaled to [−1, 1] (absolute for sigmoid
        and tanh).
    outside : {"report", "raise", "clamp"}
    site : str

    Raises
    ------
    ConversionError
        If the function needs a precision and none was given.
    """
    if call.name == "celu" and not float(call.option("alpha")) > 0:
        raise ConversionError(
            f"{call.kind} at {site!r} has alpha={call.option('alpha')!r}: give a positive one"
        )
    if call.name == "softplus" and not float(call.option("beta")):
        raise ConversionError(f"{call.kind} at {site!r} has beta=0, by which it divides: give another")
    if call.name in VECTOR_FUNCTIONS:
        raise ConversionError(
            f"{call.kind} at {site!r} is a function of vectors, of no interval: convert(…, calibrate=loader) measures "
            "what it needs, and the converted network can be trained; this cannot replace it"
        )
    function = expression(call)
    own = function is not None or call.name in ("elu", "selu", "hardshrink")
    if own and precision is None:
        raise ConversionError(
            f"{call.kind} at {site!r} needs an approximation of its own: give a precision"
        )
    wanted = 0.0 if precision is None else float(precision)
    if function is not None:
        evaluator = function_evaluator(function, float(bound), wanted)
        made = PolynomialActivation(evaluator, bound, outside, site)
        made.apart = _jump(call, bound, evaluator.error * evaluator.radius, site)
        return made
    if call.name in ("elu", "selu"):
        alpha, gain = _SELU if call.name == "selu" else (float(call.option("alpha")), 1.0)
        smooth = function_evaluator("elu", float(bound), wanted / 4)
        return ELU(relu, smooth, bound, outside, site, alpha, gain)
    if call.name == "hardshrink":
        return Hardshrink(relu, bound, outside, site, float(call.option("lambd")), wanted)
    if call.name == "leaky_relu":
        slope = float(call.option("negative_slope"))
        return LeakyReLU(relu, bound, outside, site, slope)
    if call.name == "hardtanh":
        low, high = float(call.option("min_val")), float(call.option("max_val"))
        if low == 0 and high >= bound:
            return PolynomialActivation(relu, bound, outside, site)
        return Hardtanh(relu, bound, outside, site, low, high)
    if call.name == "hardsigmoid":
        return Hardsigmoid(relu, bound, outside, site)
    if call.name == "hardswish":
        return Hardswish(relu, bound, outside, site)
    if "max_pool" in call.name:
        return MaxPool(relu, bound, outside, site, windows_of(call, shape))
    return PolynomialActivation(relu, bound, outside, site)


def _jump(call: Call, bound: float, error: float, site: str) -> float:
    """By how much torch's softplus jumps where it becomes the identity, if that is in the interval."""
    if call.name != "softplus":
        return 0.0
    beta, threshold = float(call.option("beta")), float(call.option("threshold"))
    reach = abs(beta) * bound  # a negative beta turns the axis
    if reach <= threshold:
        return 0.0
    place = max(threshold, -reach)
    jump = (math.log1p(math.exp(-abs(place))) + max(0.0, -place)) / abs(beta) * (1 + 1e-9)
    if jump > error:
        raise ConversionError(
            f"{call.kind} at {site!r} has threshold={threshold:g}: it jumps by {jump:.2g} inside "
            f"[-{bound:g}, {bound:g}], which no polynomial follows to {error:.2g}; use the default, 20"
        )
    return jump


@lru_cache(maxsize=256)
def function_evaluator(function: str, bound: float, precision: float) -> Evaluator:
    """The minimax polynomial of a function on [−B, B], ready for tensors."""
    tolerance = precision if function in _BOUNDED else precision * bound
    found = polyapprox.minimax(function, domain=(-bound, bound), tolerance=tolerance)
    return Evaluator(found, function=function)
