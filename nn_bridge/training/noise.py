"""NGNV: random noise for the negative inputs of ReLU, cheap enough to be drawn at every step.

arXiv 2402.11224 trains with noise on the negative part of ReLU's inputs, since there ReLU is flat
and its polynomial is not; what noise, how large and where it is added are choices of ours.
"""

from __future__ import annotations

import torch

from ..evaluator import Evaluator
from .configuration import Noise

_POOL = 1 << 22


class NoisePool:
    """Random numbers drawn once, and cut out at random places: as good, and nearly free.

    Parameters
    ----------
    kind : {"uniform", "gaussian"}
        Uniform on [−1, 1], or standard normal.
    seed : int
    device : torch.device
    """

    def __init__(self, kind: str, seed: int, device: torch.device | str = "cpu") -> None:
        generator = torch.Generator().manual_seed(seed)
        if kind == "uniform":
            pool = torch.rand(_POOL, generator=generator).mul_(2).sub_(1)
        else:
            pool = torch.randn(_POOL, generator=generator)
        self.pool = pool.to(device)

    def cut(
        self, shape: torch.Size, generator: torch.Generator, rank: int = 0, processes: int = 1
    ) -> torch.Tensor:
        """Numbers for a tensor: those of process `rank`, where each has as large a part."""
        size = shape.numel()
        whole = size * processes
        if whole > len(self.pool):
            times = -(-whole // len(self.pool))
            self.pool = self.pool.repeat(times)
        start = int(torch.randint(len(self.pool) - whole + 1, (), generator=generator))
        start += rank * size
        return self.pool[start : start + size].view(shape)


def noisy_relu(x: torch.Tensor, noise: torch.Tensor, place: str) -> torch.Tensor:
    """ReLU with noise where x ≤ 0; the derivative is that of ReLU of what it is applied to.

    Examples
    --------
    >>> x, noise = torch.tensor([-1.0, 2.0]), torch.tensor([0.5, 0.5])
    >>> noisy_relu(x, noise, "after"), noisy_relu(x, 3 * noise, "before")
    (tensor([0.5000, 2.0000]), tensor([0.5000, 2.0000]))
    """
    if place == "before":
        return torch.where(x > 0, x, x + noise).clamp(min=0)
    return torch.where(x > 0, x, noise)


def random_noise(
    x: torch.Tensor,
    noise: Noise,
    size: float,
    pool: NoisePool,
    generator: torch.Generator,
    rank: int = 0,
    processes: int = 1,
) -> torch.Tensor:
    """Noise of a size (absolute) for the inputs x of a call site."""
    shape = x.shape
    if noise.each == "channel":
        shape = torch.Size([*x.shape[:2], *([1] * (x.dim() - 2))])
    return pool.cut(shape, generator, rank, processes).to(x.dtype) * size


def actual_error(x: torch.Tensor, evaluator: Evaluator, bound: float) -> torch.Tensor:
    """Error of the approximation at negative inputs (moved into [−B, B]): its value there."""
    with torch.no_grad():
        inside = x.detach().clamp(-bound, 0)
        value = torch.empty_like(inside)
        evaluator.write(inside, bound, value)
        return value
