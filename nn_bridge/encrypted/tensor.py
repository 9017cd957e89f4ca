# SPDX-License-Identifier: Apache-2.0
"""What stands for a tensor while a network is read.

The network's own code runs. Every layer that is affine (a convolution, a linear layer, batch
normalisation in evaluation mode, average pooling, a flattening, …) becomes its matrix, and matrices
are multiplied until an activation needs the values: so batch normalisation, the range of an
activation and the scaling of its input are folded into the convolution before, and shortcuts and
concatenations are added on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from scipy import sparse

from ..calls.comparing import is_in_place
from ..calls.functions import CALLABLES
from ..calls.operations import remaining_function
from ..errors import ConversionError
from .matrices import AFFINE, VIEWS, affine_map, of_one, selection

_PARTS = {"chunk", "split", "unbind"}
_SUMS = {"add", "sub", "rsub"}
_JOINS = {"cat", "concat", "concatenate"}


@dataclass
class Affine:
    """Σ matrix · values of an earlier layer (by its number) + constants, of the shape of one image."""

    terms: list[tuple[int, sparse.csr_array]]
    constants: np.ndarray
    shape: tuple[int, ...]

    def applied(self, matrix: sparse.csr_array, constants: np.ndarray, shape: tuple[Any, ...]) -> Affine:
        """An affine map of it."""
        terms = [(source, sparse.csr_array(matrix @ one)) for source, one in self.terms]
        return Affine(terms, matrix @ self.constants + constants, shape)

    def plus(self, other: Affine, sign: float) -> Affine:
        """The sum of both, or the difference."""
        terms = dict(self.terms)
        for source, matrix in other.terms:
            found = terms.get(source)
            terms[source] = sparse.csr_array(
                sign * matrix if found is None else found + sign * matrix
            )
        return Affine(list(terms.items()), self.constants + sign * other.constants, self.shape)


@dataclass
class _Memory:
    """What a tensor and its views share: how often it was written over."""

    written: int = 0


class EncryptedTensor:
    """Takes part in torch's functions as a batch of one image.

    Parameters
    ----------
    affine : Affine
    path : callable
        Name of the module that runs now, for messages.
    source : EncryptedTensor, optional
        What it may share memory with.
    """

    def __init__(self, affine: Affine, path: Callable[[], str], source: EncryptedTensor | None = None) -> None:
        self._affine, self.path = affine, path
        self._memory: _Memory = _Memory() if source is None else source._memory
        self._seen = self._memory.written

    @property
    def affine(self) -> Affine:
        """What it is of the values of earlier layers.

        Raises
        ------
        ConversionError
            If another tensor of the same memory was written over.
        """
        if self._seen != self._memory.written:
            raise ConversionError(
                f"{self.where} uses a tensor that was written over by way of another view of it: write that call "
                "without in-place"
            )
        return self._affine

    @affine.setter
    def affine(self, affine: Affine) -> None:
        self._memory.written += 1
        self._affine, self._seen = affine, self._memory.written

    @property
    def shape(self) -> torch.Size:
        """Shape of a batch of one image."""
        return torch.Size((1, *self.affine.shape))

    @property
    def ndim(self) -> int:
        """Number of axes, that of the batch included."""
        return len(self.shape)

    def dim(self) -> int:
        """Number of axes, that of the batch included."""
        return len(self.shape)

    def size(self, axis: int | None = None) -> Any:
        """Shape of a batch of one image, or one of its axes."""
        return self.shape if axis is None else self.shape[axis]

    def is_floating_point(self) -> bool:
        """Always: the values are real numbers."""
        return True

    def __add__(self, other: Any) -> Any:
        return self.__torch_function__(torch.add, (), (self, other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self.__torch_function__(torch.sub, (), (self, other))

    def __mul__(self, other: Any) -> Any:
        return self.__torch_function__(torch.mul, (), (self, other))

    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> Any:
        return self.__torch_function__(torch.rsub, (), (self, other))

    def __truediv__(self, other: Any) -> Any:
        return self.__torch_function__(torch.div, (), (self, other))

    def __iadd__(self, other: Any) -> Any:
        return self.__torch_function__(torch.Tensor.add_, (), (self, other))

    def __isub__(self, other: Any) -> Any:
        return self.__torch_function__(torch.Tensor.sub_, (), (self, other))

    def __imul__(self, other: Any) -> Any:
        return self.__torch_function__(torch.Tensor.mul_, (), (self, other))

    def __itruediv__(self, other: Any) -> Any:
        return self.__torch_function__(torch.Tensor.div_, (), (self, other))

    def __neg__(self) -> Any:
        return self.__torch_function__(torch.neg, (), (self,))

    def __getitem__(self, index: Any) -> Any:
        return self.__torch_function__(torch.Tensor.__getitem__, (), (self, index))

    def __getattr__(self, name: str) -> Any:
        method, function = getattr(torch.Tensor, name, None), getattr(torch, name, None)
        if not callable(method):
            raise AttributeError(f"an encrypted tensor has no {name!r}")
        if function is not None and function in CALLABLES:  # an activation, to be found as any other
            return lambda *args, **kwargs: function(self, *args, **kwargs)
        return lambda *args, **kwargs: self.__torch_function__(method, (), (self, *args), kwargs)

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        found = [one for one in (*args, *kwargs.values()) if isinstance(one, cls)]
        name = _name(func)
        if name in _JOINS:
            return _joined(func, args, kwargs)
        if not found:
            raise ConversionError(f"{name} of a list of encrypted tensors is not evaluated")
        first, written = found[0], is_in_place(name)
        name = name.rstrip("_") if written else name
        if name in _PARTS and args and args[0] is first:
            return first.parts(func, args[1:], kwargs)
        if name in _SUMS and len(found) == 2 and kwargs.keys() <= {"alpha", "other"}:
            made = first.like(_sum(name, found[0], found[1], kwargs.get("alpha", 1)))
        elif len(found) > 1 or not first.can(name, args, kwargs, written):
            raise first.refusal(name)
        else:
            made = first.mapped(name, getattr(torch, name, func) if written else func, args, kwargs)
        if not written:
            return made
        first.affine = made.affine
        return first

    def can(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], written: bool) -> bool:
        """Whether a call that takes this tensor alone is affine."""
        leading = (args[0] if args else kwargs.get("input")) is self
        if any(kwargs.get(key) is not None for key in ("out", "rounding_mode")):
            return False
        if name in ("batch_norm", "dropout") and remaining_function(name, args, kwargs) is not None:
            return False  # as in training
        if name in _SUMS or name == "mul":
            return leading or not written
        return name in AFFINE and leading

    def refusal(self, name: str) -> ConversionError:
        """That a function is not among those that can be evaluated."""
        return ConversionError(
            f"{name} in {self.where} cannot be evaluated under encryption here: convolutions, "
            "linear layers, batch normalisation in evaluation mode, average pooling, "
            "flattening, sums, concatenations and converted activations can"
        )

    @property
    def where(self) -> str:
        """The module that runs now."""
        return self.path() or "the network"

    def like(self, affine: Affine) -> EncryptedTensor:
        """Another tensor of the same run."""
        return EncryptedTensor(affine, self.path)

    def parts(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[EncryptedTensor, ...]:
        """What it falls into."""
        count = len(function(torch.zeros(self.shape), *args, **kwargs))
        return tuple(
            self.mapped(
                "narrow", lambda x, i=i: function(x, *args, **kwargs)[i], (self,), {}
            )
            for i in range(count)
        )

    def mapped(
        self, name: str, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> EncryptedTensor:
        """An affine function of it."""

        def call(x: torch.Tensor) -> torch.Tensor:
            given = {key: x if value is self else value for key, value in kwargs.items()}
            return cast("torch.Tensor", function(*[x if one is self else one for one in args], **given))

        kind = "mul" if name in _SUMS else name
        made = affine_map(kind, call, self.affine.shape, args, kwargs, self.where)
        affine = self.affine.applied(*made)
        return EncryptedTensor(affine, self.path, self if name in VIEWS else None)


def _refused(name: str) -> Callable[..., Any]:
    def method(self: EncryptedTensor, *args: Any) -> Any:
        raise self.refusal(name)

    return method


for _name_of in (
    "bool", "float", "int", "index", "eq", "ne", "lt", "le", "gt", "ge", "abs", "pow", "rpow", "rtruediv", "floordiv",
    "rfloordiv", "mod", "rmod", "matmul", "rmatmul", "setitem", "invert",
):  # fmt: skip
    setattr(EncryptedTensor, f"__{_name_of}__", _refused(_name_of))  # not what Python takes in their place


def _sum(name: str, one: EncryptedTensor, other: EncryptedTensor, factor: float) -> Affine:
    if one.affine.shape != other.affine.shape:
        raise ConversionError(f"{name} in {one.where} adds tensors of different shapes")
    if name == "rsub":  # other − factor · one
        return other.affine.plus(one.affine, -factor)
    return one.affine.plus(other.affine, factor if name == "add" else -factor)


def _joined(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> EncryptedTensor:
    """A concatenation: each part goes to its place."""
    parts: Sequence[Any] = args[0] if args else kwargs["tensors"]
    first = next(one for one in parts if isinstance(one, EncryptedTensor))
    if not all(isinstance(one, EncryptedTensor) for one in parts):
        raise ConversionError(f"{_name(function)} in {first.where} joins what is not encrypted")
    shapes = [one.affine.shape for one in parts]
    total: Affine | None = None
    for number, part in enumerate(parts):

        def call(x: torch.Tensor, number: int = number) -> torch.Tensor:
            zeros = [torch.zeros((1, *shape), dtype=torch.float64) for shape in shapes]
            zeros[number] = x
            return cast("torch.Tensor", function(zeros, *args[1:], **{k: v for k, v in kwargs.items() if k != "tensors"}))

        shape = of_one(call(torch.zeros((1, *shapes[number]), dtype=torch.float64)), first.where)
        matrix = selection(call, int(np.prod(shapes[number])), shapes[number])
        affine = part.affine.applied(matrix, np.zeros(matrix.shape[0]), shape)
        total = affine if total is None else total.plus(affine, 1.0)
    return first.like(total)  # type: ignore[arg-type]


def _name(function: Any) -> str:
    return getattr(function, "__name__", str(function))
