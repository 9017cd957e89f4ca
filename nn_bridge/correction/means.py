# SPDX-License-Identifier: Apache-2.0
"""Subtracting the mean error of each channel: costs one plaintext addition, gains bits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from ..calls.functions import Call
from ..calls.handlers import ReluOnly
from ..calls.inputs import Batch, feed
from ..calls.running import evaluation_mode, every_batch
from ..conversion.report import Replacement, replacement_of


class MeanErrors(ReluOnly):
    """Answers ReLU calls by corrected polynomials, and keeps the mean error of each channel.

    Each batch is corrected by its own means, so that a layer sees inputs that are already
    corrected, as it will later.
    """

    def __init__(self, replacement: Replacement) -> None:
        self.replacement = replacement
        self.rows: int | None = None  # where the value of the linear layer that ran last is
        self.sums: dict[str, torch.Tensor] = {}
        self.counts: dict[str, torch.Tensor] = {}

    def linear_ran(self, module: nn.Module, args: Any, output: torch.Tensor) -> None:
        """Channels of what a linear layer gives are on its last axis."""
        self.rows = output.data_ptr()

    def relu(self, site: str, kind: str, x: torch.Tensor, in_place: bool) -> torch.Tensor:
        """The polynomial, less its mean error on this batch."""
        activation = self.replacement.find(site, Call("relu", kind), x.shape)
        value = activation(x)
        limits = activation.limits(x)
        inside = x.clamp(-limits, limits)
        error = activation(inside) - inside.clamp(min=0)
        axes = channel_axes(x, -1 if x.data_ptr() == self.rows else 1)
        count = error.isfinite().sum(dim=axes, keepdim=True)  # an image that explodes is not counted
        mean = error.double().nansum(dim=axes, keepdim=True) / count.clamp(min=1)
        self.sums[site] = self.sums.get(site, 0.0) + count * mean
        self.counts[site] = self.counts.get(site, 0) + count
        value = value - mean.to(value.dtype)
        return x.copy_(value) if in_place else value


def channel_axes(x: torch.Tensor, channels: int = 1) -> list[int]:
    """All axes but the channels' (axis 1, or the last; a vector has none)."""
    return [axis for axis in range(x.ndim) if axis != channels % max(x.ndim, 2)]


def correct_means(network: nn.Module, loader: Iterable[Batch]) -> dict[str, torch.Tensor]:
    """Measure the mean error of each channel of a converted network, and subtract it from now on.

    The error of a polynomial is not noise: most inputs of a layer are near 0, where it has one
    sign, and the sums of the next layer add it up. Its mean is a constant of each channel and
    can be taken out by a plaintext addition, which uses no level and no multiplication (bias
    correction, as for quantised networks: Nagel et al., ICCV 2019, arXiv 1906.04721, section 4.2).

    Parameters
    ----------
    network : nn.Module
        Converted by :func:`nn_bridge.convert`; changed in place.
    loader : iterable of Tensor or (Tensor, labels)
        Batches should be large: each is corrected by its own means.

    Returns
    -------
    dict
        Call site to the mean errors, shaped to broadcast over its inputs. Channels are on axis 1,
        of what a linear layer gives on its last axis: (batch, tokens, channels).

    Raises
    ------
    ArgumentError
        If the loader gives no batch, or the network is not converted.

    Examples
    --------
    >>> from nn_bridge import convert
    >>> network = convert(nn.Sequential(nn.ReLU()), precision=2**-5, interval=1.0)
    >>> x = torch.linspace(-1, 1, 201).reshape(-1, 1)
    >>> before = (network(x) - x.clamp(min=0)).mean()
    >>> means = correct_means(network, [x])
    >>> after = (network(x) - x.clamp(min=0)).mean()
    >>> bool(abs(after) < 1e-6 < abs(before))
    True
    """
    interception, replacement = replacement_of(network)
    for activation in replacement.activations.values():
        activation.correction = None
    measured = MeanErrors(replacement)
    interception.handler = measured
    hooks = [
        module.register_forward_hook(measured.linear_ran)
        for module in network.modules()
        if isinstance(module, nn.Linear)
    ]
    try:
        with evaluation_mode(network), torch.no_grad():
            for inputs, _ in every_batch(network, loader):
                feed(network, inputs)
    finally:
        interception.handler = replacement
        for hook in hooks:
            hook.remove()
    corrections = {
        site: (total / measured.counts[site].clamp(min=1)).to(torch.float64)
        for site, total in measured.sums.items()
    }
    for site, correction in corrections.items():
        activation = replacement.activations[site]
        activation.correction = correction
        activation.reset()
    return corrections
