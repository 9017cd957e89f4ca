# SPDX-License-Identifier: Apache-2.0
"""Finding every ReLU, and every other activation and max-pool, of any network while it runs.

ReLU is reached in many ways (``nn.ReLU``, ``F.relu``, ``torch.relu``, ``Tensor.relu`` and their
in-place forms), from modules and from plain code, in networks whose control flow may depend on
data; so are the other functions of :mod:`nn_bridge.calls.functions`. All pass through torch's function
overrides; so the network's own code runs unchanged and the calls are answered here. A call site is named by the module that is running, by the order
of the call within it and, for a module that runs several times, by the run:

    layer1.0/relu2      second call of ReLU inside the module layer1.0
    layer1.0/gelu1      first call of GELU there
    act                 the module act is an nn.ReLU itself
    act@3               the same module, third time in one pass through the network
"""

from __future__ import annotations

import copy
import inspect
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import nn
from torch.fx import GraphModule
from torch.overrides import TorchFunctionMode

from ..errors import ConversionError
from .around import Around, taken_apart
from .comparing import note
from .constant import Constants
from .exact import exact_value, is_answering
from .functions import CALLABLES, Call, module_function, read_call
from .handlers import Handler
from .running import evaluation_mode
from .site import CallSite, Switch


def site_name(path: str, own: bool = True, call: int = 1, function: str = "relu") -> str:
    """Name of a call site: of a layer that is the function itself, or of a call inside a module."""
    return path if own and path else f"{path}/{function}{call}"


@dataclass
class _Running:
    """A module that is running."""

    path: str
    run: int
    module: type
    calls: Counter[str] = field(default_factory=Counter)


class Interception:
    """Answers the calls of one network through a handler.

    Installed on a network by :func:`install`: hooks on the modules keep the path, and while the
    network (or one of its modules) runs, a function mode answers the calls. It can be copied and
    pickled with the network; each thread has its own stack.
    """

    def __init__(self, handler: Handler, attributes: dict[str, Any] | None = None) -> None:
        self.handler = handler
        self.attributes = attributes or {}
        self.reason = ""
        self._local = threading.local()

    def __getstate__(self) -> dict[str, Any]:
        return {"handler": self.handler, "attributes": self.attributes, "reason": self.reason}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._local = threading.local()

    @property
    def stack(self) -> list[_Running]:
        """Modules that run now in this thread, outermost first."""
        if not hasattr(self._local, "stack"):
            self._local.stack, self._local.runs, self._local.mode = [], Counter(), None
            self._local.compared, self._local.constants = {}, Constants()
        return cast("list[_Running]", self._local.stack)

    def push(self, path: str, module: nn.Module) -> None:
        """Note that a module starts; the outermost one starts the interception."""
        stack = self.stack
        if not stack:
            self._local.runs = Counter()
            self._local.mode = _Mode(self)
            self._local.mode.__enter__()
        run = self._local.runs[path] + 1
        self._local.runs[path] = run
        stack.append(_Running(path, run, type(module)))

    def finish(self) -> None:
        """Tell a handler that cares what a module called, now that it has its output."""
        current, ended = self.stack[-1], getattr(self.handler, "ended", None)
        if ended is not None:
            ended(current.path, current.run, current.calls)

    def pop(self) -> None:
        """Note that a module ends."""
        stack = self.stack
        stack.pop()
        if not stack:
            self._local.mode.__exit__(None, None, None)
            self._tell_compared(self._local.compared)
            self._local.compared, self._local.constants = {}, Constants()

    @contextmanager
    def running(self, path: str, module: nn.Module) -> Iterator[None]:
        """A module runs; all that ran inside ends with it, however it ends."""
        depth = len(self.stack)
        self.push(path, module)
        try:
            yield
        finally:
            del self.stack[depth + 1 :]
            self.pop()

    def answer(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
        """Value of a call of any of the functions that can be replaced."""
        name, _ = CALLABLES[function]
        site, own = self._site(name)
        call = read_call(function, args, kwargs, self.stack[-1].module if own else None)
        x = args[0] if args else kwargs["input"]
        return self.handler.activation(site, call, x, lambda: function(*args, **kwargs))

    def answer_around(self, around: Around, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
        """Value of a call that is arithmetic around an activation."""
        for value in (*args, *kwargs.values()):
            self._local.compared.pop(id(value), None)  # a comparison that is not needed any more
        site, _ = self._site(around.name)
        call = Call(around.name, around.kind, tuple(around.options.items()))
        whole: Callable[..., torch.Tensor] | None = getattr(self.handler, "around", None)
        if whole is not None:
            return whole(site, call, args, kwargs)
        x = around.inner()
        value = self.handler.activation(site, call, x, lambda: exact_value(call, x))
        finished: torch.Tensor = around.finish(value)
        return finished

    def _site(self, name: str) -> tuple[str, bool]:
        """The call site of what is called now; whether it is all that its layer does."""
        current = self.stack[-1]
        current.calls[name] += 1
        own = module_function(current.module) == name and current.calls[name] == 1
        site = site_name(current.path, own, current.calls[name], name)
        return site if current.run == 1 else f"{site}@{current.run}", own

    def other(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Value of any other call; a comparison with 0 is told to the handler when it is used."""
        path, waiting = self.stack[-1].path, self._local.compared
        if waiting:
            used = [id(value) for value in (*args, *kwargs.values()) if id(value) in waiting]
            self._tell_compared({key: waiting.pop(key) for key in used})
        compute = getattr(self.handler, "computed", None)
        value = function(*args, **kwargs) if compute is None else compute(path, function, args, kwargs)
        if note(function, args, value):
            waiting[id(value)] = (value, path, function, args, kwargs)
            return value
        if not self._local.constants.note((*args, *kwargs.values()), value):
            self.handler.other(path, function, args, kwargs)
        return value

    def _tell_compared(self, waiting: dict[int, Any]) -> None:
        for _, path, function, args, kwargs in waiting.values():
            self.handler.other(path, function, args, kwargs)


class _Mode(TorchFunctionMode):
    def __init__(self, interception: Interception) -> None:
        super().__init__()
        self.interception = interception

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if is_answering():  # a layer that stands in the network does its work
            return func(*args, **kwargs)
        if func in CALLABLES:
            return self.interception.answer(func, args, kwargs)
        around = taken_apart(func, args, kwargs)
        if around is not None:
            return self.interception.answer_around(around, args, kwargs)
        return self.interception.other(func, args, kwargs)


MISSING = object()
"""Stands for an argument that was not given."""


def refuse_tracers(network: nn.Module, values: tuple[Any, ...]) -> None:
    """Refuse what looks at a network whose calls are intercepted: it would see something else.

    Raises
    ------
    ConversionError
    """
    interception = installed(network)
    proxy = any(isinstance(value, torch.fx.Proxy) for value in values)
    if proxy or torch.compiler.is_compiling() or torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
        reason = interception.reason if interception is not None else "its calls are intercepted"
        raise ConversionError(f"this converted network cannot be traced or exported: {reason}")


class _Forward:
    """Stands for the forward method of the network itself."""

    def __init__(self, network: nn.Module, interception: Interception) -> None:
        self.network = network
        self.interception = interception
        self.own = vars(network).get("forward")  # if it was set on the instance

    @property
    def __signature__(self) -> inspect.Signature:
        """Of the network's own forward, for what asks which arguments it takes."""
        own = self.own if self.own is not None else type(self.network).forward.__get__(self.network)
        return inspect.signature(own)

    def __deepcopy__(self, memo: dict[int, Any]) -> _Forward:
        twin = type(self).__new__(type(self))
        twin.network = copy.deepcopy(self.network, memo)
        twin.interception = copy.deepcopy(self.interception, memo)
        twin.own = copy.deepcopy(self.own, memo)
        return twin

    def __getstate__(self) -> dict[str, Any]:
        if isinstance(self.network, GraphModule):  # it pickles its code, and would lose the rest
            raise ConversionError(
                "a converted torch.fx.GraphModule cannot be pickled: pickle the original, and "
                "convert it again when it is loaded"
            )
        return vars(self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        own = self.own if self.own is not None else type(self.network).forward.__get__(self.network)
        with self.interception.running("", self.network):
            output = own(*args, **kwargs)
            self.interception.finish()
            return output


class _Hook:
    """Start or end of a module; the network itself has _Forward for it, where that was kept."""

    def __init__(self, path: str, interception: Interception) -> None:
        self.path = path
        self.interception = interception


class _Start(_Hook):
    def __call__(self, module: nn.Module, args: Any) -> None:
        if not isinstance(vars(module).get("forward"), _Forward):
            self.interception.push(self.path, module)


class _End(_Hook):
    def __call__(self, module: nn.Module, args: Any, output: Any) -> None:
        if isinstance(vars(module).get("forward"), _Forward):
            return
        try:
            if output is not None:  # else it raised
                self.interception.finish()
        finally:
            self.interception.pop()


class _Attach(_Hook):
    """Puts the hooks on a module; again on copies of a GraphModule, which loses them."""

    def __call__(self, module: nn.Module) -> None:
        interception = self.interception
        if isinstance(module, GraphModule):
            copies = [hook for hook in module._deepcopy_hooks if isinstance(hook, _Attach)]
            if copies:  # the module is a copy: so is the interception
                interception = copies[0].interception
            else:
                module._register_deepcopy_hook(self)
        module.register_forward_pre_hook(_Start(self.path, interception), prepend=True)
        module.register_forward_hook(_End(self.path, interception), always_call=True)
        if not self.path:
            module.forward = _Forward(module, interception)
            for name, value in interception.attributes.items():
                setattr(module, name, value)


def install(
    network: nn.Module, handler: Handler, attributes: dict[str, Any] | None = None
) -> Interception:
    """Answer the calls of a network's activations through a handler from now on.

    Parameters
    ----------
    network : nn.Module
    handler : Handler
    attributes : dict, optional
        Set on the network, and on its copies.

    Raises
    ------
    ConversionError
        If the network holds compiled code, into which nobody can look.
    """
    refuse_compiled(network)
    return _attached(network, Interception(handler, attributes))


def intercept_inside(module: nn.Module, path: str, switch: Switch) -> None:
    """Answer the calls of one module of a network, and of those that it runs, by the network's switch.

    Parameters
    ----------
    module : nn.Module
    path : str
        Of it in the network.
    switch : Switch
    """
    _attached(module, Interception(switch), path)


def _attached(network: nn.Module, interception: Interception, prefix: str = "") -> Interception:
    for path, module in list(network.named_modules(prefix=prefix)):
        if not prefix or not isinstance(module, CallSite):
            _Attach(path, interception)(module)
    return interception


def refuse_compiled(network: nn.Module) -> None:
    """Refuse a network that holds compiled code, or is converted already.

    Raises
    ------
    ConversionError
    """
    for path, module in network.named_modules():
        if isinstance(module, torch.jit.ScriptModule) or hasattr(module, "_orig_mod"):
            raise ConversionError(
                f"module {path or type(module).__name__!r} is compiled code: convert the network "
                "before torch.jit.script or torch.compile"
            )
        if installed(module) is not None or isinstance(module, CallSite):
            raise ConversionError(
                f"{path or 'this network'} is already converted: use the original network"
            )


def uninstall(network: nn.Module) -> None:
    """Undo :func:`install`, also on a copy of the network."""
    for module in network.modules():
        for hooks in (module._forward_pre_hooks, module._forward_hooks):
            for key in [k for k, hook in hooks.items() if isinstance(hook, _Hook)]:
                del hooks[key]
                module._forward_hooks_always_called.pop(key, None)
        if isinstance(module, GraphModule):
            kept = [hook for hook in module._deepcopy_hooks if not isinstance(hook, _Attach)]
            module._deepcopy_hooks[:] = kept
    replaced = vars(network).pop("forward", None)
    if isinstance(replaced, _Forward) and replaced.own is not None:
        network.forward = replaced.own


def installed(network: nn.Module) -> Interception | None:
    """The interception of a network, if it has one."""
    for hook in network._forward_pre_hooks.values():
        if isinstance(hook, _Start):
            return hook.interception
    return None


@contextmanager
def intercepted(network: nn.Module, handler: Handler, evaluate: bool = True) -> Iterator[None]:
    """Answer the calls of a network's activations for a while (in evaluation mode, if asked)."""
    install(network, handler)
    try:
        with evaluation_mode(network, evaluate):
            yield
    finally:
        uninstall(network)


@contextmanager
def observed(network: nn.Module, handler: Handler, evaluate: bool = True) -> Iterator[None]:
    """Let a handler see what a network with layers in place of its activations calls, for a while."""
    _attached(network, Interception(handler))
    try:
        with evaluation_mode(network, evaluate):
            yield
    finally:
        uninstall(network)
