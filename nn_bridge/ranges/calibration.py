# SPDX-License-Identifier: Apache-2.0
"""Measuring the ranges of the inputs of activations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from polyapprox.words import counted

from ..calls.answering import Answering
from ..calls.functions import Call
from ..calls.handlers import ReluOnly
from ..calls.inputs import Batch, first_tensor
from ..calls.intercept import intercepted
from ..calls.operations import ADVICE, HIDING
from ..calls.running import check_weights, evaluation_mode, every_batch, run
from ..errors import ArgumentError, ConversionError
from .ranges import BINS, Ranges, SiteRange


class _Missed(TorchDispatchMode):
    """Notices a ReLU that reaches torch's kernels: it was not intercepted on its way."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found = False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func.overloadpacket in (torch.ops.aten.relu, torch.ops.aten.relu_):
            self.found = True
        return func(*args, **(kwargs or {}))


class Measurement(ReluOnly):
    """Computes what is called and keeps the range of each call site, in order of call.

    Parameters
    ----------
    by_channel : bool
        Whether channels are told apart.
    bins : int
        Of the histograms; 0 for none.
    """

    def __init__(self, by_channel: bool, bins: int) -> None:
        self.by_channel, self.bins = by_channel, bins
        self.sites: dict[str, SiteRange] = {}
        self.inside = ""

    def other(
        self, path: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Note what hides its activations."""
        name = getattr(function, "__name__", "")
        if name in HIDING:
            self.inside = f"{path or 'the network'} calls {name}, in which nothing can be replaced: {ADVICE[name]}"

    def activation(
        self, site: str, call: Call, x: torch.Tensor, exact: Callable[[], torch.Tensor]
    ) -> torch.Tensor:
        """The exact value."""
        found = SiteRange.of(call, x, self.by_channel, self.bins)
        if not bool((torch.isfinite(found.low) & torch.isfinite(found.high)).all()):
            raise ConversionError(
                f"{site} got an input that is not finite while calibrating: check the network and "
                "the data"
            )
        known = self.sites.get(site)
        if known is not None and known.channels != found.channels:
            raise ConversionError(
                f"{site} got {counted(known.channels, 'channel')}, then {found.channels}: measure with "
                "channels=False, or with inputs of one shape"
            )
        self.sites[site] = found if known is None else known.merged(found)
        if call.name != "relu":
            return exact()
        return x.clamp_(min=0) if call.in_place else x.clamp(min=0)


def calibrate(model: nn.Module, loader: Iterable[Batch]) -> dict[str, float]:
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
        in :mod:`nn_bridge.calls.intercept`.

    Raises
    ------
    ArgumentError, ConversionError
        As :func:`measure` does.

    Examples
    --------
    >>> network = nn.Sequential(nn.Flatten(), nn.ReLU())
    >>> calibrate(network, [torch.tensor([[-3.0, 2.0]]), torch.tensor([[1.0, 4.0]])])
    {'1': 4.0}
    """
    return measure(model, loader, bins=0).largest


def measure(
    model: nn.Module, loader: Iterable[Batch], *, channels: bool = False, bins: int = BINS
) -> Ranges:
    """Smallest and largest input, quantiles and histogram of each activation, in one pass.

    Parameters
    ----------
    model : nn.Module
        Runs in evaluation mode, without gradients, and is left as it was.
    loader : iterable of Tensor or (Tensor, labels)
    channels : bool
        Tell channels apart: axis 1 of each input.
    bins : int
        Of each histogram: a power of two, or 0 for none (which is several times faster).

    Returns
    -------
    Ranges

    Raises
    ------
    ArgumentError
        If the loader gives no batch, or one that the network cannot take, or `bins` cannot be used.
    ConversionError
        If the network holds compiled code, is converted already, or a weight, a batch or an input
        of an activation is not finite.

    Examples
    --------
    >>> network = nn.Sequential(nn.Flatten(), nn.ReLU())
    >>> batches = [torch.tensor([[-3.0, 2.0]]), torch.tensor([[1.0, 4.0]])]
    >>> ranges = measure(network, batches, channels=True)
    >>> ranges.largest, ranges.per_channel["1"].tolist()
    ({'1': 4.0}, [3.0, 4.0])
    """
    if bins and (bins < 2 or bins & (bins - 1)):
        raise ArgumentError(f"bins is {bins!r}: give a power of two, such as {BINS}, or 0")
    check_weights(model, "calibrating")
    measurement = Measurement(channels, bins)
    shape: tuple[int, ...] = ()
    with _Missed() as missed, intercepted(model, measurement), torch.no_grad():
        for number, (inputs, _) in enumerate(every_batch(model, loader), 1):
            run(model, inputs, number, "calibrating")
            shape = tuple(first_tensor(inputs).shape[1:])
            if missed.found:
                raise ConversionError(
                    measurement.inside
                    or "the network computes a ReLU in compiled code, where it cannot be replaced: "
                    "use the network before torch.jit.script or torch.compile"
                )
    return Ranges(measurement.sites, shape)


def measured_again(
    network: nn.Module, asking: Answering, loader: Iterable[Batch], channels: bool = False, bins: int = 0
) -> Ranges:
    """Ranges of a network whose calls are answered, of its exact activations.

    Parameters
    ----------
    network : nn.Module
        Runs in evaluation mode, without gradients.
    asking : Switch or Interception
        What asks the handler of its calls.
    loader : iterable
    channels : bool
        Tell channels apart.
    bins : int
        Of each histogram; 0 for none.

    Raises
    ------
    ArgumentError, ConversionError
        As :func:`measure` does.
    """
    check_weights(network, "calibrating")
    measurement = Measurement(by_channel=channels, bins=bins)
    shape: tuple[int, ...] = ()
    home, asking.handler = asking.handler, measurement
    try:
        with evaluation_mode(network), torch.no_grad():
            for number, (inputs, _) in enumerate(every_batch(network, loader), 1):
                run(network, inputs, number, "calibrating")
                shape = tuple(first_tensor(inputs).shape[1:])
    finally:
        asking.handler = home
    return Ranges(measurement.sites, shape)
