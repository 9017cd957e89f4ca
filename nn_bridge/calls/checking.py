# SPDX-License-Identifier: Apache-2.0
"""`check`: what in a network is neither an addition nor a multiplication, and what nobody can say."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import torch
import torch.fx
from torch import nn
from torch.nn.utils.parametrize import ParametrizationList

from .answering import answering
from .around import is_around
from .capture import TRACE_ERRORS, NotCaptured, around_of, local_graph, require_default
from .comparing import is_comparison
from .constant import constant_nodes, known_nodes
from .functions import CALLABLES, METHODS, Call, module_function
from .inputs import Batch
from .intercept import Interception, intercepted, observed
from .operations import ADVICE, QUOTIENTS, is_plain, remaining_function, remaining_module
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
    count : int
        How often it ran on the example; 0 without one.
    low, high : float
        Smallest and largest number that it got from the example; NaN without one.
    """

    path: str
    operation: str
    convertible: bool = False
    known: bool = True
    count: int = field(default=0, compare=False)
    low: float = field(default=math.nan, compare=False)
    high: float = field(default=math.nan, compare=False)

    @property
    def advice(self) -> str:
        """What to do about it; empty where nothing is known."""
        if self.convertible:
            return "replaced by convert"
        return ADVICE.get(self.operation, "")

    def __str__(self) -> str:
        unknown = "" if self.known else "not known: "
        often = {0: "", 1: ", once"}.get(self.count, f", {self.count} times")
        seen = "" if math.isnan(self.low) else f" on [{self.low:.3g}, {self.high:.3g}]"
        note = f" ({self.advice})" if self.advice else ""
        return f"{self.path or 'network'}: {unknown}{self.operation}{often}{seen}{note}"


class Observation:
    """Computes everything as it is and notes what is not polynomial, how often and on what."""

    def __init__(self) -> None:
        self.seen: dict[Remaining, Remaining] = {}

    @property
    def found(self) -> tuple[Remaining, ...]:
        """What is not polynomial, in order of first call."""
        return tuple(self.seen.values())

    def _note(self, item: Remaining, x: Any) -> None:
        before = self.seen.get(item, item)
        low, high = _ends(x)
        self.seen[item] = replace(
            item, count=before.count + 1, low=_extreme(min, before.low, low),
            high=_extreme(max, before.high, high),
        )  # fmt: skip

    def activation(
        self, site: str, call: Call, x: torch.Tensor, exact: Callable[[], torch.Tensor]
    ) -> torch.Tensor:
        """The exact value."""
        self._note(Remaining(site, call.kind, convertible=True), x)
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
            tensors = [v for v in (*args, *kwargs.values()) if isinstance(v, torch.Tensor)]
            divisor = name in QUOTIENTS and len(tensors) > 1
            self._note(Remaining(path, name), tensors[1 if divisor else 0] if tensors else None)


def _ends(x: Any) -> tuple[float, float]:
    """Smallest and largest number of a tensor; NaN where there is none."""
    if not isinstance(x, torch.Tensor) or not x.numel() or x.is_complex() or x.dtype == torch.bool:
        return math.nan, math.nan
    low, high = torch.aminmax(x.detach())
    return float(low), float(high)


def _extreme(choose: Callable[[float, float], float], before: float, value: float) -> float:
    return value if math.isnan(before) else choose(before, value)


def check(model: nn.Module, example: Batch | None = None) -> tuple[Remaining, ...]:
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
        Three answers: empty, all is polynomial; entries that are `known`, what is not, where, how often
        and on which numbers the example ran it, and what to do about it; entries that are not
        `known`: nobody could look there.

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
    weights = {f"{path}." for path, m in model.named_modules() if isinstance(m, ParametrizationList)}
    found, functions = (
        [item for item in items if not item.path.startswith(tuple(weights))] for items in (found, functions)
    )
    layers = {item.path for item in found}
    own = {item: _layer_of(item.path, layers) for item in functions}
    counted = {layer: item for item, layer in own.items() if item.count}
    found = [_with_count(item, counted.get(item.path)) for item in found]
    return tuple(dict.fromkeys([*found, *(item for item in functions if own[item] is None)]))


def _layer_of(path: str, layers: set[str]) -> str | None:
    """The layer that is known already, of a call that is it or is inside it; None without."""
    outer = path.rpartition("/")[0] if "/" in path else path
    return next((known for known in (path, outer) if known in layers), None)


def _with_count(layer: Remaining, seen: Remaining | None) -> Remaining:
    """A layer with what was seen of its call."""
    return layer if seen is None else replace(layer, count=seen.count, low=seen.low, high=seen.high)


def _remaining_by_example(model: nn.Module, example: Batch, converted: bool) -> list[Remaining]:
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
        if module_function(module) or is_around(module):
            if not converted:
                kind = "ReLU" if isinstance(module, nn.ReLU) else type(module).__name__
                found.append(Remaining(path, f"nn.{kind}", convertible=True))
        elif isinstance(module, torch.jit.ScriptModule):
            continue  # not known
        elif isinstance(module, CallSite):
            if not getattr(module.switch.home, "replaces", bool)(module.call):
                found.append(Remaining(module.name, module.call.kind, convertible=True))
        elif name := remaining_module(module):
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
        arounds = {node: found for node in graph.nodes if (found := around_of(node, module))}
    except NotCaptured as error:
        yield Remaining(path, f"its code cannot be traced ({error}): give an example", known=False)
        return
    constant = constant_nodes(graph, known_nodes(graph, module))
    spared = {n for node in arounds for n in node.all_input_nodes if arounds.keys() >= n.users.keys()}
    for node in graph.nodes:
        if node.op not in ("call_function", "call_method") or node in constant:
            continue
        if isinstance(node.target, torch.jit.ScriptFunction):
            yield Remaining(path, COMPILED, known=False)
        elif node.target in CALLABLES or node.target in METHODS:
            _, kind = CALLABLES.get(node.target, ("", f"Tensor.{node.target}"))
            yield Remaining(path, kind, convertible=True)
        elif node in arounds:
            yield Remaining(path, arounds[node].kind, convertible=True)
        elif (
            node.target is not require_default
            and (name := remaining_function(node.target, node.args, dict(node.kwargs)))
            and not (node in spared and is_comparison(name))
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
