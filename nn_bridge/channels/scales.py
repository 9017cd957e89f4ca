# SPDX-License-Identifier: Apache-2.0
"""Which values of a network must be scaled alike, channel by channel.

Suppose that every value is stored divided by a scale of its channel. A linear map (convolution,
linear layer, batch normalisation) takes any scales before it and gives any scales after it, by other
weights; ReLU hands on the scale of its input, B·r(x/B) being B times r of what is stored; a sum needs
equal scales; a rearrangement moves them; everything else needs the values themselves. Each element
of each value carries the number of its scale, and numbers that must be equal are joined.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
import torch.fx
from torch import nn

MAPS: tuple[type[nn.Module], ...] = (
    nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d,
)  # fmt: skip
"""Layers whose constants take in scales."""
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_KEEP = (
    nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d,
    nn.AdaptiveAvgPool3d, nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d,
)  # fmt: skip
_MOVE = (nn.Flatten, nn.Unflatten, nn.PixelShuffle, nn.PixelUnshuffle, nn.ChannelShuffle)
_SUMS = ("add", "iadd", "sub", "isub", "subtract")
_PRODUCTS = ("mul", "imul", "multiply", "div", "truediv", "divide", "true_divide")
_AVERAGES = ("mean", "sum")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_POOLS = _words(
    "avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d "
    "dropout neg negative"
)
_CASTS = _words("float double half bfloat16 to type type_as cpu cuda contiguous clone detach")
_LAYOUT = _words(
    "reshape view view_as reshape_as flatten unflatten ravel permute transpose t swapaxes swapdims "
    "movedim moveaxis squeeze unsqueeze cat concat concatenate stack hstack vstack chunk split "
    "tensor_split unbind narrow select getitem expand expand_as repeat tile flip roll pad "
    "pixel_shuffle pixel_unshuffle channel_shuffle"
)


class Classes:
    """Numbers that may be joined; some are grounded: their scale is 1, for a reason.

    Examples
    --------
    >>> classes = Classes()
    >>> a, b = classes.fresh(2).tolist()
    >>> classes.join(a, b)
    >>> classes.ground(torch.tensor([b]), "an output")
    >>> classes.reasons()[classes.find(a)]
    'an output'
    """

    def __init__(self) -> None:
        self.parent = [0]  # number 0 stands for a zero, which has any scale
        self._grounds: list[tuple[int, str]] = []

    def fresh(self, count: int) -> torch.Tensor:
        """New numbers, shape (count,)."""
        first = len(self.parent)
        self.parent.extend(range(first, first + count))
        return torch.arange(first, first + count)

    def find(self, number: int) -> int:
        """The number that stands for all that are joined with it."""
        while self.parent[number] != number:
            self.parent[number] = self.parent[self.parent[number]]
            number = self.parent[number]
        return number

    def join(self, a: int, b: int) -> None:
        """Make two numbers equal (zeros agree with all)."""
        if a and b:
            self.parent[self.find(b)] = self.find(a)

    def join_all(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """Make numbers equal element by element (with broadcasting); the result, without zeros."""
        a, b = torch.broadcast_tensors(a, b)
        size = len(self.parent)
        for pair in (a * size + b).unique().tolist():
            self.join(*divmod(pair, size))
        return torch.where(a == 0, b, a)

    def ground(self, numbers: torch.Tensor, reason: str) -> None:
        """Values that are needed as they are."""
        self._grounds.extend((number, reason) for number in numbers.unique().tolist() if number)

    def reasons(self) -> dict[int, str]:
        """Why a class is grounded, by what :meth:`find` gives."""
        found: dict[int, str] = {}
        for number, reason in self._grounds:
            found.setdefault(self.find(number), reason)
        return found


class ScaleFlow(torch.fx.Interpreter):
    """Runs a network on an example and joins the scales of its values.

    Parameters
    ----------
    graph : torch.fx.GraphModule
    sites : dict
        From :func:`nn_bridge.calls.tracing.trace_sites`.
    explicit : set of str
        Call sites that scale by themselves: they take and give values as they are.

    Attributes
    ----------
    classes : Classes
    by_site : dict of str to Tensor, shape (channels,)
        Numbers of the scales of each ReLU's channels.
    before, after : dict of str to Tensor, shape (channels,)
        Numbers of the scales of each map's inputs and outputs, by module.
    """

    def __init__(
        self,
        graph: torch.fx.GraphModule,
        sites: dict[torch.fx.Node, tuple[str, str]],
        explicit: set[str],
    ) -> None:
        super().__init__(graph)
        self.sites, self.explicit = sites, explicit
        self.classes = Classes()
        self.by_site: dict[str, torch.Tensor] = {}
        self.before: dict[str, torch.Tensor] = {}
        self.after: dict[str, torch.Tensor] = {}
        self._numbers: dict[torch.fx.Node, Any] = {}
        self._tied = _tied(graph)

    def run_node(self, n: torch.fx.Node) -> Any:
        """The value; and the numbers of its scales."""
        values = [self.env[argument] for argument in n.all_input_nodes]
        shapes = [value.shape for value in values if isinstance(value, torch.Tensor)]
        result = super().run_node(n)
        self._numbers[n] = self._flow(n, result, shapes)
        return result

    def _flow(self, node: torch.fx.Node, result: Any, shapes: list[torch.Size]) -> Any:
        if node.op == "output":
            return self._opaque(node, result, "the network gives its value")
        if node in self.sites:
            return self._site(node, result)
        if node.op == "call_module":
            return self._module(node, result)
        if node.op not in ("call_function", "call_method"):
            return self._opaque(node, result, "")
        if not _holds_tensor(result):
            return None
        name = str(getattr(node.target, "__name__", node.target)).strip("_")
        tensors = self._tensors(node)
        if name in _SUMS and len(tensors) == 2 and len(node.args) == 2 and not node.kwargs:
            return self.classes.join_all(*tensors)
        one = len(tensors) == 1 and isinstance(result, torch.Tensor)
        if one and (name in _CASTS or (name in _PRODUCTS and _by_number(node))):
            return tensors[0]
        inside = name in _POOLS or (name in _AVERAGES and _inside_channels(node, shapes[0]))
        if one and inside and result.ndim > 1:
            return self._kept(tensors[0], result)
        if name in _LAYOUT and not (name == "pad" and _fills(node)):
            return self._moved(node)
        return self._opaque(node, result, f"{name} needs it as it is")

    def _site(self, node: torch.fx.Node, result: torch.Tensor) -> torch.Tensor:
        site, name = self.sites[node]
        if name != "relu":
            return cast("torch.Tensor", self._opaque(node, result, f"{site} ({name}) needs it as it is"))
        if site in self.explicit:
            return cast("torch.Tensor", self._opaque(node, result, f"{site} scales by itself"))
        (numbers,) = self._tensors(node)
        self.by_site[site] = self._channels(numbers, self.by_site.get(site))
        return _spread(self.by_site[site], result)

    def _module(self, node: torch.fx.Node, result: Any) -> Any:
        path = str(node.target)
        module = self.fetch_attr(path)
        kind = type(module)
        tensors = self._tensors(node)
        if len(tensors) != 1 or not isinstance(result, torch.Tensor):
            return self._opaque(node, result, f"{path or kind.__name__} needs it as it is")
        (numbers,) = tensors
        if isinstance(module, _KEEP) and result.ndim > 1:
            return self._kept(numbers, result)
        if isinstance(module, _MOVE):
            return module(numbers.double()).long()
        if kind in MAPS and path not in self._tied and _fits(module, numbers):
            last = isinstance(module, nn.Linear)
            self.before[path] = self._channels(
                numbers.movedim(-1, 1) if last else numbers, self.before.get(path)
            )
            if path not in self.after:
                outputs = result.shape[-1] if last else result.shape[1]
                self.after[path] = self.classes.fresh(outputs)
            return (
                self.after[path].expand(result.shape) if last
                else _spread(self.after[path], result)
            )  # fmt: skip
        return self._opaque(node, result, f"{path} ({kind.__name__}) needs it as it is")

    def _channels(self, numbers: torch.Tensor, known: torch.Tensor | None) -> torch.Tensor:
        """One number a channel, joined with all in it."""
        count = numbers.shape[1] if numbers.ndim > 1 else 1
        found = self.classes.fresh(count) if known is None else known
        self.classes.join_all(_spread(found, numbers), numbers)
        return found

    def _kept(self, numbers: torch.Tensor, result: torch.Tensor) -> torch.Tensor:
        """Values are mixed within channels only."""
        return _spread(self._channels(numbers, None), result)

    def _moved(self, node: torch.fx.Node) -> Any:
        """The same rearrangement of the numbers."""
        call: Callable[..., Any] = getattr(self, node.op)

        def number(other: torch.fx.Node) -> Any:
            found = self._numbers.get(other)
            if isinstance(found, torch.Tensor):
                return found.contiguous()
            return self.env[other] if found is None else found

        args = torch.fx.node.map_arg(node.args, number)
        kwargs = torch.fx.node.map_arg(node.kwargs, number)
        return call(node.target, args, kwargs)

    def _opaque(self, node: torch.fx.Node, result: Any, reason: str) -> Any:
        """Inputs are needed as they are, and so is the result."""
        for numbers in self._tensors(node):
            self.classes.ground(numbers, reason)

        def grounded(value: Any) -> Any:
            if isinstance(value, (tuple, list)):
                return tuple(grounded(one) for one in value)
            if not isinstance(value, torch.Tensor):
                return None
            fresh = self.classes.fresh(1)
            what = "the network's input" if node.op == "placeholder" else f"what {node.name} gives"
            self.classes.ground(fresh, f"{what} is not scaled")
            return fresh.expand(value.shape)

        return grounded(result)

    def _tensors(self, node: torch.fx.Node) -> list[torch.Tensor]:
        """Numbers of the tensors that a node takes."""
        found: list[torch.Tensor] = []

        def collect(value: Any) -> None:
            if isinstance(value, torch.Tensor):
                found.append(value)
            elif isinstance(value, (tuple, list)):
                for one in value:
                    collect(one)

        for argument in node.all_input_nodes:
            collect(self._numbers.get(argument))
        return found


def _spread(numbers: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Numbers by channel (axis 1) in the shape of a tensor."""
    if like.ndim < 2:
        return numbers.expand(like.shape)
    return numbers.view(1, -1, *[1] * (like.ndim - 2)).expand(like.shape)


def _fits(module: nn.Module, numbers: torch.Tensor) -> bool:
    """Whether channels are where a map expects them, and its constants can take in scales."""
    if hasattr(module, "parametrizations"):
        return False
    if isinstance(module, nn.Linear):
        return numbers.ndim > 1
    if isinstance(module, _NORMS):
        return bool(module.affine and module.track_running_stats and numbers.ndim > 1)
    return numbers.ndim == module.weight.ndim


def _tied(graph: torch.fx.GraphModule) -> set[str]:
    """Modules whose weights others use too."""
    owners: dict[int, set[str]] = {}
    for path, module in graph.named_modules():
        for parameter in module._parameters.values():
            if parameter is not None:
                owners.setdefault(id(parameter), set()).add(path)
    tied = {path for paths in owners.values() if len(paths) > 1 for path in paths}
    read = {str(node.target).rpartition(".")[0] for node in graph.graph.nodes
            if node.op == "get_attr"}  # fmt: skip
    return tied | read


def _holds_tensor(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return any(_holds_tensor(one) for one in value)
    return isinstance(value, torch.Tensor)


def _by_number(node: torch.fx.Node) -> bool:
    """Whether a product or quotient of one tensor is by a number (and not by the tensor itself)."""
    if node.kwargs or len(node.args) != 2 or node.args[0] is node.args[1]:
        return False
    product = "mul" in str(getattr(node.target, "__name__", node.target))
    return product or isinstance(node.args[0], torch.fx.Node)


def _inside_channels(node: torch.fx.Node, shape: torch.Size) -> bool:
    """Whether a mean or sum is over axes behind the channels."""
    axes = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else None)
    if isinstance(axes, int):
        axes = (axes,)
    good = isinstance(axes, (tuple, list)) and all(isinstance(axis, int) for axis in axes)
    return good and all(axis % len(shape) > 1 for axis in axes)  # type: ignore[operator,union-attr]


def _fills(node: torch.fx.Node) -> bool:
    """Whether a pad fills with other things than zeros."""
    mode = node.kwargs.get("mode", node.args[2] if len(node.args) > 2 else "constant")
    value = node.kwargs.get("value", node.args[3] if len(node.args) > 3 else None)
    return mode != "constant" or bool(value)
