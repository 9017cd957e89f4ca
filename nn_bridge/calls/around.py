# SPDX-License-Identifier: Apache-2.0
"""Functions that are additions and multiplications around one activation: exact identities.

==================  =====================================================
maximum(a, b)       b + relu(a − b); so are clamp(min=b) and threshold
minimum(a, b)       b − relu(b − a); so is clamp(max=b)
clamp(x, a, b)      hardtanh(x, a, b)
where(x > 0, x, 0)  relu(x)
abs(x)              2·relu(x) − x
prelu(x, a)         relu(x) + a·(x − relu(x)); so is rrelu in evaluation
glu((a, b))         a·sigmoid(b)
softshrink(x, s)    x − hardtanh(x, −s, s)
tanhshrink(x)       x − tanh(x)
==================  =====================================================

Softmax, attention and norms are taken apart in :mod:`nn_bridge.calls.normalising`.

The call site is that of the activation within; what is around it stays arithmetic.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
import torch.fx
import torch.nn.functional as functional
from torch import nn

from . import normalising
from .comparing import compared, is_same, is_zero

_HUGE = 1e30
"""A limit beyond it is a mask's, not an activation's."""


class UndecidedError(Exception):
    """Says what a trace does not show: only a run does."""


@dataclass(frozen=True)
class Around:
    """A call taken apart.

    Attributes
    ----------
    name : str
        Of the activation, as in :class:`nn_bridge.calls.functions.Call`.
    inner : callable
        () → input of the activation.
    finish : callable
        Value of the activation → value of the whole.
    options : dict
        Of the activation.
    whole : bool
        Whether the whole errs by no more than the activation.
    kind : str
        How the network calls the whole: "torch.maximum", …; "relu in torch.abs" where the whole errs by
        more than the activation.
    """

    name: str
    inner: Callable[[], Any]
    finish: Callable[[Any], Any]
    options: dict[str, Any] = field(default_factory=dict)
    whole: bool = True
    kind: str = ""


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _varies(value: Any) -> bool:
    """Whether something holds real numbers that depend on inputs: no weight, no whole numbers."""
    if isinstance(value, torch.fx.Proxy):
        return value.node.op != "get_attr"
    return isinstance(value, torch.Tensor) and value.is_floating_point() and not isinstance(value, nn.Parameter)


def _is_limit(value: Any) -> bool:
    """Whether something can be the other argument of a maximum."""
    if isinstance(value, torch.Tensor):
        huge = value.ndim == 0 and abs(float(value)) > _HUGE
        return value.dtype != torch.bool and not huge
    return isinstance(value, torch.fx.Proxy) or (_is_number(value) and abs(value) < _HUGE)


def _same(value: Any) -> Any:
    return value


def _maximum(input: Any, other: Any) -> Around | None:
    x, end = (other, input) if _is_number(input) else (input, other)
    if not _varies(x) or not _is_limit(end):
        return None
    if _is_number(end) and end == 0:
        return Around("relu", lambda: x, _same)
    return Around("relu", lambda: x - end, lambda value: value + end)


def _minimum(input: Any, other: Any) -> Around | None:
    x, end = (other, input) if _is_number(input) else (input, other)
    if not _varies(x) or not _is_limit(end):
        return None
    return Around("relu", lambda: end - x, lambda value: end - value)


def _max(input: Any, other: Any) -> Around | None:
    return None if _is_number(other) else _maximum(input, other)  # a number is an axis


def _min(input: Any, other: Any) -> Around | None:
    return None if _is_number(other) else _minimum(input, other)


def _clamp(input: Any, min: Any = None, max: Any = None) -> Around | None:
    ends = [end for end in (min, max) if end is not None]
    if not _varies(input) or not ends or not all(map(_is_number, ends)):
        return None
    if max is None:
        return _maximum(input, min)
    if min is None:
        return _minimum(input, max)
    return Around("hardtanh", lambda: input, _same, {"min_val": float(min), "max_val": float(max)})


def _threshold(input: Any, threshold: Any, value: Any, inplace: bool = False) -> Around | None:
    return _maximum(input, threshold) if threshold == value else None  # else it jumps


def _where(condition: Any, input: Any = None, other: Any = None) -> Around | None:
    known = compared(condition)
    if known is None:
        return None
    x, rest = (other, input) if is_zero(input) else (input, other)
    if not is_zero(rest) or not _varies(x) or not is_same(known.value, x):
        return None
    if known.above == (x is input):  # x is taken where it is positive
        return Around("relu", lambda: x, _same)
    return Around("relu", lambda: -x, operator.neg)


def _abs(input: Any) -> Around | None:
    if not _varies(input):
        return None
    return Around("relu", lambda: input, lambda value: 2 * value - input, whole=False)


def _prelu(input: Any, weight: Any) -> Around | None:
    count = _count(weight)
    if not _varies(input) or not count:
        return None

    def finish(value: Any) -> Any:
        negative = input - value
        if count == 1:
            return value + weight.reshape(()) * negative
        return value + (weight * negative.transpose(1, -1)).transpose(1, -1)  # channels are on axis 1

    return Around("relu", lambda: input, finish, whole=False)


def _count(weight: Any) -> int:
    """Numbers in a weight; 0 where it is none."""
    if isinstance(weight, torch.fx.Proxy):
        owner = getattr(weight.tracer, "root", None)
        if weight.node.op != "get_attr" or owner is None:
            raise UndecidedError("the slope of prelu is computed")
        weight = operator.attrgetter(str(weight.node.target))(owner)
    return weight.numel() if isinstance(weight, torch.Tensor) else 0


def _rrelu(
    input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False
) -> Around | None:
    if training or not _varies(input):
        return None
    slope = (lower + upper) / 2
    whole = abs(1 - slope) <= 1
    return Around("relu", lambda: input, lambda value: value + slope * (input - value), whole=whole)


def _glu(input: Any, dim: int = -1) -> Around | None:
    if not _varies(input):
        return None
    def half(number: int) -> Any:
        return torch.chunk(input, 2, dim)[number]

    return Around("sigmoid", lambda: half(1), lambda value: half(0) * value, whole=False)


def _softshrink(input: Any, lambd: float = 0.5) -> Around | None:
    ends = {"min_val": -float(lambd), "max_val": float(lambd)}
    return Around("hardtanh", lambda: input, lambda value: input - value, ends) if _varies(input) else None


def _tanhshrink(input: Any) -> Around | None:
    return Around("tanh", lambda: input, lambda value: input - value) if _varies(input) else None


def _vector(rule: Callable[..., normalising.Parts | None]) -> Callable[..., Around | None]:
    """A rule for a function of vectors."""

    @functools.wraps(rule)
    def of(*args: Any, **kwargs: Any) -> Around | None:
        if not any(isinstance(v, (torch.Tensor, torch.fx.Proxy)) for v in (*args[:1], *kwargs.values())):
            return None
        try:
            found = rule(*args, **kwargs)
        except torch.fx.proxy.TraceError as error:
            raise UndecidedError(f"the shapes of {rule.__name__} are computed") from error
        return None if found is None else Around(*found)

    return of


_RULES: dict[str, Callable[..., Around | None]] = {
    **{name: _vector(rule) for name, rule in normalising.RULES.items()},
    "maximum": _maximum,
    "max": _max,
    "minimum": _minimum,
    "min": _min,
    "clamp": _clamp,
    "clip": _clamp,
    "clamp_min": _maximum,
    "clamp_max": _minimum,
    "threshold": _threshold,
    "where": _where,
    "abs": _abs,
    "absolute": _abs,
    "prelu": _prelu,
    "rrelu": _rrelu,
    "glu": _glu,
    "softshrink": _softshrink,
    "tanhshrink": _tanhshrink,
}
_FIRST = {"scaled_dot_product_attention": "query", "multi_head_attention_forward": "query"}
_WORDS = {"clamp_min": {"min": "other"}, "clamp_max": {"max": "other"}, "where": {"self": "input"}}
_MODULES = (nn.PReLU, nn.RReLU, nn.GLU, nn.Softshrink, nn.Tanhshrink, nn.Threshold, *normalising.MODULES)


def _callables() -> dict[Any, tuple[str, str]]:
    """Every torch function that has a rule: the name of the rule and its kind."""
    found: dict[Any, tuple[str, str]] = {}
    spaces = (
        ("F", functional), ("torch", torch), ("Tensor", torch.Tensor), ("operator", operator),
        ("torch.special", torch.special),
    )  # fmt: skip
    for prefix, namespace in spaces:
        for name in _RULES:
            for spelling in (name, f"{name}_", f"__{name}__"):
                own = getattr(namespace, spelling, None)
                if own is not None and own is not torch.instance_norm:  # its arguments stand otherwise
                    found.setdefault(own, (name, f"{prefix}.{spelling}"))
    return found


_CALLABLES = _callables()


def taken_apart(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Around | None:
    """A call of one of the functions above, as arithmetic around an activation; None if it is none.

    Parameters
    ----------
    function : callable
        Of torch, or a method of its tensors.
    args, kwargs
        Tensors, or what stands for them in a trace.

    Raises
    ------
    UndecidedError
        If a trace does not show whether it is one.

    Examples
    --------
    >>> found = taken_apart(torch.maximum, (torch.tensor([-3.0, 2.0]), torch.tensor([1.0, 1.0])), {})
    >>> found.name, found.finish(torch.relu(found.inner()))
    ('relu', tensor([1., 2.]))
    """
    try:
        name, kind = _CALLABLES[function]
    except (KeyError, TypeError):
        return None
    words = _WORDS.get(name, {})
    kwargs = {words.get(key, key): value for key, value in kwargs.items()}
    if name == "where" and kind.startswith("Tensor."):  # x.where(condition, other)
        args = (args[1], args[0], *args[2:]) if len(args) > 1 else (kwargs.pop("condition", None), *args)
    try:
        found = _RULES[name](*args, **kwargs)
    except TypeError:  # another form of the function, such as max over an axis
        return None
    if found is None:
        return None
    first: Any = kwargs.get(_FIRST.get(name, "input")) if not args else args[0]
    own = kind.endswith("_") or bool(kwargs.get("inplace"))
    finish = (lambda value: first.copy_(found.finish(value))) if own else found.finish
    kind = kind if found.whole else f"{found.name} in {kind}"
    return replace(found, finish=finish, kind=kind)


def method_of(name: str) -> Any:
    """The method of tensors that has a rule, by its name in a trace; None without."""
    function = getattr(torch.Tensor, name, None)
    return function if function in _CALLABLES else None


def is_around(module: nn.Module) -> bool:
    """Whether a layer of torch is arithmetic around an activation.

    Examples
    --------
    >>> is_around(nn.PReLU()), is_around(nn.ReLU()), is_around(nn.Threshold(0.0, 1.0))
    (True, False, False)
    """
    return isinstance(module, _MODULES) and not (
        isinstance(module, nn.Threshold) and module.threshold != module.value
    )
