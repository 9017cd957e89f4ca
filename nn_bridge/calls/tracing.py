# SPDX-License-Identifier: Apache-2.0
"""A network as a graph whose activations have the names of their call sites."""

from __future__ import annotations

import copy
from collections import Counter
from contextlib import suppress
from typing import Any

import torch
import torch.fx
from torch import nn

from ..errors import ConversionError
from .answering import remove
from .around import UndecidedError, is_around, method_of, taken_apart
from .capture import TRACE_ERRORS
from .exact import torch_function
from .functions import CALLABLES, METHODS, module_function
from .intercept import site_name


class SiteTracer(torch.fx.Tracer):
    """Names activations while it traces, as :mod:`nn_bridge.calls.intercept` does while a network runs.

    Attributes
    ----------
    sites : dict of torch.fx.Node to (str, str)
        Call site, and name of the function, of each node that is an activation or max-pool.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sites: dict[torch.fx.Node, tuple[str, str]] = {}
        self._running: list[tuple[str, int, nn.Module, Counter[str]]] = []
        self._runs: Counter[str] = Counter()

    def trace(self, root: Any, concrete_args: dict[str, Any] | None = None) -> torch.fx.Graph:
        """The graph of a network."""
        self._running = [("", 1, root, Counter())]
        return super().trace(root, concrete_args)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Layers that are activations are looked into, so that all are functions."""
        looked_into = module_function(m) is not None or is_around(m)
        return not looked_into and super().is_leaf_module(m, module_qualified_name)

    def call_module(self, m: nn.Module, forward: Any, args: Any, kwargs: Any) -> Any:
        """Keep what is running."""
        path = self.path_of_module(m)
        self._runs[path] += 1
        self._running.append((path, self._runs[path], m, Counter()))
        try:
            return super().call_module(m, forward, args, kwargs)
        finally:
            self._running.pop()

    def create_proxy(self, kind: str, target: Any, args: Any, kwargs: Any, *more: Any, **words: Any) -> Any:
        """Take apart what is arithmetic around an activation."""
        around = None
        if kind in ("call_function", "call_method"):
            function = target if kind == "call_function" else method_of(target)
            with suppress(UndecidedError):
                around = taken_apart(function, args, kwargs)
        if around is None:
            return super().create_proxy(kind, target, args, kwargs, *more, **words)
        function = torch_function(around.name)
        value = super().create_proxy("call_function", function, (around.inner(),), around.options)
        return around.finish(value)

    def create_node(self, kind: str, target: Any, *args: Any, **kwargs: Any) -> torch.fx.Node:
        """Name the node, if it is an activation."""
        node = super().create_node(kind, target, *args, **kwargs)
        name = None
        if kind == "call_function" and target in CALLABLES:
            name = CALLABLES[target][0]
        elif kind == "call_method" and target in METHODS:
            name = str(target).rstrip("_")
        if name is not None:
            path, run, module, calls = self._running[-1]
            calls[name] += 1
            own = module_function(module) == name and calls[name] == 1
            site = site_name(path, own, calls[name], name)
            self.sites[node] = (site if run == 1 else f"{site}@{run}", name)
        return node


def plain_copy(network: nn.Module) -> nn.Module:
    """A copy in evaluation mode that computes with ReLU itself, also of a converted network."""
    plain = copy.deepcopy(network)
    remove(plain)
    return plain.eval()


def trace_sites(
    network: nn.Module,
) -> tuple[torch.fx.GraphModule, dict[torch.fx.Node, tuple[str, str]]]:
    """The graph of a network that is not converted, and the call sites of its nodes.

    Raises
    ------
    ConversionError
        If torch.fx cannot trace the network.
    """
    tracer = SiteTracer()
    try:
        graph = tracer.trace(network)
        return torch.fx.GraphModule(network, graph), tracer.sites
    except TRACE_ERRORS as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConversionError(f"torch.fx cannot trace the network: {reason}") from error
