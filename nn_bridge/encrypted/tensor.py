"""What stands for a tensor while a network runs under encryption.

The network's own code runs. Every layer that is affine (a convolution, a linear layer, batch
normalisation in evaluation mode, average pooling, a flattening, …) becomes its matrix, found by
applying it to unit vectors, and matrices are multiplied until an activation needs the values: so
batch normalisation, the range of an activation and the scaling of its input are folded into the
convolution before, and shortcuts are added on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import sparse

from ..errors import ConversionError
from .machine import LevelCounter, Machine, Source

_CHUNK = 256
_LARGEST = 1 << 13  # activations of a layer: a matrix is found by as many unit vectors
_METHODS = ("contiguous", "flatten", "mean", "permute", "reshape", "squeeze", "transpose", "view")
_AFFINE = {
    "_adaptive_avg_pool2d", "adaptive_avg_pool2d", "avg_pool2d", "batch_norm", "chunk", "clone",
    "constant_pad_nd", "contiguous", "conv1d", "conv2d", "dropout", "flatten", "__getitem__",
    "identity", "linear", "mean", "mul", "narrow", "neg", "pad", "permute", "reshape", "squeeze",
    "sum", "transpose", "unsqueeze", "view",
}  # fmt: skip
_SUMS = {"add", "add_", "sub", "sub_"}


@dataclass
class Affine:
    """Σ matrix · activations + constants, of the shape of one image."""

    terms: list[tuple[Source, sparse.csr_array]]
    constants: np.ndarray
    shape: tuple[int, ...]

    def applied(self, matrix: sparse.csr_array, constants: np.ndarray, shape: tuple) -> Affine:
        """An affine map of it."""
        terms = [(source, sparse.csr_array(matrix @ one)) for source, one in self.terms]
        return Affine(terms, matrix @ self.constants + constants, shape)

    def plus(self, other: Affine, sign: float) -> Affine:
        """The sum of both, or the difference."""
        terms = list(self.terms)
        for source, matrix in other.terms:
            terms.append((source, sparse.csr_array(sign * matrix)))
        return Affine(terms, self.constants + sign * other.constants, self.shape)


class EncryptedTensor:
    """Takes part in torch's functions as a batch of one image.

    Parameters
    ----------
    affine : Affine
    machine : Machine or LevelCounter
    path : callable
        Name of the module that runs now, for messages.
    """

    def __init__(
        self, affine: Affine, machine: Machine | LevelCounter, path: Callable[[], str]
    ) -> None:
        self.affine, self.machine, self.path = affine, machine, path

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

    def relu(self) -> Any:
        """ReLU, which is found as any other."""
        return torch.relu(self)  # type: ignore[arg-type]

    relu_ = relu

    def __add__(self, other: Any) -> Any:
        return self.__torch_function__(torch.add, (), (self, other))

    __radd__ = __iadd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self.__torch_function__(torch.sub, (), (self, other))

    def __mul__(self, other: Any) -> Any:
        return self.__torch_function__(torch.mul, (), (self, other))

    __rmul__ = __mul__

    def __neg__(self) -> Any:
        return self.__torch_function__(torch.neg, (), (self,))

    def __getitem__(self, index: Any) -> Any:
        return self.__torch_function__(torch.Tensor.__getitem__, (), (self, index))

    def __getattr__(self, name: str) -> Any:
        if name not in _METHODS:
            raise AttributeError(f"an encrypted tensor has no {name!r}")
        function = getattr(torch.Tensor, name)
        return lambda *args, **kwargs: self.__torch_function__(function, (), (self, *args), kwargs)

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        found = [one for one in (*args, *kwargs.values()) if isinstance(one, cls)]
        if not found:
            raise ConversionError(f"{_name(func)} of a list of encrypted tensors is not evaluated")
        first = found[0]
        name = _name(func)
        if name in _SUMS and len(found) == 2 and set(kwargs) <= {"out"}:
            if args[0].affine.shape != args[1].affine.shape:
                raise ConversionError(f"{name} in {first.where} adds tensors of different shapes")
            sign = 1.0 if name.startswith("add") else -1.0
            return first.like(args[0].affine.plus(args[1].affine, sign))
        if len(found) > 1 or name not in _AFFINE | _SUMS or kwargs.get("training") is True:
            raise ConversionError(
                f"{name} in {first.where} cannot be evaluated under encryption here: convolutions, "
                "linear layers, batch normalisation in evaluation mode, average pooling, "
                "flattening, sums and converted ReLUs can"
            )
        return first.mapped(lambda x: func(*_swap(args, cls, x), **_swap_values(kwargs, cls, x)))

    @property
    def where(self) -> str:
        """The module that runs now."""
        return self.path() or "the network"

    def like(self, affine: Affine) -> EncryptedTensor:
        """Another tensor of the same run."""
        return EncryptedTensor(affine, self.machine, self.path)

    def mapped(self, function: Callable[[torch.Tensor], torch.Tensor]) -> EncryptedTensor:
        """An affine function of it."""
        matrix, constants, shape = _matrix(function, self.affine.shape, self.where)
        pooled = self._pooled(matrix, constants, shape)
        return self.like(pooled or self.affine.applied(matrix, constants, shape))

    def _pooled(
        self, matrix: sparse.csr_array, constants: np.ndarray, shape: tuple[int, ...]
    ) -> Affine | None:
        """Equal weights on fresh activations: they are added up now, the weight is a factor."""
        if len(self.affine.terms) != 1 or matrix.nnz <= matrix.shape[0]:
            return None
        source, own = self.affine.terms[0]
        values, single = np.unique(matrix.data), np.unique(own.data)
        if len(values) != 1 or len(single) != 1 or (np.diff(own.indptr) != 1).any():
            return None
        if (np.diff(matrix.indptr) == 0).any():
            return None
        chosen = sparse.csr_array(matrix @ own)
        summed = self.machine.sums(source, chosen, f"{self.where}: sums")
        weight = float(values[0] * single[0])
        terms = [(summed, sparse.csr_array(weight * sparse.eye_array(summed.size)))]
        return Affine(terms, matrix @ self.affine.constants + constants, shape)


def _matrix(
    function: Callable[[torch.Tensor], torch.Tensor], shape: tuple[int, ...], where: str
) -> tuple[sparse.csr_array, np.ndarray, tuple[int, ...]]:
    """Matrix, constants and result's shape of an affine function, by its values."""
    size = int(np.prod(shape))
    if size > _LARGEST:
        raise ConversionError(
            f"{where} gets {size} activations: networks of at most {_LARGEST} a layer are "
            "evaluated under encryption here"
        )
    with torch.no_grad():
        zero = function(torch.zeros((1, *shape), dtype=torch.float64))
        constants = zero.reshape(-1).numpy().copy()
        blocks = []
        for start in range(0, size, _CHUNK):
            rows = torch.zeros((min(_CHUNK, size - start), size), dtype=torch.float64)
            rows[:, start : start + len(rows)] = torch.eye(len(rows), dtype=torch.float64)
            values = function(rows.reshape(-1, *shape)).reshape(len(rows), -1).numpy()
            blocks.append(sparse.csc_array((values - constants).T))
    return sparse.csr_array(sparse.hstack(blocks)), constants, tuple(zero.shape[1:])


def _swap(args: tuple[Any, ...], kind: type, x: torch.Tensor) -> tuple[Any, ...]:
    return tuple(x if isinstance(one, kind) else one for one in args)


def _swap_values(kwargs: dict[str, Any], kind: type, x: torch.Tensor) -> dict[str, Any]:
    return {key: x if isinstance(one, kind) else one for key, one in kwargs.items()}


def _name(function: Any) -> str:
    return getattr(function, "__name__", str(function))
