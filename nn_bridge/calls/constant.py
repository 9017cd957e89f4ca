# SPDX-License-Identifier: Apache-2.0
"""What depends on weights and shapes alone: known before any input comes, so nothing that must be polynomial.

Standardised or normalised weights, position embeddings of another size, checks of shapes are computed so.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from typing import Any

import torch
import torch.fx
from torch import nn

from .comparing import overwrites


class Constants:
    """Tensors of a pass that were computed from parameters alone."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[torch.Tensor, int]] = {}

    def note(self, values: Iterable[Any], result: Any) -> bool:
        """Keep the result of a call whose tensors are all constant; whether they are."""
        given = list(tensors_of(values))
        if not given or not all(map(self._is_constant, given)):
            return False
        for one in tensors_of((result,)):
            if not one.is_inference():  # it has no version
                self._known[id(one)] = one, one._version
        return True

    def _is_constant(self, value: torch.Tensor) -> bool:
        if isinstance(value, nn.Parameter):
            return True
        known, version = self._known.get(id(value), (None, 0))
        return known is value and value._version == version  # not overwritten since, nor its views


def tensors_of(values: Iterable[Any]) -> Iterator[torch.Tensor]:
    """All tensors of arguments, those in lists and tuples too."""
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from tensors_of(value)


def constant_nodes(graph: torch.fx.Graph, known: Iterable[torch.fx.Node]) -> set[torch.fx.Node]:
    """Calls in a graph that depend on what is known alone; none where something overwrites it.

    Parameters
    ----------
    graph : torch.fx.Graph
    known : iterable of Node

    Examples
    --------
    >>> class Standardised(nn.Linear):
    ...     def forward(self, x):
    ...         return x @ (self.weight / self.weight.std())
    >>> graph = torch.fx.symbolic_trace(Standardised(2, 2)).graph
    >>> found = constant_nodes(graph, known_nodes(graph, Standardised(2, 2)))
    >>> sorted(node.name for node in found)
    ['std', 'truediv']
    """
    known, found = {*known}, set()
    for node in graph.nodes:
        inputs = node.all_input_nodes
        if node.op.startswith("call_") and inputs and known.issuperset(inputs):
            found.add(node)
            known.add(node)
        elif overwrites(node) and not known.isdisjoint(inputs):
            return set()
    return found


_OF_SHAPES = ("shape", "ndim", "dtype", "device", "size", "dim", "ndimension", "numel", "nelement", "stride", "len")


def known_nodes(graph: torch.fx.Graph, module: nn.Module) -> Iterator[torch.fx.Node]:
    """Nodes of a module's graph that are its parameters and buffers, or shapes and types of what it is given."""
    for node in graph.nodes:
        if node.op == "get_attr":
            known = isinstance(operator.attrgetter(str(node.target))(module), torch.Tensor)  # a parameter or buffer
        else:
            asked = node.args[1] if node.target is getattr else getattr(node.target, "__name__", node.target)
            known = node.op.startswith("call_") and asked in _OF_SHAPES
        if known:
            yield node
