# SPDX-License-Identifier: Apache-2.0
"""Convolutions and means of ONNX in float64: written as products of matrices.

onnxruntime has neither Conv nor AveragePool in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from math import prod
from typing import Any

import numpy as np

from ..errors import ConversionError

_WRITERS: dict[str, Callable[[_Graph, Any], Iterator[Any]]]


def write_products(proto: Any) -> None:
    """Replace what onnxruntime cannot compute in float64 by slices and products of matrices.

    Raises
    ------
    ConversionError
        If a size that it needs is not in the file, or a mean goes beyond its input.
    """
    graph = _Graph(proto.graph)
    nodes: list[Any] = []
    for node in proto.graph.node:
        writer = _WRITERS.get(node.op_type)
        nodes.extend([node] if writer is None else writer(graph, node))
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)


class _Graph:
    """Sizes and constants of a graph, and nodes with them."""

    def __init__(self, graph: Any) -> None:
        self.graph = graph
        self.sizes = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
        for value in [*graph.value_info, *graph.input]:
            shape = value.type.tensor_type.shape.dim
            self.sizes[value.name] = [dim.dim_value for dim in shape]

    def shape(self, name: str) -> list[int]:
        """The sizes of a value, the batch 0."""
        sizes = self.sizes.get(name, [])
        if len(sizes) < 3 or not all(sizes[1:]):
            raise ConversionError(
                f"{name} has no fixed size in this graph, so it cannot be written in float64: "
                "export in float32"
            )
        return sizes

    def constant(self, name: str, value: object, dtype: type = np.int64) -> str:
        """The name of a new constant."""
        from onnx import numpy_helper

        self.graph.initializer.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def reshaped(self, value: str, result: str, sizes: list[int]) -> Any:
        """A node that gives other sizes to a value."""
        return _node("Reshape", [value, self.constant(f"{result}.sizes", sizes)], result)


def _node(kind: str, inputs: list[str], output: str, **attributes: Any) -> Any:
    from onnx import helper

    return helper.make_node(kind, inputs, [output], **attributes)


class _Windows:
    """What lies below a kernel, one place of it after the other.

    Parameters
    ----------
    graph, node
        A convolution or a mean.
    kernel : list of int
    """

    def __init__(self, graph: _Graph, node: Any, kernel: list[int]) -> None:
        from onnx.helper import get_attribute_value

        self.given = {a.name: get_attribute_value(a) for a in node.attribute}
        self.graph, self.x, self.stem = graph, node.input[0], f"{node.output[0]}.x"
        count, self.kernel = len(kernel), kernel
        self.strides = list(self.given.get("strides", [1] * count))
        self.dilations = list(self.given.get("dilations", [1] * count))
        extents = [d * (k - 1) for d, k in zip(self.dilations, kernel, strict=True)]
        self.pads = self._pads(extents)
        inner = graph.shape(self.x)[2:]
        room = [n + a + b - e for n, a, b, e in
                zip(inner, self.pads[:count], self.pads[count:], extents, strict=True)]  # fmt: skip
        self.outer = [(r - 1) // s + 1 for r, s in zip(room, self.strides, strict=True)]
        self.exact = all((r - 1) % s == 0 for r, s in zip(room, self.strides, strict=True))
        self.places = list(product(*map(range, kernel)))

    def _pads(self, extents: list[int]) -> list[int]:
        """Before each axis, then behind each."""
        automatic = bytes(self.given.get("auto_pad", b"NOTSET"))
        if automatic in (b"SAME_UPPER", b"SAME_LOWER") and set(self.strides) == {1}:
            low, high = [e // 2 for e in extents], [e - e // 2 for e in extents]
            return low + high if automatic == b"SAME_UPPER" else high + low
        if automatic not in (b"NOTSET", b"VALID"):
            raise ConversionError(f"padding {automatic.decode()} cannot be written in float64")
        return list(self.given.get("pads", [0] * 2 * len(extents)))

    def nodes(self) -> Iterator[Any]:
        """The slices of a padded input, `names` in the order of `places`."""
        padded, axes = self.x, list(range(2, 2 + len(self.kernel)))
        if any(self.pads):
            padded, count = f"{self.stem}.padded", len(axes)
            pads = [0, 0, *self.pads[:count], 0, 0, *self.pads[count:]]
            yield _node("Pad", [self.x, self.graph.constant(f"{padded}.sides", pads)], padded)
        if len(self.places) == 1 and set(self.strides) == {1}:
            yield _node("Identity", [padded], self.names[0])
            return
        along = self.graph.constant(f"{self.stem}.axes", axes)
        steps = self.graph.constant(f"{self.stem}.steps", self.strides)
        for place, name in zip(self.places, self.names, strict=True):
            first = [at * d for at, d in zip(place, self.dilations, strict=True)]
            last = [f + (o - 1) * s + 1
                    for f, o, s in zip(first, self.outer, self.strides, strict=True)]  # fmt: skip
            ends = [self.graph.constant(f"{name}.from", first), self.graph.constant(f"{name}.to", last)]
            yield _node("Slice", [padded, *ends, along, steps], name)

    @property
    def names(self) -> list[str]:
        """Of the slices."""
        return [f"{self.stem}.{number}" for number in range(len(self.places))]


def _convolution(graph: _Graph, node: Any) -> Iterator[Any]:
    """(groups, outputs of each, kernel × inputs of each) times (batch, groups, the same, places)."""
    weight, result = node.input[1], node.output[0]
    outputs, inputs, *kernel = graph.shape(weight)
    windows = _Windows(graph, node, list(kernel))
    groups, size, count = int(windows.given.get("group", 1)), prod(windows.outer), len(windows.places)
    yield from windows.nodes()
    grouped = [f"{name}.grouped" for name in windows.names]
    for name, flat in zip(windows.names, grouped, strict=True):
        yield graph.reshaped(name, flat, [0, groups, inputs, size])
    below, rows, product_of = f"{result}.below", f"{result}.rows", f"{result}.product"
    yield _node("Concat", grouped, below, axis=2)
    yield graph.reshaped(weight, f"{rows}.flat", [outputs, inputs, count])
    yield _node("Transpose", [f"{rows}.flat"], f"{rows}.turned", perm=[0, 2, 1])
    yield graph.reshaped(f"{rows}.turned", rows, [groups, outputs // groups, count * inputs])
    yield _node("MatMul", [rows, below], product_of)
    biased = len(node.input) > 2 and bool(node.input[2])
    value = f"{result}.value" if biased else result
    yield graph.reshaped(product_of, value, [0, outputs, *windows.outer])
    if biased:
        yield graph.reshaped(node.input[2], f"{result}.bias", [1, outputs, *[1] * len(kernel)])
        yield _node("Add", [value, f"{result}.bias"], result)


def _mean(graph: _Graph, node: Any) -> Iterator[Any]:
    """The sum of the slices, times one over their number at each place."""
    kernel = next(list(a.ints) for a in node.attribute if a.name == "kernel_shape")
    windows, result = _Windows(graph, node, kernel), node.output[0]
    if windows.given.get("ceil_mode", 0) and not windows.exact:
        raise ConversionError(
            "a mean pool with ceil_mode goes beyond its input, which cannot be written in float64: "
            "export in float32"
        )
    yield from windows.nodes()
    yield _node("Sum", windows.names, f"{result}.sum")
    weights = _shares(windows, graph.shape(windows.x)[2:])
    yield _node("Mul", [f"{result}.sum", graph.constant(f"{result}.shares", weights, np.float64)], result)


def _shares(windows: _Windows, inner: list[int]) -> Any:
    """One over the number of inputs below the kernel, at each place."""
    if windows.given.get("count_include_pad", 0) or not any(windows.pads):
        return 1 / len(windows.places)
    count = len(inner)
    ones = np.pad(np.ones(inner), list(zip(windows.pads[:count], windows.pads[count:], strict=True)))
    total = np.zeros(windows.outer)
    for place in windows.places:
        at = [slice(p * d, p * d + (o - 1) * s + 1, s) for p, d, o, s in
              zip(place, windows.dilations, windows.outer, windows.strides, strict=True)]  # fmt: skip
        total += ones[tuple(at)]
    return 1 / total


def _global_mean(graph: _Graph, node: Any) -> Iterator[Any]:
    axes = list(range(2, len(graph.shape(node.input[0]))))
    along = graph.constant(f"{node.output[0]}.axes", axes)
    yield _node("ReduceMean", [node.input[0], along], node.output[0], keepdims=1)


_WRITERS = {"Conv": _convolution, "AveragePool": _mean, "GlobalAveragePool": _global_mean}
