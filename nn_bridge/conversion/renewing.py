"""The ranges of a converted network measured again, and the way back to its own activations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import torch
from torch import nn

from ..calls.answering import remove
from ..calls.functions import Call
from ..ranges.bounds import MARGIN, bounds_of, channel_bounds, read_margin
from ..ranges.calibration import measured_again
from .report import Replacement, Report, replacement_of

Network = TypeVar("Network", bound=nn.Module)


def restore(network: Network) -> Network:
    """Give a converted network its own activations back.

    Parameters
    ----------
    network : nn.Module
        Converted by :func:`nn_bridge.convert`; changed in place. What :func:`nn_bridge.fold` put
        into weights stays there.

    Returns
    -------
    nn.Module
        The network.

    Raises
    ------
    ArgumentError
        If the network is not converted.
    ConversionError
        If it is a copy of a converted torch.fx.GraphModule, which forgets what it was.

    Examples
    --------
    >>> from nn_bridge import convert
    >>> network = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    >>> restore(convert(network, precision=2**-6, interval=4.0))
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): ReLU()
    )
    """
    replacement_of(network)
    remove(network)
    if isinstance(vars(network).get("report"), Report):
        del network.report
    return network


def renew(
    network: Network, loader: Iterable[Any], *, interval: str | None = None, margin: float = MARGIN
) -> Network:
    """Measure the ranges of a converted network again, and use the approximations on them.

    Meant for a network that was trained on after its conversion, or meets other data.
    Corrections of means belong to the old intervals and are forgotten.

    Parameters
    ----------
    network : nn.Module
        Converted by :func:`nn_bridge.convert`; changed in place.
    loader : iterable of Tensor or (Tensor, labels)
        It runs with its own activations meanwhile.
    interval : "per-layer", "global", "per-channel" or "per-channel-shared", optional
        As for :func:`nn_bridge.convert`; by default by channel where it was so, else by layer.
    margin : float
        Measured ranges are multiplied by it.

    Returns
    -------
    nn.Module
        The network.

    Raises
    ------
    ArgumentError, ConversionError

    Examples
    --------
    >>> from nn_bridge import convert
    >>> network = nn.Sequential(nn.Identity(), nn.ReLU())
    >>> converted = convert(network, precision=2**-6, calibrate=[torch.ones(1, 2)])
    >>> renew(converted, [torch.full((1, 2), 8.0)]).report.sites[0].bound
    10.0
    """
    asking, replacement = replacement_of(network)
    read_margin(margin)
    if interval is None:
        interval = "per-channel" if replacement.by_channel else "per-layer"
    channels = interval.startswith("per-channel")
    ranges = measured_again(network, asking, loader, channels=channels)
    bounds, default = bounds_of(interval, ranges.largest, margin)
    by_channel: dict[str, torch.Tensor] = {}
    if channels:
        shared = interval == "per-channel-shared"
        by_channel, notes = channel_bounds(network, ranges, bounds, margin, None, shared)
        replacement.foldings.update(notes)
    _use(replacement, bounds, by_channel)
    replacement.default = replacement.default if default is None else default
    replacement.ranges = ranges
    return network


def _use(
    replacement: Replacement, bounds: dict[str, float], by_channel: dict[str, torch.Tensor]
) -> None:
    """New intervals for the call sites that were reached."""
    replacement.bounds.update(bounds)
    for site in bounds:
        replacement.by_channel.pop(site, None)
        replacement.foldings = {s: t for s, t in replacement.foldings.items() if s != site or by_channel}
    replacement.by_channel.update(by_channel)
    replacement.activations = {s: a for s, a in replacement.activations.items() if s not in bounds}
    replacement.names = {s: n for s, n in replacement.names.items() if s not in bounds}
    known = Call("relu", "not called yet")
    replacement.expect({site: replacement.calls.get(site, known) for site in bounds})
    replacement.warned, replacement.noted = False, 0
