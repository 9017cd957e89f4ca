# SPDX-License-Identifier: Apache-2.0
"""Comparisons with 0, and zeros: so that ``where(x > 0, x, 0)`` is known to be ReLU."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import torch
import torch.fx
from torch.utils.weak import WeakIdKeyDictionary

_ABOVE = ("gt", "ge", "greater", "greater_equal")
_BELOW = ("lt", "le", "less", "less_equal")
_ZEROS = {torch.zeros, torch.zeros_like, torch.Tensor.new_zeros}


def _functions(names: tuple[str, ...]) -> set[Any]:
    spaces = ((torch, "{}"), (torch.Tensor, "{}"), (torch.Tensor, "__{}__"), (operator, "{}"))
    found = {getattr(space, form.format(name), None) for space, form in spaces for name in names}
    return found - {None}


_SIDES = {**dict.fromkeys(_functions(_ABOVE), True), **dict.fromkeys(_functions(_BELOW), False)}


@dataclass(frozen=True)
class Compared:
    """What a comparison with 0 compared.

    Attributes
    ----------
    value : Tensor or Proxy
    above : bool
        True where the comparison asks for values above 0, False for those below.
    version : int
        Of the tensor then: what was overwritten since is another value.
    """

    value: Any
    above: bool
    version: int = 0


_SEEN = WeakIdKeyDictionary()  # result of a comparison → Compared; zeros → their version


def note(function: Any, args: tuple[Any, ...], result: Any) -> bool:
    """Keep what a comparison with 0 compared, and what is 0; whether it was a comparison."""
    if not isinstance(result, torch.Tensor):
        return False
    if function in _ZEROS or (function is torch.tensor and _is_zero_number(args[0])):
        _SEEN[result] = _version(result)
    elif function in _SIDES and len(args) == 2 and _is_zero_number(args[1]):
        _SEEN[result] = Compared(args[0].detach(), _SIDES[function], _version(args[0]))
        return True
    return False


def is_comparison(name: str) -> bool:
    """Whether a function of this name compares.

    Examples
    --------
    >>> is_comparison("gt"), is_comparison("mul")
    (True, False)
    """
    return name in _ABOVE or name in _BELOW


def compared(condition: Any) -> Compared | None:
    """What the values of a condition come from, if it is a comparison with 0."""
    if isinstance(condition, torch.Tensor):
        found = _SEEN.get(condition)
        good = isinstance(found, Compared) and _version(found.value) == found.version
        return found if good else None
    if not isinstance(condition, torch.fx.Proxy):
        return None
    node = condition.node
    args = node.args
    if _function(node) not in _SIDES or len(args) != 2 or not _is_zero_number(args[1]):
        return None
    value = args[0]
    if not isinstance(value, torch.fx.Node) or any(overwrites(user) for user in value.users):
        return None
    return Compared(torch.fx.Proxy(value, condition.tracer), _SIDES[_function(node)])


def is_zero(value: Any) -> bool:
    """Whether something is 0 whatever the inputs are: a number, or a tensor made of zeros."""
    if isinstance(value, torch.Tensor):
        return bool(_SEEN.get(value, -2) == _version(value))
    if not isinstance(value, torch.fx.Proxy):
        return _is_zero_number(value)
    node = value.node
    if node.op == "get_attr":
        constant = operator.attrgetter(str(node.target))(getattr(value.tracer, "root", None))
        return str(node.target).startswith("_tensor_constant") and not bool(constant.any())
    made = _function(node)
    zeros = made in _ZEROS or (made is torch.tensor and _is_zero_number(node.args[0]))
    return zeros and not any(overwrites(user) for user in node.users)


def is_same(one: Any, other: Any) -> bool:
    """Whether two things are one tensor, or one value in a trace."""
    if isinstance(one, torch.fx.Proxy) and isinstance(other, torch.fx.Proxy):
        return one.node is other.node
    if not isinstance(one, torch.Tensor) or not isinstance(other, torch.Tensor):
        return False
    place = one.data_ptr(), one.shape, one.stride()
    return place == (other.data_ptr(), other.shape, other.stride())


def _is_zero_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == 0


def _version(value: torch.Tensor) -> int:
    return 0 if value.is_inference() else value._version


def _function(node: torch.fx.Node) -> Any:
    if node.op == "call_method":
        return getattr(torch.Tensor, str(node.target), None)
    return node.target if node.op == "call_function" else None


def is_in_place(name: str) -> bool:
    """Whether torch's function of this name writes over its input.

    Examples
    --------
    >>> is_in_place("add_"), is_in_place("add"), is_in_place("__add__")
    (True, False, False)
    """
    return name.endswith("_") and not name.endswith("__")


def overwrites(node: torch.fx.Node) -> bool:
    """Whether a call writes over its input."""
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    return is_in_place(name) or name == "setitem" or (name[:1] == "i" and hasattr(operator, name))
