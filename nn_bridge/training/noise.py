# SPDX-License-Identifier: Apache-2.0
"""NGNV: random noise for the negative inputs of ReLU, cheap enough to be drawn at every step.

arXiv 2402.11224 trains with noise on the negative part of ReLU's inputs, since there ReLU is flat
and its polynomial is not; what noise, how large and where it is added are choices of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast

import torch

from ..activations.evaluator import COMPILE, Evaluator, from_memory_order, in_memory_order
from ..activations.kernel import compiled_noise, supports
from .configuration import Noise

_POOL = 1 << 22
_DRAW: dict[str, Callable[[int, torch.Generator], torch.Tensor]] = {
    "uniform": lambda size, seeded: torch.rand(size, generator=seeded).mul_(2).sub_(1),
    "gaussian": lambda size, seeded: torch.randn(size, generator=seeded),
}


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
        self.pool = _DRAW[kind](_POOL, generator).to(device)

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


def noisy_relu(
    x: torch.Tensor,
    noise: torch.Tensor,
    place: str,
    size: float = 1.0,
    side: str = "negative",
) -> torch.Tensor:
    """ReLU with size · noise on a side of 0 (0 is negative), added before it or after it.

    The derivative is that of ReLU of what it is applied to.

    Examples
    --------
    >>> x, noise = torch.tensor([-1.0, 2.0]), torch.tensor([0.5, 0.5])
    >>> noisy_relu(x, noise, "after"), noisy_relu(x, noise, "before", 3.0)
    (tensor([0.5000, 2.0000]), tensor([0.5000, 2.0000]))
    >>> noisy_relu(x, noise, "after", side="both")
    tensor([0.5000, 2.5000])
    """
    if place == "before":
        return cast(torch.Tensor, _NoiseBefore.apply(x, noise, size, side))  # type: ignore[no-untyped-call]
    if side == "negative":
        return cast(torch.Tensor, _NoiseBelow.apply(x, noise, size))  # type: ignore[no-untyped-call]
    added = size * noise.to(x.dtype)
    if side == "positive":
        added = torch.where(x.detach() > 0, added, torch.zeros_like(added))
    return torch.relu(x) + added


class _NoiseBefore(torch.autograd.Function):
    """ReLU of x + size · noise, the noise on one side or both; passes the gradient where it is > 0.

    One pass forward and one backward beside those of ReLU: only the result is kept.
    """

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, noise: torch.Tensor, size: float, side: str
    ) -> torch.Tensor:
        result = _in_one_pass("lifted", x, noise, size) if side == "negative" else None
        if result is None:
            result = torch.add(x, noise.to(x.dtype), alpha=size)
            if side != "both":
                kept, changed = (x, result) if side == "negative" else (result, x)
                result = torch.where(x > 0, kept, changed)
            result.clamp_(min=0)
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        return relu_backward(gradients[0], *ctx.saved_tensors), None, None, None


class _NoiseBelow(torch.autograd.Function):
    """x where it is positive, else size · noise; the derivative of ReLU."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, noise: torch.Tensor, size: float) -> torch.Tensor:
        ctx.save_for_backward(x)
        result = _in_one_pass("noise", x, noise, size)
        return torch.where(x > 0, x, size * noise.to(x.dtype)) if result is None else result

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return relu_backward(gradients[0], *ctx.saved_tensors), None, None


def _in_one_pass(
    name: Literal["noise", "lifted"], x: torch.Tensor, noise: torch.Tensor, size: float
) -> torch.Tensor | None:
    """By a function of the compiled kernel, where it can."""
    result = torch.empty_like(x)
    ordered, target = in_memory_order(x, x), in_memory_order(result, x)
    values = in_memory_order(noise, x)
    whole = values.shape == ordered.shape and values.is_contiguous()
    large = x.numel() >= COMPILE and x.dtype != torch.float64
    kernel = compiled_noise() if whole and large and supports(ordered, target) else None
    if kernel is None:
        return None
    getattr(kernel, name)(ordered, values, target, size)
    return result


class _ErrorBelow(torch.autograd.Function):
    """x where it is positive, else the approximation's error, scaled; the derivative of ReLU."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, evaluator: Evaluator, bound: float, strength: float
    ) -> torch.Tensor:
        ctx.save_for_backward(x)
        return evaluator.below(x, bound, strength)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        return relu_backward(gradients[0], *ctx.saved_tensors), None, None, None


def relu_backward(gradient: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The gradient where x is positive, else 0: in one pass."""
    return cast("torch.Tensor", torch.ops.aten.threshold_backward(gradient, x, 0))


def random_noise(
    x: torch.Tensor,
    noise: Noise,
    pool: NoisePool,
    generator: torch.Generator,
    rank: int = 0,
    processes: int = 1,
) -> torch.Tensor:
    """Noise of size 1 for the inputs x of a call site, in the order that x has in memory."""
    rest = [1] * (x.dim() - 2)
    if noise.each == "channel":
        drawn = pool.cut(torch.Size([*x.shape[:2], *rest]), generator, rank, processes)
    else:
        ordered = in_memory_order(x, x)
        drawn = from_memory_order(pool.cut(ordered.shape, generator, rank, processes), x)
    if noise.mean:  # the same in all processes
        drawn = drawn + noise.mean * pool.cut(torch.Size([1, x.shape[1], *rest]), generator)
    return drawn


def erring_relu(
    x: torch.Tensor,
    evaluator: Evaluator,
    bound: float,
    place: str,
    strength: float = 1.0,
    side: str = "negative",
) -> torch.Tensor:
    """ReLU with the error of an approximation, at inputs moved into [−B, B].

    Its error at negative inputs is its value there.
    """
    if side != "negative":
        inside = x.detach().float().clamp(-bound, bound)
        value = torch.empty_like(inside)
        evaluator.write(inside, bound, value)
        return noisy_relu(x, value - inside.clamp(min=0), place, strength, side)
    if place == "before":
        error = evaluator.below(x.detach().clamp(max=0), bound, strength)
        return noisy_relu(x, error, place)
    return cast(torch.Tensor, _ErrorBelow.apply(x, evaluator, bound, strength))  # type: ignore[no-untyped-call]
