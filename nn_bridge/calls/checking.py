"""`check`: what in a network is neither an addition nor a multiplication, and what nobody can say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.fx
from torch import nn

from .answering import answering
from .capture import TRACE_ERRORS, NotCaptured, local_graph, require_default
from .functions import CALLABLES, METHODS, Call, module_function
from .intercept import Interception, intercepted, observed
from .operations import ADVICE, is_plain, remaining_function, remaining_module
from .site import CallSite

COMPILED = "compiled code"


@dataclass(frozen=True)
class Remaining:
    """An operation that is not polynomial, or a part of which that is not known.

    Attributes
    ----------
    path : str
        Module in which it is, "" for the network itself.
    operation : str
        Layer or function; for what is not known, why.
    convertible : bool
        Whether :func:`nn_bridge.convert` replaces it.
    known : bool
        False: nobody could look into this module; an example of the inputs may say more.
    """

    path: str
    operation: str
    convertible: bool = False
    known: bool = True

    def __str__(self) -> str:
        note = " (replaced by convert)" if self.convertible else ""
        unknown = "" if self.known else "not known: "
        advice = ADVICE.get(self.operation, "")
        return f"{self.path or 'network'}: {unknown}{self.operation}{note}{advice and f' ({advice})'}"


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
    """List the operations of a network that are not polynomial, and what is not known.

    Parameters
    ----------
    model : nn.Module
        In evaluation mode: batch normalisation and dropout are reported in training mode.
    example : Tensor, optional
        A batch of inputs. With it the network runs once and every function it calls is judged.
        Without it, the code of each module is traced; a module whose code depends on its data, or
        is compiled, is listed as not known.

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
    asking = answering(model)
    found = list(_layers(model, converted=asking is not None))
    if example is None:
        functions = list(remaining_by_code(model))
    elif isinstance(asking, Interception):
        with torch.no_grad():
            model(example)
        functions = list(getattr(asking.handler, "remaining", ()))
    else:
        functions = _remaining_by_example(model, example, converted=asking is not None)
    layers = {item.path for item in found}
    return tuple(dict.fromkeys([*found, *(f for f in functions if f.path not in layers)]))


def _remaining_by_example(model: nn.Module, example: Any, converted: bool) -> list[Remaining]:
    observation = Observation()
    watch = observed if converted else intercepted
    with watch(model, observation, evaluate=False), torch.no_grad():
        model(example)
    sites = {path for path, module in model.named_modules() if isinstance(module, CallSite)}
    compiled = list(_compiled(model))
    return [item for item in observation.found if item.path not in sites] + compiled


def _layers(model: nn.Module, converted: bool) -> list[Remaining]:
    found = []
    for path, module in model.named_modules():
        if module_function(module):
            if not converted:
                kind = "ReLU" if isinstance(module, nn.ReLU) else type(module).__name__
                found.append(Remaining(path, f"nn.{kind}", convertible=True))
        elif not isinstance(module, CallSite) and (name := remaining_module(module)):
            found.append(Remaining(path, name))
    return found


def _compiled(model: nn.Module) -> Iterator[Remaining]:
    for path, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            yield Remaining(path, COMPILED, known=False)


def remaining_by_code(model: nn.Module) -> Iterator[Remaining]:
    """Functions that the modules' own code calls and that are not polynomial, module by module."""
    for path, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            yield Remaining(path, COMPILED, known=False)
        elif not _of_torch(module) and not isinstance(module, CallSite):
            yield from _by_code(path, module)


def _of_torch(module: nn.Module) -> bool:
    own = type(module).__module__.startswith("torch.nn.modules")
    return own and "forward" not in vars(module)


def _by_code(path: str, module: nn.Module) -> Iterator[Remaining]:
    try:
        graph = local_graph(module, training=False)
    except NotCaptured as error:
        yield Remaining(path, f"its code cannot be traced ({error}): give an example", known=False)
        return
    for node in graph.nodes:
        if node.op not in ("call_function", "call_method"):
            continue
        if isinstance(node.target, torch.jit.ScriptFunction):
            yield Remaining(path, COMPILED, known=False)
        elif node.target in CALLABLES or node.target in METHODS:
            _, kind = CALLABLES.get(node.target, ("", f"Tensor.{node.target}"))
            yield Remaining(path, kind, convertible=True)
        elif node.target is not require_default and (
            name := remaining_function(node.target, node.args, dict(node.kwargs))
        ):
            yield Remaining(path, name)


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
    except TRACE_ERRORS:
        return None
