# SPDX-License-Identifier: Apache-2.0
"""What torch itself computes for a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
import torch.nn.functional as functional

from .functions import Call
from .normalising import exact_layer_norm, exact_rms_norm, exact_softmax

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "relu": functional.relu,
    "hardtanh": functional.hardtanh,
    "leaky_relu": functional.leaky_relu,
    "hardsigmoid": functional.hardsigmoid,
    "hardswish": functional.hardswish,
    "silu": functional.silu,
    "gelu": functional.gelu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": functional.softplus,
    "elu": functional.elu,
    "selu": functional.selu,
    "celu": functional.celu,
    "mish": functional.mish,
    "softsign": functional.softsign,
    "logsigmoid": functional.logsigmoid,
    "hardshrink": functional.hardshrink,
    "max_pool1d": functional.max_pool1d,
    "max_pool2d": functional.max_pool2d,
    "adaptive_max_pool1d": functional.adaptive_max_pool1d,
    "adaptive_max_pool2d": functional.adaptive_max_pool2d,
    "softmax": exact_softmax,
    "layer_norm": exact_layer_norm,
    "rms_norm": exact_rms_norm,
}
_UNSET = ("return_indices",)
_ANSWERING: ContextVar[bool] = ContextVar("answering", default=False)


def exact_value(call: Call, x: torch.Tensor) -> torch.Tensor:
    """The exact value of a call, written over its input where the call is in place.

    Examples
    --------
    >>> exact_value(Call("hardtanh", "F.relu6", (("min_val", 0.0), ("max_val", 6.0))), torch.tensor(7.0))
    tensor(6.)
    """
    with answering_call():
        return _value(call, x)


def torch_function(name: str) -> Callable[..., Any]:
    """Torch's own function of the name of a call."""
    return _FUNCTIONS[name]


@contextmanager
def answering_call() -> Iterator[None]:
    """What is called meanwhile answers a call, and is no call of the network."""
    token = _ANSWERING.set(True)
    try:
        yield
    finally:
        _ANSWERING.reset(token)


def is_answering() -> bool:
    """Whether a call is being answered."""
    return _ANSWERING.get()


def _value(call: Call, x: torch.Tensor) -> torch.Tensor:
    options = {name: value for name, value in call.options if name not in _UNSET}
    value: torch.Tensor = _FUNCTIONS[call.name](x, **options)
    return x.copy_(value) if call.in_place else value
