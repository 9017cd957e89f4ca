# SPDX-License-Identifier: Apache-2.0
"""The activation functions and max-pools of torch that a polynomial can replace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as functional
from torch import nn

from ..errors import ConversionError


@dataclass(frozen=True)
class Call:
    """A call of a function that can be replaced.

    Attributes
    ----------
    name : str
        "relu", "hardtanh" (ReLU6 is one), "leaky_relu", "hardsigmoid", "hardswish", "silu", "gelu",
        "sigmoid", "tanh", "softplus", "elu", "selu", "celu", "mish", "softsign", "logsigmoid", "hardshrink",
        "max_pool1d", "max_pool2d", "adaptive_max_pool1d" or "adaptive_max_pool2d".
    kind : str
        How the network calls it: "nn.ReLU", "F.relu", "Tensor.relu_", …
    options : tuple of pairs
        Arguments but the input, by name.
    in_place : bool
    """

    name: str
    kind: str
    options: tuple[tuple[str, Any], ...] = ()
    in_place: bool = False

    def option(self, name: str) -> Any:
        """The value of an argument."""
        return dict(self.options)[name]


_POOL = {
    "kernel_size": None, "stride": None, "padding": 0, "dilation": 1, "ceil_mode": False,
    "return_indices": False,
}  # fmt: skip
_ADAPTIVE = {"output_size": None, "return_indices": False}
_PARAMETERS: dict[str, dict[str, Any]] = {
    "relu": {},
    "hardtanh": {"min_val": -1.0, "max_val": 1.0},
    "leaky_relu": {"negative_slope": 0.01},
    "hardsigmoid": {},
    "hardswish": {},
    "silu": {},
    "gelu": {"approximate": "none"},
    "sigmoid": {},
    "tanh": {},
    "softplus": {"beta": 1.0, "threshold": 20.0},
    "elu": {"alpha": 1.0},
    "selu": {},
    "celu": {"alpha": 1.0},
    "mish": {},
    "softsign": {},
    "logsigmoid": {},
    "hardshrink": {"lambd": 0.5},
    "max_pool1d": _POOL,
    "max_pool2d": _POOL,
    "adaptive_max_pool1d": _ADAPTIVE,
    "adaptive_max_pool2d": _ADAPTIVE,
}
_MODULES: dict[str, tuple[type[nn.Module], ...]] = {
    "relu": (nn.ReLU,),
    "hardtanh": (nn.ReLU6, nn.Hardtanh),
    "leaky_relu": (nn.LeakyReLU,),
    "hardsigmoid": (nn.Hardsigmoid,),
    "hardswish": (nn.Hardswish,),
    "silu": (nn.SiLU,),
    "gelu": (nn.GELU,),
    "sigmoid": (nn.Sigmoid,),
    "tanh": (nn.Tanh,),
    "softplus": (nn.Softplus,),
    "elu": (nn.ELU,),
    "selu": (nn.SELU,),
    "celu": (nn.CELU,),
    "mish": (nn.Mish,),
    "softsign": (nn.Softsign,),
    "logsigmoid": (nn.LogSigmoid,),
    "hardshrink": (nn.Hardshrink,),
    "max_pool1d": (nn.MaxPool1d,),
    "max_pool2d": (nn.MaxPool2d,),
    "adaptive_max_pool1d": (nn.AdaptiveMaxPool1d,),
    "adaptive_max_pool2d": (nn.AdaptiveMaxPool2d,),
}
_NAMESPACES = (
    ("torch", torch),
    ("F", functional),
    ("Tensor", torch.Tensor),
    ("torch.special", torch.special),
    ("aten", torch.ops.aten),
)
_SPELLINGS = {
    **{name: name for name in _PARAMETERS},
    "relu6": "hardtanh",
    "expit": "sigmoid",
}


def _callables() -> dict[Any, tuple[str, str]]:
    """Every torch function that is one of the functions: its name and its kind."""
    found: dict[Any, tuple[str, str]] = {}
    for prefix, namespace in _NAMESPACES:
        for spelling, name in _SPELLINGS.items():
            for suffix in ("", "_"):
                own = getattr(namespace, spelling + suffix, None)
                if own is None or (prefix == "Tensor" and name not in ("relu", "sigmoid", "tanh")):
                    continue
                if prefix == "aten" and name == "elu":  # has scales of its own
                    continue
                label = f"{prefix}.{spelling}{suffix}"
                found.setdefault(own, (name, label))
                if prefix == "aten" and hasattr(own, "default"):
                    found.setdefault(own.default, (name, label))
    return found


CALLABLES = _callables()
"""Name and kind by torch function."""
METHODS = {"relu", "relu_", "sigmoid", "sigmoid_", "tanh", "tanh_"}
"""Methods of tensors, by name, as symbolic tracing has them."""


def module_function(module: nn.Module | type) -> str | None:
    """Name of the function that a layer of torch is, if it is one that can be replaced.

    Examples
    --------
    >>> module_function(nn.ReLU6()), module_function(nn.Softmax(1))
    ('hardtanh', None)
    """
    kind = module if isinstance(module, type) else type(module)
    for name, kinds in _MODULES.items():
        if issubclass(kind, kinds):
            return name
    return None


def read_call(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], layer: type | None
) -> Call:
    """What a call of one of :data:`CALLABLES` asks for.

    Parameters
    ----------
    function, args, kwargs
        As torch's function overrides give them.
    layer : type, optional
        Of the layer, if the call is all that it does.

    Raises
    ------
    ConversionError
        If indices of maxima are asked for.
    """
    name, kind = CALLABLES[function]
    given = dict(kwargs)
    parameters = _PARAMETERS[name]
    after = len(parameters) + 1
    if kind.startswith(("F.relu6", "aten.relu6")):
        given.update(min_val=0.0, max_val=6.0)
        after = 1
    else:
        given.update(zip(parameters, args[1:], strict=False))
    if layer is not None:
        kind = f"nn.{layer.__name__}" if layer.__module__.startswith("torch.") else kind
        kind = "nn.ReLU" if issubclass(layer, nn.ReLU) else kind
    in_place = kind.endswith("_") or bool(
        given.get("inplace", len(args) > after and args[after] is True)
    )
    options = tuple((key, given.get(key, default)) for key, default in parameters.items())
    if dict(options).get("return_indices"):
        raise ConversionError(
            f"{kind} is asked for the indices of the maxima, which no polynomial gives: use "
            "return_indices=False"
        )
    return Call(name, kind, options, in_place)
