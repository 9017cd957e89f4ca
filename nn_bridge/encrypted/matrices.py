# SPDX-License-Identifier: Apache-2.0
"""The matrix of an affine function of torch, sparse, with its constants.

A convolution's is written down; of what only moves values, or is the same everywhere, one or two
evaluations tell it; anything else is applied to unit vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy import sparse
from torch.nn import functional

from ..errors import ConversionError

_CHUNK = 256
_LARGEST = 1 << 15  # inputs of a function whose matrix is found by as many unit vectors
MOVES = {
    "__getitem__", "clone", "constant_pad_nd", "contiguous", "dropout", "flatten", "identity",
    "narrow", "pad", "permute", "reshape", "squeeze", "transpose", "unsqueeze", "view",
}  # fmt: skip
VIEWS = MOVES - {"clone", "constant_pad_nd", "pad"}
"""Of these, what may give the memory of their input."""
ELEMENTWISE = {"batch_norm", "div", "mul", "neg"}
POOLS = {"_adaptive_avg_pool2d", "adaptive_avg_pool2d", "avg_pool2d"}
OTHERS = {"conv1d", "linear", "mean", "sum"}
AFFINE = MOVES | ELEMENTWISE | POOLS | OTHERS | {"conv2d"}

Function = Callable[[torch.Tensor], torch.Tensor]


class Map(NamedTuple):
    """x ↦ matrix · x + constants, of values of one image, and the result's shape."""

    matrix: sparse.csr_array
    constants: np.ndarray
    shape: tuple[int, ...]


def affine_map(
    name: str,
    function: Function,
    shape: tuple[int, ...],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    where: str,
) -> Map:
    """The matrix of an affine function on images of a shape.

    Parameters
    ----------
    name : str
        Of the function; one of `AFFINE`.
    function : callable
        From a batch to a batch, float64.
    shape : tuple of int
        Of one image.
    args, kwargs
        Of the call, the input included; only a convolution's are read.
    where : str
        For messages.

    Raises
    ------
    ConversionError
        If the matrix can only be found by too many unit vectors, or the result is not one of each image.
    """
    with torch.no_grad():
        if name == "conv2d":
            return _convolution(shape, *args, **kwargs)
        if name in MOVES:
            return _moved(function, shape, where)
        if name in ELEMENTWISE:
            return _elementwise(function, shape, where)
        if name in POOLS:
            return _by_channel(function, shape, where)
        return _by_unit_vectors(function, shape, where)


def selection(function: Function, size: int, shape: tuple[int, ...]) -> sparse.csr_array:
    """Which of so many values, of a shape, each value of the result is; a row of zeros for none."""
    numbers = torch.arange(1, size + 1, dtype=torch.float64).view(1, *shape)
    made = function(numbers) - function(torch.zeros_like(numbers))
    found = made.reshape(-1).numpy().round().astype(np.int64)
    rows = np.nonzero(found)[0]
    return sparse.csr_array(
        (np.ones(len(rows)), (rows, found[rows] - 1)), shape=(len(found), size)
    )


def _convolution(
    shape: tuple[int, ...],
    input: Any,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Map:
    """Where each weight stands, by sending the numbers of inputs through the same convolution."""
    channels, height, width = shape
    numbers = torch.arange(1, height * width + 1, dtype=torch.float64).view(1, 1, height, width)
    inside, (tall, wide) = weight.shape[1], weight.shape[2:]
    taps = torch.eye(tall * wide, dtype=torch.float64).view(-1, 1, tall, wide)
    seen = functional.conv2d(numbers, taps, None, stride, padding, dilation)[0]
    plane = seen.shape[1:]
    found = seen.round().long().numpy().reshape(tall * wide, -1)
    tap, place = np.nonzero(found)
    pixel = found[tap, place] - 1
    values = weight.detach().double().numpy().reshape(len(weight), inside, -1)[:, :, tap]
    out, into = np.meshgrid(np.arange(len(weight)), np.arange(inside), indexing="ij")
    into = into + inside * (out // (len(weight) // groups))
    rows = (out[..., None] * found.shape[1] + place).ravel()
    columns = (into[..., None] * height * width + pixel).ravel()
    size = len(weight) * found.shape[1], channels * height * width
    matrix = sparse.csr_array((values.ravel(), (rows, columns)), shape=size)
    constants = np.zeros(size[0])
    if bias is not None:
        constants = np.repeat(bias.detach().double().numpy(), found.shape[1])
    return Map(matrix, constants, (len(weight), *plane))


def _moved(function: Function, shape: tuple[int, ...], where: str) -> Map:
    fixed = function(torch.zeros((1, *shape), dtype=torch.float64))
    matrix = selection(function, int(np.prod(shape)), shape)
    return Map(matrix, fixed.reshape(-1).numpy(), of_one(fixed, where))


def _elementwise(function: Function, shape: tuple[int, ...], where: str) -> Map:
    zero = torch.zeros((1, *shape), dtype=torch.float64)
    constants = function(zero)
    if constants.shape != zero.shape:
        raise ConversionError(
            f"{where} makes values of shape {tuple(constants.shape)} of {tuple(zero.shape)}: give a product or sum the "
            "shape of the encrypted tensor, by expanding nothing"
        )
    slopes = (function(zero + 1) - constants).reshape(-1).numpy()
    return Map(
        sparse.csr_array(sparse.diags_array(slopes)),
        constants.reshape(-1).numpy(),
        shape,
    )


def _by_channel(function: Function, shape: tuple[int, ...], where: str) -> Map:
    """The same for every channel."""
    one = _by_unit_vectors(function, (1, *shape[1:]), where)
    matrix = sparse.csr_array(sparse.kron(sparse.eye_array(shape[0]), one.matrix))
    return Map(matrix, np.tile(one.constants, shape[0]), (shape[0], *one.shape[1:]))


def _by_unit_vectors(function: Function, shape: tuple[int, ...], where: str) -> Map:
    size = int(np.prod(shape))
    if size > _LARGEST:
        raise ConversionError(
            f"{where} gets {size} values: only convolutions take more than {_LARGEST} under "
            "encryption here"
        )
    zero = function(torch.zeros((1, *shape), dtype=torch.float64))
    inner = of_one(zero, where)
    constants = zero.reshape(-1).numpy().copy()
    blocks = []
    for start in range(0, size, _CHUNK):
        rows = torch.zeros((min(_CHUNK, size - start), size), dtype=torch.float64)
        rows[:, start : start + len(rows)] = torch.eye(len(rows), dtype=torch.float64)
        found = function(rows.reshape(-1, *shape))
        alone = function(rows[:1].reshape(1, *shape))
        if found.shape != (len(rows), *inner) or not torch.allclose(found[:1], alone, rtol=1e-9, atol=1e-12):
            raise ConversionError(f"{where} mixes the images of a batch: nothing under encryption can")
        values = found.reshape(len(rows), -1).numpy()
        blocks.append(sparse.csc_array((values - constants).T))
    return Map(sparse.csr_array(sparse.hstack(blocks)), constants, inner)


def of_one(batch: torch.Tensor, where: str) -> tuple[int, ...]:
    """The shape of one image of a batch of one.

    Raises
    ------
    ConversionError
        If the first axis is not that of the batch any more.
    """
    if batch.shape[:1] != (1,):
        raise ConversionError(
            f"{where} makes a tensor of shape {tuple(batch.shape)} of a batch of one image: keep the batch on the first "
            "axis, as flatten(1) and squeeze(-1) do"
        )
    return tuple(batch.shape[1:])
