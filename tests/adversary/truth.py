"""The functions that tables name, in balls of python-flint, written anew.

An expression is read by Python itself with the names below; every number in it becomes a ball
that encloses it, so "0.1" is one tenth. Nothing of the package is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from flint import arb

Ball = Callable[[arb], arb]


def _relu(x: arb) -> arb:
    return x if x > 0 else arb(0) if x <= 0 else x.nonnegative_part()


def _sign(x: arb) -> arb:
    return arb(1) if x > 0 else arb(-1) if x < 0 else x.sgn()


def _softplus(x: arb) -> arb:
    return x + (-x).exp().log1p() if x > 0 else x.exp().log1p()


def _entropy(x: arb) -> arb:
    return arb(0) if x.is_zero() else -x * x.log()


def _clip(x: arb, low: int, high: int) -> arb:
    return arb(low).max(arb(high).min(x))


def _cube_root(x: arb) -> arb:
    return x.root(3) if x > 0 else -((-x).root(3)) if x < 0 else arb(0)


def _gelu_tanh(x: arb) -> arb:
    inner = (2 / arb.pi()).sqrt() * (x + arb(44715) / 1000000 * x**3)
    return x * (1 + inner.tanh()) / 2


NAMES: dict[str, Ball] = {
    "relu": _relu,
    "abs": lambda x: abs(x),
    "Abs": lambda x: abs(x),
    "sign": _sign,
    "step": lambda x: (1 + _sign(x)) / 2,
    "Heaviside": lambda x: (1 + _sign(x)) / 2,
    "exp": lambda x: x.exp(),
    "log": lambda x: x.log(),
    "sqrt": lambda x: x.sqrt(),
    "sin": lambda x: x.sin(),
    "cos": lambda x: x.cos(),
    "tan": lambda x: x.tan(),
    "sinh": lambda x: x.sinh(),
    "cosh": lambda x: x.cosh(),
    "tanh": lambda x: x.tanh(),
    "asin": lambda x: x.asin(),
    "acos": lambda x: x.acos(),
    "atan": lambda x: x.atan(),
    "erf": lambda x: x.erf(),
    "erfc": lambda x: x.erfc(),
    "expm1": lambda x: x.expm1(),
    "log1p": lambda x: x.log1p(),
    "sinc": lambda x: x.sinc(),
    "logit": lambda x: (x / (1 - x)).log(),
    "lgamma": lambda x: x.lgamma(),
    "digamma": lambda x: x.digamma(),
    "cbrt": _cube_root,
    "sigmoid": lambda x: 1 / (1 + (-x).exp()),
    "gelu": lambda x: x * (-x / arb(2).sqrt()).erfc() / 2,
    "gelu_tanh": _gelu_tanh,
    "silu": lambda x: x / (1 + (-x).exp()),
    "softplus": _softplus,
    "mish": lambda x: x * _softplus(x).tanh(),
    "softsign": lambda x: x / (1 + abs(x)),
    "elu": lambda x: x if x >= 0 else x.expm1(),
    "hardswish": lambda x: x * _clip(x + 3, 0, 6) / 6,
    "hardtanh": lambda x: _clip(x, -1, 1),
    "entropy": _entropy,
    "normcdf": lambda x: (-x / arb(2).sqrt()).erfc() / 2,
    "Max": lambda x, y: arb.max(arb(x), arb(y)),
    "Min": lambda x, y: arb.min(arb(x), arb(y)),
    "max": lambda x, y: arb.max(arb(x), arb(y)),
    "min": lambda x, y: arb.min(arb(x), arb(y)),
}  # fmt: skip
_BARE = re.compile(r"\b([A-Za-z_]\w*)\b(?!\s*\()")
_NUMBER = re.compile(r"(?<![A-Za-z_0-9.])(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)")


def function_named(text: str) -> Ball:
    """The function of balls that a table means by its field "function" or "weight"."""
    text = text.strip()
    if text in NAMES:
        return NAMES[text]
    source = _NUMBER.sub(r"_number('\1')", text.replace("^", "**"))
    source = _BARE.sub(lambda found: f"{found[1]}(x)" if found[1] in NAMES else found[0], source)
    code = compile(source, text, "eval")

    def value(x: arb) -> arb:
        names: dict[str, Any] = {
            **NAMES, "x": x, "pi": arb.pi(), "e": arb.const_e(), "_number": arb,
            "__builtins__": {},
        }  # fmt: skip
        found = eval(code, names)
        return found(x) if callable(found) else arb(found)

    return value


PIECEWISE = ("relu", "abs", "sign", "step", "maximum", "minimum")
"""Functions that float64 computes without any error."""
