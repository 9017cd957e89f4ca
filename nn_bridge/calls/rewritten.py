# SPDX-License-Identifier: Apache-2.0
"""A module whose forward is other code: a subclass made for it, which copies and pickles with it."""

from __future__ import annotations

import hashlib
import linecache
import re
from collections.abc import Iterator
from functools import cache, wraps
from types import FunctionType
from typing import Any, cast

import torch.fx
from torch import nn
from torch.fx.graph_module import _format_import_block
from torch.overrides import TorchFunctionMode
from torch.package import sys_importer  # type: ignore[attr-defined]

from ..errors import ConversionError
from .around import taken_apart
from .comparing import note
from .exact import is_answering
from .functions import CALLABLES
from .intercept import installed

Code = tuple[tuple[str, str], ...]
"""Names of methods, each with the source of a function ``forward`` and its imports."""

SEVERAL = "several"
"""Entry of a code that names, in place of a method, the layers that run several times."""
_IN_MODE = {False: "_forward_in_evaluation", True: "_forward_in_training"}


def code_of(graphs: dict[bool, torch.fx.Graph], constants: tuple[tuple[str, Any], ...] = ()) -> Code:
    """The methods that run graphs, by mode of training; one where both modes do the same.

    They refuse to run where one of the constants, attributes of the module, is another than it was.
    """
    texts = {}
    for mode, graph in graphs.items():
        written = graph.python_code(root_module="self")
        imports = _format_import_block(written.globals, sys_importer)
        texts[mode] = f"{imports}\n{written.src}"
    if texts[False] == texts[True]:
        return (("forward", _watching(texts[False], constants)),)
    head = next(line for line in texts[False].splitlines() if line.startswith("def forward("))
    given = ", ".join(str(n.target) for n in graphs[False].nodes if n.op == "placeholder")
    choice = f"self.{_IN_MODE[True]} if self.training else self.{_IN_MODE[False]}"
    imports = texts[False].partition("def forward(")[0]
    dispatch = f"{imports}{head}\n    return ({choice})({given})\n"
    return (("forward", _watching(dispatch, constants)), *((_IN_MODE[mode], text) for mode, text in texts.items()))


def _watching(text: str, constants: tuple[tuple[str, Any], ...]) -> str:
    """The source of a forward that looks at the module's constants first."""
    if not constants:
        return text
    changed = " or ".join(f"self.{path} != {value!r}" for path, value in constants)
    imports, head, body = re.split(r"^(def forward\(.*\n)", text, maxsplit=1, flags=re.MULTILINE)
    return (
        f"from nn_bridge.calls.capture import refuse_changed\n{imports}{head}"
        f"    if {changed}:\n        refuse_changed(self, {constants!r})\n{body}"
    )


@cache
def rewritten(base: Any, code: Code) -> type[nn.Module]:
    """The subclass of a module's type that runs this code.

    Parameters
    ----------
    base : type
    code : tuple
        From :func:`code_of`.
    """
    several = tuple(word for name, text in code if name == SEVERAL for word in text.split())
    body: dict[str, Any] = {
        "__doc__": base.__doc__,
        "__module__": base.__module__,
        "__qualname__": base.__qualname__,
        "__reduce_ex__": _reduce,
        "_rewritten": (base, code),
        **{name: _guarded(name, method, several) for name, method in _own_methods(base)},
        **{name: _compiled(base, text) for name, text in code if name != SEVERAL},
    }
    made: type[nn.Module] = type(base.__name__, (base,), body)
    return made


_STEPS = ("training_step", "validation_step", "test_step", "predict_step")
"""Methods of Lightning that compute losses of the network's outputs."""
_LOOPS = ("lightning.", "pytorch_lightning.", "transformers.modeling_utils", "transformers.generation.")
"""Modules of other packages whose classes run networks."""
_OF_LOSSES = ("sigmoid", "tanh", "softplus", "logsigmoid")
"""Functions that losses and scores call too, as they do maxima and absolute values."""


def _own_methods(base: type) -> Iterator[tuple[str, Any]]:
    """Methods that the module's own classes define: their code still calls torch's functions."""
    seen: set[str] = set()
    for kind in base.__mro__:
        if kind.__module__.startswith("torch.nn.modules") or kind is object:
            return
        if kind.__module__.startswith(_LOOPS):  # what runs the network, not what it computes
            continue
        for name, value in vars(kind).items():
            if name not in seen and isinstance(value, FunctionType) and not name.startswith("__"):
                yield name, value
            seen.add(name)


def _guarded(name: str, method: Any, several: tuple[str, ...]) -> Any:
    words = {*method.__code__.co_names}
    moved = [layer for layer in several if words.issuperset(layer.split("."))]

    @wraps(method)
    def guarded(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        interception = installed(self)
        if interception is not None and interception.stack:  # it is answered
            return method(self, *args, **kwargs)
        if moved and name != "forward":
            raise ConversionError(
                f"{type(self).__name__}.{name} runs {moved[0]!r}, which has an interval for each of its runs "
                "in forward: call the network, or move the code into a module with a forward of its own"
            )
        with _Refusing(f"{type(self).__name__}.{name}", of_loss=name in _STEPS):
            return method(self, *args, **kwargs)

    return guarded


class _Refusing(TorchFunctionMode):
    """Refuses a call of an activation: it would be computed as it was before the conversion."""

    def __init__(self, method: str, of_loss: bool = False) -> None:
        super().__init__()
        self.method, self.of_loss = method, of_loss

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if is_answering():
            return func(*args, **kwargs)
        around = taken_apart(func, args, kwargs)
        found = func in CALLABLES or around is not None
        spared = around is not None or CALLABLES.get(func, ("",))[0] in _OF_LOSSES
        if found and not (self.of_loss and spared):
            kind = CALLABLES[func][1] if around is None else around.kind
            raise ConversionError(
                f"{self.method} calls {kind} itself, and only forward was converted: "
                "call the network, or move the code into a module with a forward of its own"
            )
        value = func(*args, **kwargs)
        note(func, args, value)
        return value


def _compiled(base: type, text: str) -> Any:
    name = f"<converted {base.__qualname__} {hashlib.sha256(text.encode()).hexdigest()[:12]}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    namespace: dict[str, Any] = {}
    exec(compile(text, name, "exec"), namespace)  # torch.fx's own text, as in a GraphModule
    return namespace["forward"]


def _reduce(self: nn.Module, protocol: Any) -> tuple[Any, ...]:
    """For copying and pickling: the type is made again from its code."""
    state = cast(Any, self).__getstate__()
    return _blank, cast(Any, self)._rewritten, state


def _blank(base: type[nn.Module], code: Code) -> nn.Module:
    made: nn.Module = object.__new__(rewritten(base, code))  # type: ignore[arg-type]
    return made
