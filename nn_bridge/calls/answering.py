# SPDX-License-Identifier: Apache-2.0
"""Who answers a network's calls for good: layers in their place, or interception where none can stand.

Layers are put where the code of the modules can be traced, each by itself; the network is an ordinary
one then, that can be traced, exported and wrapped. A module inside it whose code cannot be traced keeps
its code: its calls are intercepted while it runs, and its layers answer them. A network whose own code
depends on its data is intercepted as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.fx import GraphModule

from ..errors import ConversionError
from .capture import NotCaptured, call_tree
from .functions import Call
from .handlers import Handler
from .intercept import Interception, install, installed, refuse_compiled, uninstall
from .placing import place, restore_layers, watch
from .site import CallSite, Switch

Answering = Interception | Switch
Attributes = Mapping[str, Callable[[Any], Any]]


def answer(
    network: nn.Module,
    handler: Handler,
    attributes: Attributes | None = None,
    known: Mapping[str, Call] | None = None,
) -> Answering:
    """Let a handler answer all calls of a network from now on; the network itself is changed.

    Parameters
    ----------
    network : nn.Module
    handler : Handler
    attributes : dict of str to callable, optional
        Attributes of the network, and of its copies: what makes each from the handler.
    known : dict of str to Call, optional
        All call sites, where the network has been seen running: layers stand only if its code shows the same.

    Returns
    -------
    Switch or Interception
        What asks the handler; `reason` of an interception says why no layers stand.

    Raises
    ------
    ConversionError
        If the network holds compiled code, or is converted already.
    """
    refuse_compiled(network)
    switch = Switch(handler)
    try:
        tree = call_tree(network, known)
        names = [name for name, _ in tree.found]
        if len(set(names)) != len(names):
            raise NotCaptured("the same call site twice in one pass")
        if known is not None and set(names) != set(known):
            raise NotCaptured("it calls other activations when it runs than its code shows")
        calls = dict(tree.found) if known is None else {name: dict(tree.found)[name] for name in known}
        if tree.call is not None:
            raise NotCaptured("the network is one activation itself")
        place(network, tree, switch)
    except NotCaptured as error:
        restore_layers(network)
        interception = install(network, handler, {k: make(handler) for k, make in (attributes or {}).items()})
        interception.reason = str(error)
        watch(network)
        attach(network, interception)
        return interception
    switch.calls = calls
    _attach(network, attributes or {})
    return switch


def _attach(network: nn.Module, attributes: Attributes) -> None:
    switch = answering(network)
    if isinstance(switch, Switch):
        attach(network, switch)
        for name, make in attributes.items():
            setattr(network, name, make(switch.home))
    if isinstance(network, GraphModule) and attributes:
        network._register_deepcopy_hook(_Copied(attributes))


class _Copied:
    """Copies of a GraphModule lose their attributes: they get new ones."""

    def __init__(self, attributes: Attributes) -> None:
        self.attributes = attributes

    def __call__(self, module: nn.Module) -> None:
        _attach(module, self.attributes)


def answering(network: nn.Module) -> Answering | None:
    """What asks a handler for the calls of a network, or of one that it holds; None without."""
    for module in network.modules():
        if isinstance(module, CallSite):
            return module.switch
        if (found := installed(module)) is not None:
            return found.handler if isinstance(found.handler, Switch) else found
    return None


def remove(network: nn.Module) -> None:
    """Undo :func:`answer`, also on a copy: the network computes with its own activations again.

    Raises
    ------
    ConversionError
        If the layers of a copied torch.fx.GraphModule, which forgets what it was, stay.
    """
    restore_layers(network)
    uninstall(network)
    detach(network)
    if answering(network) is not None:
        raise ConversionError(
            "a copy of a converted torch.fx.GraphModule cannot be turned back: keep the original"
        )


class AfterPass:
    """A forward hook of a network that tells the handler of its calls; not while something traces.

    Parameters
    ----------
    asking : Interception or Switch
        What asks the handler.
    """

    def __init__(self, asking: Any) -> None:
        self.asking = asking

    def __call__(self, module: nn.Module, args: Any, output: Any) -> None:
        if torch.compiler.is_compiling() or torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
            return
        notice = getattr(self.asking.handler, "after_pass", None)
        if notice is not None:
            notice()


def attach(network: nn.Module, asking: Any) -> None:
    """Tell the handler from now on."""
    network.register_forward_hook(AfterPass(asking))


def detach(network: nn.Module) -> None:
    """Undo :func:`attach`, also on a copy, and on what holds the network."""
    for module in network.modules():
        for key in [k for k, hook in module._forward_hooks.items() if isinstance(hook, AfterPass)]:
            del module._forward_hooks[key]
