"""What happens when a pass through a converted network ends: its handler may look at what was seen."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


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
