# SPDX-License-Identifier: Apache-2.0
"""The ranges of a converted network measured again, and the way back to its own activations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from torch import nn

from ..calls.answering import remove
from ..calls.functions import Call
from ..calls.inputs import Batch
from ..ranges.bounds import MARGIN, Bounds, by_channel, network_bounds, read_margin
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
    network: Network, loader: Iterable[Batch], *, interval: str | None = None, margin: float = MARGIN
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
    >>> import torch
    >>> from nn_bridge import convert
    >>> network = nn.Sequential(nn.Identity(), nn.ReLU())
    >>> converted = convert(network, precision=2**-6, calibrate=[torch.ones(1, 2)])
    >>> renew(converted, [torch.full((1, 2), 8.0)]).report.sites[0].bound
    10.0
    """
    asking, replacement = replacement_of(network)
    read_margin(margin)
    if interval is None:
        interval = "per-channel" if replacement.bounds.channels else "per-layer"
    ranges = measured_again(network, asking, loader, channels=by_channel(interval))
    _use(replacement, network_bounds(network, ranges, interval, margin))
    replacement.ranges = ranges
    return network


def _use(replacement: Replacement, bounds: Bounds) -> None:
    """New intervals for the call sites that were reached."""
    new = bounds.layers
    replacement.bounds = replacement.bounds.renewed(bounds)
    replacement.activations = {s: a for s, a in replacement.activations.items() if s not in new}
    replacement.names = {s: n for s, n in replacement.names.items() if s not in new}
    known = Call("relu", "not called yet")
    replacement.expect({site: replacement.calls.get(site, known) for site in new})
    replacement.warned, replacement.noted = False, 0
