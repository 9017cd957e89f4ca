"""Measuring the range of the input of each activation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from .batches import batches
from .errors import ConversionError
from .functions import Call
from .intercept import ReluOnly, intercepted


class _Missed(TorchDispatchMode):
    """Notices a ReLU that reaches torch's kernels: it was not intercepted on its way."""

    def __init__(self) -> None:
        super().__init__()
        self.found = False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func.overloadpacket in (torch.ops.aten.relu, torch.ops.aten.relu_):
            self.found = True
        return func(*args, **(kwargs or {}))


class Measurement(ReluOnly):
    """Computes what is called and keeps the largest |input| of each call site, in order of call."""

    def __init__(self) -> None:
        self.largest: dict[str, float] = {}
        self.calls: dict[str, Call] = {}

    def activation(
        self, site: str, call: Call, x: torch.Tensor, exact: Callable[[], torch.Tensor]
    ) -> torch.Tensor:
        """The exact value."""
        self.calls.setdefault(site, call)
        largest = 0.0
        if x.numel():
            low, high = torch.aminmax(x.detach())
            largest = float(torch.maximum(-low, high))
        if not math.isfinite(largest):
            raise ConversionError(
                f"{site} got an input that is not finite while calibrating: check the network and "
                "the data"
            )
        self.largest[site] = max(self.largest.get(site, 0.0), largest)
        if call.name != "relu":
            return exact()
        return x.clamp_(min=0) if call.in_place else x.clamp(min=0)


def calibrate(model: nn.Module, loader: Iterable[Any]) -> dict[str, float]:
    """Largest |input| of each activation and max-pool of a network over a loader.

    The network runs in evaluation mode, without gradients, and is left as it was.

    Parameters
    ----------
    model : nn.Module
    loader : iterable of Tensor or (Tensor, labels)

    Returns
    -------
    dict
        Call site to largest |input|, in order of first call. Call sites are named as explained
        in :mod:`nn_bridge.intercept`.

    Raises
    ------
    ArgumentError
        If the loader gives no batch.
    ConversionError
        If the network holds compiled code, is converted already, or an input is not finite.

    Examples
    --------
    >>> network = nn.Sequential(nn.Flatten(), nn.ReLU())
    >>> calibrate(network, [torch.tensor([[-3.0, 2.0]]), torch.tensor([[1.0, 4.0]])])
    {'1': 4.0}
    """
    return measure(model, loader).largest


def measure(model: nn.Module, loader: Iterable[Any]) -> Measurement:
    """As :func:`calibrate`, with each call too."""
    measurement = Measurement()
    with _Missed() as missed, intercepted(model, measurement), torch.no_grad():
        for inputs, _ in batches(model, loader):
            model(inputs)
            if missed.found:
                raise ConversionError(
                    "the network computes a ReLU in compiled code, where it cannot be replaced: "
                    "use the network before torch.jit.script or torch.compile"
                )
    return measurement
