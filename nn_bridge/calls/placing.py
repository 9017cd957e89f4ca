# SPDX-License-Identifier: Apache-2.0
"""Layers in the place of calls: a network whose own code runs polynomials, and the way back."""

from __future__ import annotations

import copy
import inspect
from typing import Any

from torch import nn
from torch.fx import Graph, GraphModule, Node, Proxy

from .capture import Found, Invocation, NotCaptured, around_of, constants_of
from .intercept import intercept_inside
from .rewritten import SEVERAL, code_of, rewritten
from .site import CallSite, Switch

_BEFORE = "_before_conversion"
_HOOKS = ("_hooks", "_hooks_with_kwargs", "_hooks_always_called", "_is_full_backward_hook")
"""Endings of the attributes of a module that hold its hooks: they go with the place, not with the layer."""


def place(network: nn.Module, tree: Invocation, switch: Switch) -> None:
    """Put a :class:`nn_bridge.calls.site.CallSite` in the place of every call, in the network itself.

    A layer that is an activation is replaced; a module that calls functions itself, or runs a layer
    several times, gets code of its own (a subclass of its type) that runs one layer for each call. A
    module that runs several times and holds such calls gets a twin for each further run, which shares
    its weights. One whose code cannot be traced keeps it: its calls are intercepted.

    Raises
    ------
    NotCaptured
        If the code of a module differs in training by the layers that it runs.
    """
    placing = _Placing(network, switch)
    placing.put(tree)
    placing.guard(network)


def restore_layers(network: nn.Module) -> bool:
    """Undo :func:`place`, also on a copy; whether there was anything to undo."""
    changed = [module for module in network.modules() if _BEFORE in vars(module)]
    for module in changed:
        kind, children, graph = vars(module).pop(_BEFORE)
        vars(module)["_modules"] = children
        if isinstance(module, GraphModule):
            module.graph = graph
        else:
            module.__class__ = kind
    return bool(changed)


_WATCHED = """
from nn_bridge.calls.intercept import MISSING, refuse_tracers
def forward(self, {parameters}):
    given = dict({given})
    given = dict((name, value) for name, value in given.items() if value is not MISSING)
    refuse_tracers(self, tuple(given.values()))
    return self._rewritten[0].forward(self, **given)
"""


def watch(network: nn.Module) -> None:
    """Let the type of a network whose calls are intercepted refuse what traces it."""
    parameters = list(inspect.signature(type(network).forward).parameters.values())[1:]
    if isinstance(network, GraphModule) or any(p.kind != p.POSITIONAL_OR_KEYWORD for p in parameters):
        return
    names = [p.name for p in parameters]
    heads = [p.name + ("" if p.default is p.empty else "=MISSING") for p in parameters]
    given = ", ".join(f"{name}={name}" for name in names)
    text = _WATCHED.format(parameters=", ".join(heads), given=given)
    vars(network)[_BEFORE] = (type(network), dict(network._modules), None)
    network.__class__ = rewritten(type(network), (("forward", text),))  # type: ignore[arg-type]


_EAGER = """
import torch
forward = torch.compiler.disable(torch.nn.Module.__call__)
"""  # torch.compile works around the module


class _Placing:
    def __init__(self, network: nn.Module, switch: Switch) -> None:
        self.network, self.switch = network, switch
        self.before: dict[nn.Module, tuple[type, dict[str, Any]]] = {}
        self.parents = list(network.modules())

    def put(self, tree: Invocation) -> nn.Module:
        """The module that stands for an invocation from now on."""
        if tree.call is not None:
            site = CallSite(tree.name, tree.call, self.switch).train(tree.module.training)
            vars(site).update({k: v for k, v in vars(tree.module).items() if k.endswith(_HOOKS)})
            return site
        if not tree.found:
            return tree.module
        module = tree.module if tree.run == 1 else self._twin(tree.module)
        self._remember(module)
        if not tree.graphs:
            for _, key, child in tree.children:
                self._replace(module, key, child, self.put(child))
            self._keep(module, tree)
            return module
        targets: dict[tuple[str, int], str] = {}
        for (_, key, child), place_ in zip(tree.children, _occurrences(tree), strict=True):
            new = self.put(child)
            targets[place_] = key
            if new is child.module:
                continue
            if child.run == 1 and tree.run == 1 and _holds(module, key, child.module):
                self._replace(module, key, child, new)
            else:
                targets[place_] = _fresh(module, f"{key.replace('.', '_')}_{child.run}")
                module.add_module(targets[place_], new)
        self._rewrite(module, tree, targets)
        return module

    def _keep(self, module: nn.Module, tree: Invocation) -> None:
        """Leave a module its code, where that cannot be traced: the layers of its calls hold their state."""
        for name, call in tree.kept.items():
            site = CallSite(name, call, self.switch).train(module.training)
            module.add_module(_fresh(module, name.rpartition("/")[2]), site)
        if tree.kept:
            self.switch.kept[tree.path] = tree.reason
            module.__class__ = rewritten(type(module), (("__call__", _EAGER),))  # type: ignore[arg-type]
            intercept_inside(module, tree.path, self.switch)

    def _replace(self, module: nn.Module, key: str, child: Invocation, new: nn.Module) -> None:
        """Set a child by its name, and wherever else the same first run of it is known."""
        parent, _, leaf = key.rpartition(".")
        owner = module.get_submodule(parent) if parent else module
        if child.run == 1:
            for other in self.parents:
                for name, value in list(other._modules.items()):
                    if value is child.module and new is not value:
                        self._remember(other)
                        other._modules[name] = new
        self._remember(owner)
        owner._modules[leaf] = new

    def _rewrite(
        self, module: nn.Module, tree: Invocation, targets: dict[tuple[str, int], str]
    ) -> None:
        moved = any(key != target for (key, _), target in targets.items())
        if not tree.sites[False] and not moved:
            return
        layers = {}
        for found in tree.sites[False]:
            layers[found.site] = _fresh(module, found.site.rpartition("/")[2].replace("@", "_"))
            site = CallSite(found.site, found.call, self.switch).train(module.training)
            module.add_module(layers[found.site], site)
        for mode, graph in tree.graphs.items():
            self._retarget(module, graph, targets)
            for found in tree.sites[mode]:
                with graph.inserting_before(found.node):
                    new = _value_of(module, graph, found, layers[found.site])
                given = found.node.all_input_nodes
                found.node.replace_all_uses_with(new)
                graph.erase_node(found.node)
                for node in given:  # a comparison that nothing needs any more
                    if found.around and not node.users and node.op.startswith("call_"):
                        graph.erase_node(node)
        if isinstance(module, GraphModule):
            module.graph = tree.graphs[False]
            return
        kind = self.before[module][0] if module in self.before else type(module)
        several = sorted({key for (key, _), target in targets.items() if key != target})
        names = ((SEVERAL, " ".join(several)),) if several else ()
        module.__class__ = rewritten(kind, (*code_of(tree.graphs, constants_of(module)), *names))

    def _retarget(
        self, module: nn.Module, graph: Graph, targets: dict[tuple[str, int], str]
    ) -> None:
        seen: dict[str, int] = {}
        for node in graph.nodes:
            if node.op != "call_module":
                continue
            key = str(node.target)
            seen[key] = seen.get(key, 0) + 1
            place_ = (key, seen[key])
            if place_ not in targets:
                inside = module.get_submodule(key).modules()
                if any(isinstance(m, CallSite) for m in inside):
                    raise NotCaptured(f"{type(module).__name__} runs {key!r} in one mode only")
                continue
            node.target = targets[place_]

    def _remember(self, module: nn.Module) -> None:
        if module in self.before:
            return
        self.before[module] = (type(module), dict(module._modules))
        traced = isinstance(module, GraphModule)
        graph = copy.deepcopy(module.graph) if traced else None
        kind = None if traced else type(module)
        vars(module)[_BEFORE] = (kind, dict(module._modules), graph)

    def guard(self, network: nn.Module) -> None:
        """Let the network's other methods refuse what they would compute as before."""
        own = not type(network).__module__.startswith("torch.nn.modules")
        if own and not isinstance(network, GraphModule) and not hasattr(network, "_rewritten"):
            self._remember(network)
            network.__class__ = rewritten(type(network), ())  # type: ignore[arg-type]

    def _twin(self, module: nn.Module) -> nn.Module:
        """Another module of the same weights."""
        kind, children = self.before.get(module, (type(module), dict(module._modules)))
        if isinstance(module, GraphModule):
            raise NotCaptured("a traced module that runs several times")
        twin: nn.Module = object.__new__(kind)
        vars(twin).update({k: v for k, v in vars(module).items() if k != _BEFORE})
        vars(twin)["_modules"] = dict(children)
        return twin


def _value_of(module: nn.Module, graph: Graph, found: Found, layer: str) -> Node:
    """Nodes for the value of a call, by a layer that stands for its activation."""
    node = found.node
    around = around_of(node, module)  # anew: calls before it have been replaced
    if around is None:
        return graph.call_module(layer, (node.args[0] if node.args else node.kwargs["input"],))
    inner = around.inner()
    value = graph.call_module(layer, (inner.node,))
    new: Node = around.finish(Proxy(value, inner.tracer)).node
    return new


def _occurrences(tree: Invocation) -> list[tuple[str, int]]:
    """For each child that is run: its name, and the how-manieth time."""
    seen: dict[str, int] = {}
    result = []
    for _, key, _ in tree.children:
        seen[key] = seen.get(key, 0) + 1
        result.append((key, seen[key]))
    return result


def _holds(module: nn.Module, key: str, child: nn.Module) -> bool:
    parent, _, leaf = key.rpartition(".")
    owner = module.get_submodule(parent) if parent else module
    return owner._modules.get(leaf) is child


def _fresh(module: nn.Module, wanted: str) -> str:
    """A name that the module does not have yet."""
    name, number = wanted, 1
    while hasattr(module, name):
        number += 1
        name = f"{wanted}_{number}"
    return name
