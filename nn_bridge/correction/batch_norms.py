# SPDX-License-Identifier: Apache-2.0
"""Correcting batch normalisation for the errors of polynomials: free under encryption."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..calls.functions import Call
from ..calls.handlers import ReluOnly
from ..calls.inputs import Batch, feed
from ..calls.running import evaluation_mode, every_batch
from ..conversion.report import Replacement, replacement_of
from ..errors import ArgumentError

Statistics = dict[str, tuple[torch.Tensor, torch.Tensor]]
"""Mean and variance of each channel, by path of the batch normalisation."""


class Exact(ReluOnly):
    """Answers every call by torch itself."""

    def activation(
        self, site: str, call: Call, x: torch.Tensor, exact: Callable[[], torch.Tensor]
    ) -> torch.Tensor:
        """Torch's value."""
        return exact()


def correct_batch_norms(network: nn.Module, loader: Iterable[Batch]) -> dict[str, float]:
    """Move the running statistics of batch normalisation by what the polynomials change in them.

    The error of a polynomial is not noise: most inputs of a layer are near 0, where it has one
    sign, so means and variances of the channels of the next layers move, and the normalisation no
    longer fits. Statistics are measured twice on the same images, with the exact activations and
    with the polynomials (each batch normalised by its own, so that a layer sees what it will see
    when those before are corrected); means move by the difference, variances by the ratio. So a
    precise polynomial changes nothing, and the original statistics, of all training images and
    their augmentation, stay in force. Inputs outside their interval are moved to its end meanwhile.
    Batch normalisation is part of the linear maps: nothing of it costs a level or a multiplication.

    Parameters
    ----------
    network : nn.Module
        Converted by :func:`nn_bridge.convert`; changed in place (its buffers).
    loader : iterable of Tensor or (Tensor, labels)
        Training images, not augmented; batches of a hundred images or more.

    Returns
    -------
    dict
        Path of each batch normalisation to the largest move of a mean, in standard deviations.

    Raises
    ------
    ArgumentError
        If the network is not converted, has no batch normalisation with running statistics, or
        the loader gives no batch.

    Examples
    --------
    >>> from nn_bridge import convert
    >>> network = nn.Sequential(nn.ReLU(), nn.BatchNorm1d(1, momentum=1.0))
    >>> x = torch.linspace(-1, 1, 201).reshape(-1, 1)
    >>> y = network(x)                       # in training: takes the statistics in
    >>> network = network.eval()
    >>> converted = convert(network, precision=2**-4, interval=1.0)
    >>> before = converted(x).mean() - network(x).mean()
    >>> moves = correct_batch_norms(converted, [x])
    >>> after = converted(x).mean() - network(x).mean()
    >>> bool(abs(after) < 1e-6 < abs(before))
    True
    """
    interception, replacement = replacement_of(network)
    norms = {
        path: module
        for path, module in network.named_modules()
        if isinstance(module, _BatchNorm) and module.running_mean is not None
    }
    if not norms:
        raise ArgumentError(
            "the network has no batch normalisation with running statistics: use "
            "nn_bridge.correct_means"
        )
    images = list(every_batch(network, loader))
    try:
        interception.handler = Exact()
        exact = _statistics(network, norms, images)
    finally:
        interception.handler = replacement
    with _clamped(replacement):
        changed = _statistics(network, norms, images)
    for activation in replacement.activations.values():
        activation.reset()
    return {path: _move(norms[path], exact[path], changed[path]) for path in norms}


@contextmanager
def _clamped(replacement: Replacement) -> Iterator[None]:
    """Inputs outside move to the ends for a while: one image that explodes would spoil a mean."""
    kept = {site: activation.outside for site, activation in replacement.activations.items()}
    policy, replacement.outside = replacement.outside, "clamp"
    for activation in replacement.activations.values():
        activation.outside = "clamp"
    try:
        yield
    finally:
        replacement.outside = policy
        for site, activation in replacement.activations.items():
            activation.outside = kept.get(site, policy)


def _statistics(network: nn.Module, norms: dict[str, _BatchNorm], images: list[Any]) -> Statistics:
    """Averages over the batches, each normalised by its own statistics."""
    kept = {
        path: (norm.running_mean, norm.running_var, norm.num_batches_tracked, norm.momentum)
        for path, norm in norms.items()
    }
    try:
        with evaluation_mode(network), torch.no_grad():
            for norm in norms.values():
                norm.running_mean = torch.zeros_like(norm.running_mean)  # type: ignore[arg-type]
                norm.running_var = torch.ones_like(norm.running_var)  # type: ignore[arg-type]
                norm.num_batches_tracked = torch.tensor(0, device=norm.running_mean.device)
                norm.momentum = None  # plain averages
                norm.train()
            for inputs, _ in images:
                feed(network, inputs)
        return {
            path: (known_tensor(n.running_mean), known_tensor(n.running_var)) for path, n in norms.items()
        }
    finally:
        for path, norm in norms.items():
            norm.running_mean, norm.running_var, norm.num_batches_tracked, norm.momentum = kept[
                path
            ]


def _move(
    norm: _BatchNorm,
    exact: tuple[torch.Tensor, torch.Tensor],
    changed: tuple[torch.Tensor, torch.Tensor],
) -> float:
    """Correct one batch normalisation; the largest move of a mean in standard deviations."""
    mean, variance = known_tensor(norm.running_mean), known_tensor(norm.running_var)
    move = changed[0] - exact[0]
    ratio = torch.where(exact[1] > 0, changed[1] / exact[1], torch.ones_like(variance))
    deviations = move.abs() / (variance + norm.eps).sqrt()
    norm.running_mean, norm.running_var = mean + move, variance * ratio
    return float(deviations.max())


def known_tensor(value: torch.Tensor | None) -> torch.Tensor:
    """A copy of a statistic or weight that the module has."""
    if value is None:  # excluded where the modules are chosen
        raise ArgumentError("batch normalisation has no running statistics")
    return value.detach().clone()
