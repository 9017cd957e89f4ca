"""`check`: what in a network is neither an addition nor a multiplication."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.fx
from torch import nn

from .functions import CALLABLES, METHODS, Call, module_function
from .intercept import installed, intercepted
from .operations import is_plain, remaining_function, remaining_module

_TRACE_ERRORS = (
    torch.fx.proxy.TraceError, TypeError, ValueError, RuntimeError, AttributeError, KeyError,
    IndexError, NotImplementedError,
)  # fmt: skip


@dataclass(frozen=True)
class Remaining:
    """An operation that is not polynomial.

    Attributes
    ----------
    path : str
        Module in which it is, "" for the network itself.
    operation : str
        Layer or function.
    convertible : bool
        Whether :func:`nn_bridge.convert` replaces it.
    """

    path: str
    operation: str
    convertible: bool = False

    def __str__(self) -> str:
        note = " (replaced by convert)" if self.convertible else ""
        return f"{self.path or 'network'}: {self.operation}{note}"


class Observation:
    """Computes everything as it is and notes what is not polynomial."""

    def __init__(self) -> None:
        self.found: dict[Remaining, None] = {}

    def activation(
        self, site: str, call: Call, x: torch.Tensor, exact: Callable[[], torch.Tensor]
    ) -> torch.Tensor:
        """The exact value."""
        self.found[Remaining(site, call.kind, convertible=True)] = None
        return exact()

    def other(
        self,
        path: str,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        """Note a function that is not polynomial."""
        name = remaining_function(function, args, kwargs)
        if name is not None:
            self.found[Remaining(path, name)] = None


def check(model: nn.Module, example: Any = None) -> tuple[Remaining, ...]:
    """List the operations of a network that are not polynomial.

    Parameters
    ----------
    model : nn.Module
        In evaluation mode: batch normalisation and dropout are reported in training mode.
    example : Tensor, optional
        A batch of inputs. With it the network runs once and every function it calls is judged.
        Without it, functions are found by symbolic tracing where the network allows it (a
        converted network also knows what it has called so far); layers are always found.

    Returns
    -------
    tuple of Remaining
        Empty if nothing is left.

    Examples
    --------
    >>> network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2)).eval()
    >>> [str(item) for item in check(network)]
    ['1: nn.ReLU (replaced by convert)', '2: nn.MaxPool2d (replaced by convert)']
    """
    interception = installed(model)
    found = list(_layers(model, converted=interception is not None))
    if interception is not None:
        if example is not None:
            with torch.no_grad():
                model(example)
        functions = list(getattr(interception.handler, "remaining", ()))
    elif example is not None:
        observation = Observation()
        with intercepted(model, observation, evaluate=False), torch.no_grad():
            model(example)
        functions = list(observation.found)
    else:
        functions = _traced(model)
    layers = {item.path for item in found}
    return tuple(dict.fromkeys([*found, *(f for f in functions if f.path not in layers)]))


def _layers(model: nn.Module, converted: bool) -> list[Remaining]:
    found = []
    for path, module in model.named_modules():
        if module_function(module):
            if not converted:
                kind = "ReLU" if isinstance(module, nn.ReLU) else type(module).__name__
                found.append(Remaining(path, f"nn.{kind}", convertible=True))
        elif name := remaining_module(module):
            found.append(Remaining(path, name))
    return found


def surely_without_activation(model: nn.Module) -> bool:
    """Whether symbolic tracing shows that a network calls nothing but linear maps.

    Examples
    --------
    >>> surely_without_activation(nn.Linear(2, 2)), surely_without_activation(nn.ReLU())
    (True, False)
    """
    for module in model.modules():  # what tracing does not see
        if isinstance(module, torch.jit.ScriptModule) or "forward" in vars(module):
            return False
    graph = _graph(model) if not module_function(model) else None
    if graph is None:
        return False
    for node in graph.nodes:
        if node.op == "call_module" and not is_plain(model.get_submodule(str(node.target))):
            return False
        if node.op in ("call_function", "call_method") and (
            node.target in CALLABLES
            or node.target in METHODS
            or remaining_function(node.target, node.args, dict(node.kwargs))
        ):
            return False
    return True


def _graph(model: nn.Module) -> torch.fx.Graph | None:
    """The calls of a network, if it can be traced."""
    try:
        return torch.fx.Tracer().trace(model)
    except _TRACE_ERRORS:
        return None


def _traced(model: nn.Module) -> list[Remaining]:
    """Functions found by symbolic tracing; none if the network cannot be traced."""
    graph = _graph(model)
    if graph is None:
        return []
    found = []
    for node in graph.nodes:
        if node.op not in ("call_function", "call_method"):
            continue
        if node.target in CALLABLES or node.target in METHODS:
            _, kind = CALLABLES.get(node.target, ("", f"Tensor.{node.target}"))
            found.append(Remaining(str(node.name), kind, convertible=True))
        elif name := remaining_function(node.target, node.args, dict(node.kwargs)):
            found.append(Remaining(str(node.name), name))
    return found
