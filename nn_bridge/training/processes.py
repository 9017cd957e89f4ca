# SPDX-License-Identifier: Apache-2.0
"""Several processes on one training (torchrun): one gradient, one batch normalisation."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as distributed
from torch import nn


@dataclass(frozen=True)
class Processes:
    """Which process this is, of how many."""

    rank: int = 0
    count: int = 1

    def share(self, whole: torch.Tensor) -> torch.Tensor:
        """This process's part of a batch."""
        return whole.chunk(self.count)[self.rank] if self.count > 1 else whole

    def average_gradients(self, network: nn.Module) -> None:
        """Each gradient becomes its mean over the processes."""
        if self.count == 1:
            return
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        distributed.all_reduce(flat)
        flat.div_(self.count)
        parts = flat.split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def mean(self, value: float) -> float:
        """The mean of a number over the processes."""
        if self.count == 1:
            return value
        number = torch.tensor(value, dtype=torch.float64)
        distributed.all_reduce(number)
        return float(number) / self.count


@contextmanager
def processes() -> Iterator[Processes]:
    """The processes that torchrun started (one, without it)."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1 or distributed.is_initialized():
        rank = distributed.get_rank() if distributed.is_initialized() else 0
        yield Processes(rank, distributed.get_world_size() if distributed.is_initialized() else 1)
        return
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Processes(distributed.get_rank(), count)
    finally:
        distributed.destroy_process_group()


class _Sum(torch.autograd.Function):
    """Sum over the processes; so is its gradient."""

    @staticmethod
    def forward(ctx: Any, value: torch.Tensor) -> torch.Tensor:
        total = value.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        total = gradients[0].clone()
        distributed.all_reduce(total)
        return total


class _Shared(nn.modules.batchnorm._BatchNorm):
    """Batch normalisation with the mean and variance of the batches of all processes.

    (``torch.nn.SyncBatchNorm`` runs on GPUs alone.)
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape kept."""
        if not self.training:
            return super().forward(x)
        axes = [0, *range(2, x.ndim)]
        shape = (-1, *[1] * (x.ndim - 2))
        values = x.float()
        mean = self._shared(values.mean(axes))
        variance = self._shared((values - mean.view(shape)).square().mean(axes))
        self._track(mean.detach(), variance.detach(), x)
        scale = torch.rsqrt(variance + self.eps)
        scale = scale if self.weight is None else self.weight * scale
        shift = -mean * scale if self.bias is None else self.bias - mean * scale
        return (values * scale.view(shape) + shift.view(shape)).to(x.dtype)

    def _shared(self, moment: torch.Tensor) -> torch.Tensor:
        """Mean over the processes."""
        total: torch.Tensor = _Sum.apply(moment)  # type: ignore[no-untyped-call]
        return total / distributed.get_world_size()

    @torch.no_grad()
    def _track(self, mean: torch.Tensor, variance: torch.Tensor, x: torch.Tensor) -> None:
        if self.running_mean is None or self.running_var is None:
            return
        count = x.numel() / x.shape[1] * distributed.get_world_size()
        momentum = 0.1 if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance * (count / (count - 1)), momentum)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)


class SharedBatchNorm1d(_Shared, nn.BatchNorm1d):
    """Of vectors and sequences."""


class SharedBatchNorm2d(_Shared, nn.BatchNorm2d):
    """Of images."""


class SharedBatchNorm3d(_Shared, nn.BatchNorm3d):
    """Of volumes."""


_SHARED: dict[type[nn.Module], type[nn.Module]] = {
    nn.BatchNorm1d: SharedBatchNorm1d,
    nn.BatchNorm2d: SharedBatchNorm2d,
    nn.BatchNorm3d: SharedBatchNorm3d,
}


def share_batch_norms(network: nn.Module) -> None:
    """Turn the batch normalisations of a network into shared ones, in place."""
    for module in network.modules():
        if type(module) in _SHARED:
            module.__class__ = _SHARED[type(module)]
