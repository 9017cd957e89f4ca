# SPDX-License-Identifier: Apache-2.0
"""Channels that say nothing and whose normalisation enlarges errors: silenced, free under encryption."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..calls.inputs import Batch, feed
from ..calls.running import evaluation_mode, every_batch
from ..conversion.report import replacement_of
from .batch_norms import Exact, known_tensor

LEAST = 0.01
"""A channel says nothing whose values vary by less than this share of what those of its layer do (rms)."""
Moments = dict[str, tuple[torch.Tensor, torch.Tensor]]
"""Mean and variance of each channel of what a batch normalisation gives, by its path."""
Found = dict[str, tuple[torch.Tensor, torch.Tensor]]
"""Which channels are dead, and the mean of each, by path."""


def silence_dead_channels(network: nn.Module, loader: Iterable[Batch]) -> dict[str, list[int]]:
    """Make the channels constant that are so with the exact activations, where errors would grow.

    A channel whose inputs were never above zero has a variance of nothing, and batch normalisation
    divides by its root: up to 300 times larger the error of a polynomial comes out there, where
    ReLU gives a constant. One such channel is enough to throw all later inputs out of their
    intervals. (Weight decay makes the weight of most such channels vanish; those whose gain is no
    larger than that of the layer's other channels stay as they are.) Its weight in the normalisation is set to zero and its bias to the constant that it
    has, so that nothing comes through; the exact network stays as it was, but for a hundredth of
    what the layer's channels vary. Batch normalisation is part of the linear maps: nothing of it
    costs a level or a multiplication.

    Parameters
    ----------
    network : nn.Module
        Converted by :func:`nn_bridge.convert`; changed in place (weights of its batch
        normalisations).
    loader : iterable of Tensor or (Tensor, labels)
        Training images, not augmented: what is constant on all of them is taken to be so.

    Returns
    -------
    dict
        Path of each batch normalisation with dead channels to their indices.

    Raises
    ------
    ArgumentError
        If the network is not converted, or the loader gives no batch.

    Examples
    --------
    >>> from nn_bridge import convert
    >>> network = nn.Sequential(nn.ReLU(), nn.BatchNorm1d(2)).eval()
    >>> network[1].running_var = torch.tensor([1.0, 0.0])        # the second was never above 0
    >>> converted = convert(network, precision=2**-8, interval=1.0)
    >>> x = torch.stack((torch.linspace(-1, 1, 201), torch.linspace(-1, 0, 201)), dim=1)
    >>> before = (converted(x) - network(x)).abs().max()
    >>> silence_dead_channels(converted, [x])
    {'1': [1]}
    >>> after = (converted(x) - network(x)).abs().max()
    >>> bool(after < 2**-8 < 0.1 < before)
    True
    """
    found = find_dead_channels(network, loader)
    silence(network, found)
    return {path: torch.nonzero(dead).flatten().tolist() for path, (dead, _) in found.items()}


def find_dead_channels(network: nn.Module, loader: Iterable[Batch]) -> Found:
    """Which channels :func:`silence_dead_channels` would make constant, and what all channels are on average."""
    interception, replacement = replacement_of(network)
    norms = {
        path: module
        for path, module in network.named_modules()
        if isinstance(module, _BatchNorm) and module.running_mean is not None and module.affine
    }
    images = list(every_batch(network, loader))
    try:
        interception.handler = Exact()
        moments = _moments(network, norms, images)
    finally:
        interception.handler = replacement
    found = {path: (_dead(norms[path], variance), mean) for path, (mean, variance) in moments.items()}
    return {path: (dead, mean) for path, (dead, mean) in found.items() if dead.any()}


@torch.no_grad()
def silence(network: nn.Module, found: Found) -> None:
    """Make channels constant that :func:`find_dead_channels` found in it, or in a copy of it."""
    for path, (dead, mean) in found.items():
        norm: Any = network.get_submodule(path)
        norm.weight[dead] = 0.0
        norm.bias[dead] = mean.to(norm.bias.dtype)[dead]


def _dead(norm: _BatchNorm, variance: torch.Tensor) -> torch.Tensor:
    """Which channels say nothing, and have a larger gain than half of those that do."""
    silent = variance < LEAST**2 * variance.mean()
    scale = (known_tensor(norm.running_var) + norm.eps).sqrt()
    gain = (known_tensor(norm.weight) / scale).abs()
    return silent & (gain > gain[~silent].median()) if silent.any() else silent


def _moments(network: nn.Module, norms: dict[str, _BatchNorm], images: list[Any]) -> Moments:
    """Of all images together."""
    sums: dict[str, list[torch.Tensor]] = {}

    def add(path: str, value: torch.Tensor) -> None:
        rows = value.detach().transpose(0, 1).flatten(1).double()
        count = torch.tensor(float(rows.shape[1]))
        new = [count, rows.sum(1), rows.square().sum(1)]
        sums[path] = [a + b for a, b in zip(sums[path], new, strict=True)] if path in sums else new

    hooks = [
        norm.register_forward_hook(lambda _, __, value, path=path: add(path, value))
        for path, norm in norms.items()
    ]
    try:
        with evaluation_mode(network), torch.no_grad():
            for inputs, _ in images:
                feed(network, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    means = {path: (total / count, squares / count) for path, (count, total, squares) in sums.items()}
    return {path: (m, (s - m.square()).clamp(min=0)) for path, (m, s) in means.items()}
