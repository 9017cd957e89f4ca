# SPDX-License-Identifier: Apache-2.0
"""The tree of a network's calls: each module's own code traced by itself, its children as leaves.

A module is traced in evaluation and in training mode. Arguments that have a plain default (None, a
truth value, a number, a word) are taken to have it, or what the module that runs this one gives: a call that
gives another value is refused when it comes, as its code was not seen.
"""

from __future__ import annotations

import copy
import inspect
import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.fx
from torch import nn

from polyapprox.words import counted

from ..errors import ConversionError
from .around import Around, UndecidedError, is_around, method_of, taken_apart
from .functions import CALLABLES, METHODS, Call, module_function, read_call
from .intercept import site_name

TRACE_ERRORS = (
    torch.fx.proxy.TraceError, TypeError, ValueError, RuntimeError, AttributeError, KeyError,
    IndexError, NotImplementedError,
)  # fmt: skip
"""What tracing code with torch.fx raises where it cannot be traced."""
_PLAIN = (type(None), bool, int, float, str)
_READING: ContextVar[bool] = ContextVar("reading", default=False)
"""Whether code is looked at, and no input comes."""
MODES = (False, True)
"""Of ``training``: evaluation first."""


class NotCaptured(Exception):  # noqa: N818 - an answer for the caller, not an error of the user
    """Says which module's code cannot be traced, and why."""


class DrawsNumbers(NotCaptured):
    """The code draws random numbers, and may run other calls the next time."""


def require_default(argument: str, value: Any, default: Any) -> None:
    """Refuse a value that the traced code does not know.

    Raises
    ------
    ConversionError
    """
    if _READING.get() or value is default or (type(value) is type(default) and value == default):
        return
    raise ConversionError(
        f"argument {argument!r} of a converted module was {default!r} when its code was traced and is "
        "something else now: convert a network whose forward gives the value itself"
    )


def require_given(argument: str, value: Any) -> None:
    """Refuse a plain value where the traced code was given what depends on the inputs.

    Raises
    ------
    ConversionError
    """
    if not _READING.get() and (value is ... or isinstance(value, _PLAIN)):
        now = "is left out" if value is ... else f"is {value!r}"
        raise ConversionError(
            f"argument {argument!r} of a converted module was a tensor when its code was traced and {now} now: "
            "convert a network whose forward leaves it out too"
        )


def refuse_changed(module: nn.Module, values: tuple[tuple[str, Any], ...]) -> None:
    """Say which of the values that the traced code took for constants is another now.

    Raises
    ------
    ConversionError
    """
    for path, value in values:
        now: Any = module
        for name in path.split("."):
            now = getattr(now, name, "missing")
        if now != value:
            raise ConversionError(
                f"{type(module).__name__}.{path} was {value!r} when its code was traced and is {now!r} now: set it "
                "back, or set it before convert (nn_bridge.restore gives the network as it was)"
            )


def constants_of(module: nn.Module) -> tuple[tuple[str, Any], ...]:
    """Plain values that a module's own code reads from the module: in a trace they are constants.

    Examples
    --------
    >>> class Scaled(nn.Module):
    ...     scale = 2.0
    ...     def forward(self, x):
    ...         return self.scale * x
    >>> constants_of(Scaled())
    (('scale', 2.0),)
    """
    code = getattr(inspect.unwrap(type(module).forward), "__code__", None)
    words = set() if code is None else _words(type(module), code, set())
    found: dict[str, Any] = {}
    for word in sorted(words - {"training"}):
        value = vars(module).get(word, inspect.getattr_static(module, word, _NOTHING))
        found[word] = value
        if not isinstance(value, _NO_SETTINGS):
            inner = getattr(value, "__dict__", {})
            found |= {f"{word}.{name}": one for name, one in inner.items() if name in words}
    return tuple((path, copy.deepcopy(value)) for path, value in found.items() if _is_plain(value))


_NOTHING = object()
_NO_SETTINGS = (nn.Module, torch.Tensor, type, FunctionType, ModuleType)
"""What is no mere holder of plain values."""


def _is_plain(value: Any) -> bool:
    """Whether a value, or all of a container, is plain, and its text is read back."""
    if isinstance(value, float):
        return math.isfinite(value)
    if type(value) in (tuple, list):
        return all(map(_is_plain, value))
    if type(value) is dict:
        return all(map(_is_plain, [*value, *value.values()]))
    return type(value) in _PLAIN


def _words(kind: type, code: CodeType, seen: set[CodeType]) -> set[str]:
    """Names of attributes in a function, and in the methods of its class that it names."""
    seen.add(code)
    words = {*code.co_names}
    inner = [c for c in code.co_consts if isinstance(c, CodeType)]
    methods = (inspect.getattr_static(kind, name, None) for name in code.co_names)
    inner += [m.__code__ for m in methods if isinstance(m, FunctionType)]
    return words.union(*(_words(kind, one, seen) for one in inner if one not in seen))


class _LocalTracer(torch.fx.Tracer):
    """Traces one module's own code; what it computes of buffers is computed anew in each pass."""

    proxy_buffer_attributes = True

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Every child is a leaf."""
        return True


def local_graph(
    module: nn.Module, training: bool, given: Mapping[str, Any] | None = None
) -> torch.fx.Graph:
    """The graph of a module's own code in one mode.

    Parameters
    ----------
    module : nn.Module
    training : bool
    given : dict, optional
        Arguments that are given in place of their defaults: plain values, or nodes of another graph.

    Raises
    ------
    NotCaptured
        If it cannot be traced.
    """
    if "forward" in vars(module):
        raise NotCaptured(f"{type(module).__name__} has a forward of its own set on the instance")
    plain = _plain_defaults(module)
    other = {name: value for name, value in (given or {}).items() if name in plain}
    plain |= {name: value for name, value in other.items() if isinstance(value, _PLAIN)}
    varying = [name for name in other if not isinstance(other[name], _PLAIN)]
    for name in varying:
        del plain[name]
    mode, module.training = module.training, training
    before, drawn, reading = constants_of(module), _random_state(), _READING.set(True)
    try:
        graph = _LocalTracer().trace(module, plain or None)
    except (*TRACE_ERRORS, AssertionError, NameError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise NotCaptured(f"{type(module).__name__}: {reason}") from error
    finally:
        module.training = mode
        _READING.reset(reading)
    if _random_state() != drawn:
        raise DrawsNumbers(f"{type(module).__name__} draws random numbers as its code runs")
    if constants_of(module) != before:
        raise NotCaptured(f"{type(module).__name__} sets its own attributes as its code runs")
    for node in graph.nodes:
        node.type = None  # annotations may be words that nothing can import
    _name_defaults(graph, plain)
    for node in [n for n in graph.nodes if n.op == "placeholder" and n.target in varying]:
        node.args = (...,)  # no plain default
        with graph.inserting_after(_last_placeholder(graph)):
            graph.call_function(require_given, (str(node.target), node))
    return graph


def _plain_defaults(module: nn.Module) -> dict[str, Any]:
    """Arguments of a module's forward that have a plain default."""
    parameters = inspect.signature(type(module).forward).parameters.values()
    return {p.name: p.default for p in parameters if isinstance(p.default, _PLAIN)}


def _given_to(child: nn.Module, node: torch.fx.Node) -> dict[str, Any]:
    """The arguments that a node gives to the module that it runs, by name."""
    try:
        bound = inspect.signature(type(child).forward).bind(child, *node.args, **node.kwargs)
    except TypeError:
        return {}
    return bound.arguments


def _random_state() -> tuple[Any, ...]:
    """Of all that draws random numbers outside of tensors."""
    _, words, place, *_ = np.random.get_state()  # noqa: NPY002
    return torch.get_rng_state().tolist(), random.getstate(), np.asarray(words).tobytes(), place


def _name_defaults(graph: torch.fx.Graph, plain: dict[str, Any]) -> None:
    """Arguments get their own names back, and a sentence where they are not the default."""
    for node in list(graph.nodes):
        if node.op != "placeholder":
            continue
        name = str(node.target).rpartition("_")[0]
        if name not in plain or str(node.target) in plain:
            continue
        for user in list(node.users):
            _drop(graph, user)
        node.target = name
        with graph.inserting_after(_last_placeholder(graph)):
            graph.call_function(require_default, (name, node, plain[name]))


def _last_placeholder(graph: torch.fx.Graph) -> torch.fx.Node:
    found: torch.fx.Node = [node for node in graph.nodes if node.op == "placeholder"][-1]
    return found


def _drop(graph: torch.fx.Graph, node: torch.fx.Node) -> None:
    """Take a node out with all that follows from it: torch.fx's own assertions."""
    for user in list(node.users):
        _drop(graph, user)
    graph.erase_node(node)


class Found(NamedTuple):
    """A call in a graph that can be replaced.

    Attributes
    ----------
    node : torch.fx.Node
    site : str
        Name of the call site.
    call : Call
    around : bool
        Whether the call is arithmetic around an activation.
    """

    node: torch.fx.Node
    site: str
    call: Call
    around: bool = False


@dataclass
class Invocation:
    """One run of a module in a pass through the network.

    Attributes
    ----------
    module : nn.Module
    path : str
        Of the module in the network (the first, where it has several).
    run : int
        Which run of this module in the pass, from 1.
    graphs : dict of bool to torch.fx.Graph
        By mode; empty where its code was not looked at, as nothing in it needs that.
    sites : dict of bool to list of Found
        Calls in its own code that can be replaced.
    children : list of (torch.fx.Node or None, str, Invocation)
        Modules that it runs, in order: the node and the name of the child in it.
    call : Call, optional
        Of a layer that is an activation itself.
    name : str
        Name of the call site then.
    kept : dict of str to Call
        Calls in its own code where that cannot be traced, by name of the call site: known from running.
    reason : str
        Why it cannot be traced then.
    """

    module: nn.Module
    path: str
    run: int
    graphs: dict[bool, torch.fx.Graph] = field(default_factory=dict)
    sites: dict[bool, list[Found]] = field(default_factory=dict)
    children: list[tuple[torch.fx.Node | None, str, Invocation]] = field(default_factory=list)
    call: Call | None = None
    name: str = ""
    kept: dict[str, Call] = field(default_factory=dict)
    reason: str = ""

    @property
    def found(self) -> list[tuple[str, Call]]:
        """Names and calls of all sites in it, in order of call in evaluation mode where known."""
        if self.call is not None:
            return [(self.name, self.call)]
        own = {found.node: (found.site, found.call) for found in self.sites.get(False, ())}
        inner = {node: child for node, _, child in self.children if node is not None}
        if not self.graphs:
            return [*self.kept.items(), *(site for _, _, child in self.children for site in child.found)]
        result: list[tuple[str, Call]] = []
        for node in self.graphs[False].nodes:
            if node in own:
                result.append(own[node])
            elif node in inner:
                result += inner[node].found
        return result


class _Reader:
    """Walks a network in the order of its calls.

    Where the call sites are known, and none is of a further run, only modules that call functions
    themselves are traced; one inside the network whose code cannot be traced keeps it.
    """

    def __init__(self, network: nn.Module, known: Mapping[str, Call] | None) -> None:
        self.known = known or {}
        self.paths = {module: path for path, module in network.named_modules()}
        self.runs: Counter[str] = Counter()
        self.holding = {m for m in network.modules() if _may_call(m)}
        self.given: dict[nn.Module, Mapping[str, Any]] = {}
        self.traced: set[str] | None = None
        if known is not None and not any("@" in name for name in known):
            self.traced = {name.rpartition("/")[0] for name in known if "/" in name}
            layers = {name for name in known if "/" not in name}
            self.holding = {
                m for m, path in self.paths.items() if path in layers or path in self.traced
            }

    def read(self, module: nn.Module, given: Mapping[str, Any] | None = None) -> Invocation:
        """One run of a module, and what the module that runs it gives it, where that is known."""
        path = self.paths[module]
        self.runs[path] += 1
        seen = Invocation(module, path, self.runs[path])
        name = module_function(module)
        if name is not None:
            seen.call = layer_call(module)
            seen.name = self._named(site_name(path, bool(path), 1, name), seen.run)
            return seen
        if not any(inner in self.holding for inner in module.modules()):
            return seen
        sequential = type(module).forward is nn.Sequential.forward and "forward" not in vars(module)
        if sequential or (self.traced is not None and path not in self.traced):
            return self._untraced(seen, sequential)
        try:
            self._trace(seen, self.given.get(module) if given is None else given)
        except NotCaptured as error:
            kept = {site: call for site, call in self.known.items() if site.rpartition("/")[0] == path}
            functions = [site for site in kept if "/" in site]
            if isinstance(error, DrawsNumbers) and len(functions) > 1:
                raise ConversionError(
                    f"{error}, and calls {counted(len(functions), 'activation')} itself, of which it may leave out some: make "
                    "them layers, such as nn.ReLU, so that each keeps its own interval"
                ) from error
            if self.traced is None or not path:
                raise
            return self._untraced(Invocation(module, path, seen.run, kept=kept, reason=str(error)))
        for node in seen.graphs[False].nodes:
            if node.op == "call_module":
                child = module.get_submodule(str(node.target))
                seen.children.append((node, str(node.target), self.read(child, _given_to(child, node))))
        return seen

    def _untraced(self, seen: Invocation, sequential: bool = False) -> Invocation:
        """With its children in the order in which it holds them."""
        if not sequential:
            self._read_given(seen.module)
        children = seen.module._modules
        named = {m: key for key, m in reversed(children.items()) if m is not None}
        items = children.items() if sequential else [(k, m) for m, k in reversed(named.items())]
        seen.children = [(None, key, self.read(m)) for key, m in items if m is not None]
        return seen

    def _read_given(self, module: nn.Module) -> None:
        """Keep what a module gives those that it runs, where their code is traced and has a choice."""
        traced = [m for m in module.modules() if self.traced and self.paths[m] in self.traced and m is not module]
        if not any(_plain_defaults(m) for m in traced):
            return
        with suppress(NotCaptured):
            for node in local_graph(module, training=False).nodes:
                if node.op == "call_module":
                    child = module.get_submodule(str(node.target))
                    self.given[child] = _given_to(child, node)

    def _trace(self, seen: Invocation, given: Mapping[str, Any] | None) -> None:
        seen.graphs = {mode: local_graph(seen.module, mode, given) for mode in MODES}
        for mode, graph in seen.graphs.items():
            seen.sites[mode] = list(self._calls(graph, seen))
        names = [[found.site for found in seen.sites[mode]] for mode in MODES]
        if names[0] != names[1]:
            raise NotCaptured(f"{type(seen.module).__name__} calls other activations in training")
        own = [site for site in self.known if "/" in site and site.rpartition("/")[0] == seen.path]
        if self.traced is not None and sorted(own) != sorted(names[0]):
            raise NotCaptured(
                f"{type(seen.module).__name__} calls other activations when it runs than its code shows"
            )

    def _calls(self, graph: torch.fx.Graph, seen: Invocation) -> Iterator[Found]:
        counts: Counter[str] = Counter()
        for node in graph.nodes:
            function, around = _function_of(node), around_of(node, seen.module)
            if function is not None:
                call = read_call(function, node.args, dict(node.kwargs), None)
            elif around is not None:
                call = Call(around.name, around.kind, tuple(around.options.items()))
            else:
                continue
            counts[call.name] += 1
            site = site_name(seen.path, False, counts[call.name], call.name)
            yield Found(node, self._named(site, seen.run), call, around is not None)

    @staticmethod
    def _named(site: str, run: int) -> str:
        return site if run == 1 else f"{site}@{run}"


def _function_of(node: torch.fx.Node) -> Any:
    if node.op == "call_function" and node.target in CALLABLES:
        return node.target
    if node.op == "call_method" and node.target in METHODS:
        return getattr(torch.Tensor, str(node.target))
    return None


def around_of(node: torch.fx.Node, module: nn.Module) -> Around | None:
    """A call in a module's graph, taken apart; None if it is not arithmetic around an activation.

    Raises
    ------
    NotCaptured
        If the graph does not say.
    """
    if node.op not in ("call_function", "call_method"):
        return None
    function = node.target if node.op == "call_function" else method_of(str(node.target))
    tracer = _LocalTracer()
    tracer.graph, tracer.root = node.graph, module
    made: Any = lambda value: torch.fx.Proxy(value, tracer)  # noqa: E731 - of another type for torch.fx
    args, kwargs = torch.fx.node.map_arg((node.args, dict(node.kwargs)), made)
    try:
        return taken_apart(function, tuple(args), dict(kwargs))
    except UndecidedError as error:
        raise NotCaptured(f"{type(module).__name__}: {error}") from error


def _may_call(module: nn.Module) -> bool:
    """Whether a module's own code may call an activation: torch's layers without children do not."""
    if module_function(module) is not None or is_around(module) or "forward" in vars(module):
        return True
    own = type(module).__module__.startswith("torch.nn.modules")
    return not own or (bool(module._modules) and type(module).__name__ not in _CONTAINERS)


_CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")


def layer_call(module: nn.Module) -> Call:
    """What a layer that is an activation calls.

    Examples
    --------
    >>> layer_call(nn.ReLU6(inplace=True))
    Call(name='hardtanh', kind='nn.ReLU6', options=(('min_val', 0.0), ('max_val', 6.0)), in_place=True)
    """
    graph = torch.fx.Tracer().trace(module)
    for node in graph.nodes:
        function = _function_of(node)
        if function is not None:
            return read_call(function, node.args, dict(node.kwargs), type(module))
    raise NotCaptured(f"{type(module).__name__} does not call the function that it is named after")


def call_tree(network: nn.Module, known: Mapping[str, Call] | None = None) -> Invocation:
    """All calls of a network in one pass, by the code of its modules alone.

    Parameters
    ----------
    network : nn.Module
    known : dict of str to Call, optional
        All call sites, where the network has been seen running.

    Raises
    ------
    NotCaptured
        If a module that may call an activation cannot be traced.
    """
    return _Reader(network, known).read(network)
