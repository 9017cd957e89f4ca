# SPDX-License-Identifier: Apache-2.0
"""A rigorous bound of the deviation of the logits, by the network with absolute weights.

If every map between activations is linear, a deviation of at most δ (element by element) at its
input is one of at most |W|δ at its output; an activation with Lipschitz constant L and proven
error E turns δ into L·δ + E. So the network's own code, run on bounds δ, with |W| for W, sums for
differences and 0 for constants, computes a bound for all images at once; what is not known to be linear is
refused. It assumes that all inputs stay inside their intervals: |x| + δ ≤ B, which is checked image by image.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import nn
from torch.nn import functional

from ..activations.building import Activation
from ..calls.comparing import is_comparison, is_in_place
from ..calls.constant import tensors_of
from ..calls.exact import exact_value
from ..calls.functions import Call
from ..calls.inputs import logits_of
from ..calls.intercept import intercepted
from ..calls.operations import remaining_function
from ..errors import ConversionError

_LIPSCHITZ = {
    **dict.fromkeys(("relu", "hardtanh", "tanh", "softplus", "celu", "softsign", "logsigmoid", "hardshrink"), 1.0),
    "silu": 1.1, "gelu": 1.13, "mish": 1.09, "sigmoid": 0.25, "hardsigmoid": 1 / 6, "hardswish": 1.5, "selu": 1.7581,
}  # fmt: skip
"""Rounded up; a jump counts apart."""
_AROUND = {
    **dict.fromkeys(("maximum", "max", "minimum", "min", "clamp", "clip", "clamp_min", "clamp_max", "threshold",
                     "where", "softshrink", "tanhshrink"), 1.0),
    "abs": 2.0, "absolute": 2.0,
}  # fmt: skip
"""Arithmetic around an activation, of Lipschitz constant 1: by how much the activation's error counts."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_KEPT = _words("""
avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d mean sum dropout
flatten unflatten view reshape permute transpose t movedim contiguous clone detach cat concat stack chunk split
unbind narrow select getitem get unsqueeze squeeze expand repeat roll flip pixel_shuffle channel_shuffle
""")
"""No negative weights, and no constants: they do to bounds what they do to values."""
_ASKED = _words("""
size dim stride numel len is_floating_point is_contiguous zeros_like ones_like new_zeros new_ones new_full new_tensor
""")
"""What they give does not depend on the values."""
_SUMS = _words("add radd sub subtract rsub")
_PRODUCTS = _words("mul rmul multiply matmul mm bmm div divide true_divide truediv")
_QUOTIENTS = _words("div divide true_divide truediv")
_MAPS = _words("linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d")


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


class _Growth:
    """Answers a network's calls on bounds of deviations; a tensor that is no bound is a constant."""

    def __init__(self, activations: Mapping[str, Activation]) -> None:
        self.activations = activations
        self.sites: dict[str, float] = {}
        self.bounds: dict[int, torch.Tensor] = {}  # kept, so that nothing else gets their place

    def is_bound(self, value: Any) -> bool:
        """Whether something is a bound of deviations."""
        return id(value) in self.bounds

    def noted(self, value: Any) -> Any:
        """A value, whose tensors are bounds of deviations."""
        self.bounds.update((id(one), one) for one in tensors_of((value,)))
        return value

    def activation(
        self, site: str, call: Call, x: torch.Tensor, exact: Callable[[], torch.Tensor]
    ) -> torch.Tensor:
        """L·δ + E; a max-pool takes the largest δ."""
        deviation = x if self.is_bound(x) else torch.zeros_like(x)
        self.sites[site] = float(deviation.max())
        pool = "max_pool" in call.name
        grown = exact_value(replace(call, in_place=False), deviation) if pool else _slope(call, site) * deviation
        value = grown + self.activations[site].error_bound + _jump(call)
        return cast("torch.Tensor", self.noted(x.copy_(value) if call.in_place else value))

    def around(self, site: str, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
        """The same of arithmetic around an activation, whose inputs may be several."""
        name = call.kind.rpartition(".")[2].strip("_")
        given = [one for one in tensors_of((*args, *kwargs.values())) if one.is_floating_point()]
        slope, factor = 1.0, _AROUND.get(name)
        if name == "prelu" and not self.is_bound(given[-1]):
            weight = given.pop().detach()
            slope, factor = max(1.0, float(weight.abs().max())), float((1 - weight).abs().max())
        if factor is None:
            raise _unknown(call, site)
        deviations = [one if self.is_bound(one) else torch.zeros_like(one) for one in given]
        self.sites[site] = sum(float(one.max()) for one in deviations)
        value = slope * functools.reduce(torch.maximum, deviations) + factor * self.activations[site].error_bound
        written = call.kind.endswith("_") or bool(kwargs.get("inplace"))
        return cast("torch.Tensor", self.noted(given[0].copy_(value) if written else value))

    def computed(
        self, path: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """What any other call makes of bounds; refuses what may not be linear."""
        name = _name(function)
        of_bounds = any(map(self.is_bound, tensors_of((*args, *kwargs.values()))))
        if not of_bounds or name in _ASKED or is_comparison(name):
            return function(*args, **kwargs)
        if name == "iter":
            return iter(self.noted(args[0].unbind()))
        value = None
        if name in _KEPT and "out" not in kwargs and remaining_function(function, args, kwargs) is None:
            zeroed = args if name == "getitem" else self._zeroed(args)
            value = function(*zeroed, **kwargs)
        elif not _writes(function) or self.is_bound(args[0]):
            value = self._affine(name, function, args, kwargs)
        if value is None:
            raise _refusal(path, name)
        return self.noted(value)

    def other(self, path: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Refuse a comparison that was not of a ReLU."""
        if is_comparison(_name(function)) and any(map(self.is_bound, args)):
            raise _refusal(path, _name(function))

    def _affine(self, name: str, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Of what has constants or weights; None where it may not be linear."""
        if name in _SUMS and len(args) == 2 and kwargs.keys() <= {"alpha"}:
            first, second = (one if isinstance(one, torch.Tensor) else torch.zeros(()) for one in self._zeroed(args))
            second = abs(kwargs.get("alpha", 1)) * second
            return first.add_(second) if _writes(function) else first + second
        if name in ("neg", "negative", "positive"):
            return args[0] if _writes(function) else args[0].clone()
        if name in _PRODUCTS and len(args) == 2 and not kwargs and sum(map(self.is_bound, args)) == 1:
            good = name not in _QUOTIENTS or self.is_bound(args[0])
            return function(*map(_size, args)) if good else None
        if name in _MAPS:
            return self._map(function, args, kwargs)
        if function is functional.batch_norm:
            return self._norm(inspect.signature(function).bind(*args, **kwargs).arguments)
        if name == "pad":
            return function(*args[:3], **{**kwargs, "value": None})
        return functional.pad(*args[:2]) if name == "constant_pad_nd" else None

    def _zeroed(self, values: Any) -> Any:
        """With 0 for tensors that are no bounds, in lists too."""
        if isinstance(values, (list, tuple)):
            return type(values)(self._zeroed(one) for one in values)
        if isinstance(values, torch.Tensor):
            return values if self.is_bound(values) else torch.zeros_like(values)
        return values

    def _map(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Of a linear layer or a convolution, whose weights are constants."""
        given = {**dict(zip(("input", "weight", "bias"), args, strict=False)), **kwargs}
        x, weight, _ = given.pop("input"), given.pop("weight"), given.pop("bias", None)
        return None if self.is_bound(weight) else function(x, weight.abs(), None, *args[3:], **given)

    def _norm(self, given: dict[str, Any]) -> Any:
        """Of batch normalisation with running statistics."""
        mean, variance, weight = given["running_mean"], given["running_var"], given.get("weight")
        if mean is None or given.get("training") or self.is_bound(weight):
            return None
        size = None if weight is None else weight.abs()
        return functional.batch_norm(given["input"], 0 * mean, variance, size, eps=given.get("eps", 1e-5))


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", "?")).strip("_")


def _writes(function: Any) -> bool:
    """Whether a call writes over its first argument."""
    return is_in_place(str(getattr(function, "__name__", "?")))


def _size(value: Any) -> Any:
    return value if isinstance(value, torch.Tensor) and value.dtype == torch.bool else abs(value)


def _refusal(path: str, name: str) -> ConversionError:
    return ConversionError(
        f"{path or 'the network'} calls {name!r} between activations: the rigorous bound knows sums, convolutions, "
        "linear maps, products with constants, batch normalisation and dropout in evaluation mode, and means alone"
    )


def _unknown(call: Call, site: str) -> ConversionError:
    return ConversionError(f"{call.kind} at {site!r} has no Lipschitz constant that the rigorous bound knows")


def _slope(call: Call, site: str) -> float:
    """A Lipschitz constant of a call's function, jumps apart."""
    if call.name in ("leaky_relu", "elu"):
        return max(1.0, abs(float(call.option("negative_slope" if call.name == "leaky_relu" else "alpha"))))
    if call.name not in _LIPSCHITZ:
        raise _unknown(call, site)
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
        If something between the activations may not be linear.
    """
    twin = copy.deepcopy(network).double().eval()
    growth = _Growth(activations)
    wide = torch.float64 if kind.is_floating_point else kind
    image = torch.zeros(1, *shape, dtype=wide)
    if wide == torch.float64:  # tokens do not deviate, they are constants
        growth.noted(image)
    with torch.no_grad(), intercepted(twin, growth):
        logits = logits_of(twin(image))
    if not growth.is_bound(logits):
        raise ConversionError("the network's output was not seen to come from its input: there is no rigorous bound")
    return Majorant(logits[0], growth.sites)
