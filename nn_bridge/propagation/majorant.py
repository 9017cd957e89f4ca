# SPDX-License-Identifier: Apache-2.0
"""A rigorous bound of the deviation of the logits, by the network with absolute weights.

If every map between activations is linear, a deviation of at most δ (element by element) at its
input is one of at most |W|δ at its output; an activation with Lipschitz constant L and proven
error E turns δ into L·δ + E. So the network with |W| for W and without constants, whose
activations are L·δ + E, computes a bound for all images at once. It assumes that all inputs stay
inside their intervals: |x| + δ ≤ B, which is checked image by image.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ..activations.building import Activation
from ..calls.functions import Call
from ..calls.inputs import logits_of
from ..calls.intercept import intercepted
from ..errors import ConversionError
from .passes import Rules

_LIPSCHITZ = {
    **dict.fromkeys(("relu", "hardtanh", "tanh", "softplus", "celu", "softsign", "logsigmoid", "hardshrink"), 1.0),
    "silu": 1.1, "gelu": 1.13, "mish": 1.09, "sigmoid": 0.25, "hardsigmoid": 1 / 6, "hardswish": 1.5, "selu": 1.7581,
}  # fmt: skip
"""Rounded up; a jump counts apart."""
_LINEAR = frozenset(
    ["add", "iadd", "conv1d", "conv2d", "conv3d", "linear", "batch_norm", "avg_pool1d", "avg_pool2d", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "mean", "sum", "pad", "constant_pad_nd", "flatten", "view", "reshape", "permute", "transpose", "contiguous", "cat", "chunk", "split", "getitem", "get", "size", "dim", "stride", "clone", "detach", "dropout", "unsqueeze", "squeeze", "is_floating_point", "is_contiguous", "numel", "len", "iter"]
)
_MAPS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True)
class Majorant:
    """Bounds of deviations, for all images whose inputs stay inside.

    Attributes
    ----------
    logits : Tensor, shape (classes,)
        Bound of the deviation of each logit.
    sites : dict
        Largest bound of the deviation of the *inputs* of each activation.
    """

    logits: torch.Tensor
    sites: dict[str, float]


class _Growth(Rules):
    """Activations on bounds of deviations; refuses what is not linear in between."""

    sees_constants = True  # weights are replaced by their absolute values

    def __init__(self, activations: Mapping[str, Activation]) -> None:
        self.sites: dict[str, float] = {}

        def rule(site: str, call: Call, x: torch.Tensor, exact: torch.Tensor) -> torch.Tensor:
            self.sites[site] = float(x.max())
            grown = exact if "max_pool" in call.name else _slope(call, site) * x
            return grown + activations[site].error_bound + _jump(call)

        super().__init__(rule)

    def other(
        self,
        path: str,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        """Refuse what may not be linear."""
        name = getattr(function, "__name__", "?").strip("_")
        filled = name in ("pad", "constant_pad_nd") and bool(kwargs.get("value") or args[3:])
        if name not in _LINEAR or filled:
            raise ConversionError(
                f"{path or 'the network'} calls {name!r} between activations: the rigorous bound "
                "knows sums, convolutions, linear maps, batch normalisation and means alone"
            )


def _slope(call: Call, site: str) -> float:
    """A Lipschitz constant of a call's function, jumps apart."""
    if call.name in ("leaky_relu", "elu"):
        return max(1.0, abs(float(call.option("negative_slope" if call.name == "leaky_relu" else "alpha"))))
    if call.name not in _LIPSCHITZ:
        raise ConversionError(f"{call.kind} at {site!r} has no Lipschitz constant that the rigorous bound knows")
    return _LIPSCHITZ[call.name]


def _jump(call: Call) -> float:
    """By how much more than its slope allows a function grows where it jumps."""
    return max(0.0, float(call.option("lambd"))) if call.name == "hardshrink" else 0.0


def majorant(
    network: nn.Module, activations: Mapping[str, Activation], shape: torch.Size, kind: torch.dtype = torch.float64
) -> Majorant:
    """Bound the deviation of the logits and of every activation's input.

    Computed in float64, whose own rounding (some 1e-13 of each bound) is not included.

    Parameters
    ----------
    network : nn.Module
        As it is, not converted.
    activations : dict
        By site.
    shape : torch.Size
        Of one image.
    kind : torch.dtype
        Of the inputs: whole numbers, such as tokens, stay what they are.

    Raises
    ------
    ConversionError
        If something between the activations is not linear.
    """
    twin = copy.deepcopy(network).double().eval()
    with torch.no_grad():
        for module in twin.modules():
            if isinstance(module, _MAPS):
                module.weight.abs_()
                if module.bias is not None:
                    module.bias.zero_()
            elif isinstance(module, _NORMS):
                _absolute_norm(module)
        growth = _Growth(activations)
        with intercepted(twin, growth):
            wide = torch.float64 if kind.is_floating_point else kind
            logits = logits_of(twin(torch.zeros(1, *shape, dtype=wide)))[0]
    return Majorant(logits, growth.sites)


def _absolute_norm(module: Any) -> None:
    if module.running_mean is None:
        raise ConversionError("batch normalisation without running statistics is not linear")
    module.running_mean.zero_()
    if module.weight is not None:
        module.weight.abs_()
        module.bias.zero_()
