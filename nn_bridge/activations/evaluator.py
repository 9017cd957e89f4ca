# SPDX-License-Identifier: Apache-2.0
"""Fast evaluation of one approximation on tensors, in the cheapest type that carries it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from polyapprox.approximation import Approximation

from ..errors import ConversionError
from .kernel import Kernel, compiled, supports
from .program import Call, compile_plan

_CHUNK_BYTES = 1 << 19  # of a register on one thread: dispatch is paid off, and it stays in cache
_SERIAL = 1 << 15  # elements up to which torch uses one thread; barriers between many short passes
# on several threads cost more than they gain, far more on a busy machine
_GRID = 1 << 16
COMPILE = 1 << 18  # elements of a tensor from which a compiled kernel is worth its second
_SHARE = 1 / 16
_TOLERATED = 4.0  # times the proven error, by rounding in float64
_FINEST = 2.0**-52


class Evaluator:
    """Evaluates B/A · r(A/B · x) for an approximation r on [−A, A].

    Parameters
    ----------
    approximation : Approximation
        Of one argument, on a symmetric interval [−A, A]. What scales with its interval, as ReLU
        does, is used on any other [−B, B]; all else on [−A, A] alone.
    function : str, optional
        What it must approximate.
    dtype : torch.dtype, optional
        Type to compute in; by default float32 where it carries the precision, else float64.

    Attributes
    ----------
    error : float
        Proven bound of |r − ReLU| divided by A (the sampled estimate of a black box).
    evaluation_error : float
        Largest difference of the evaluation in `dtype` from float64 on a dense grid, divided by
        A: an estimate (zero for float64).
    dtype : torch.dtype
        float64 where the difference in float32 is above 1/16 of `error`.

    Raises
    ------
    ConversionError
        If the approximation is not one of the function on a symmetric interval, or float64 does
        not carry its precision.
    """

    def __init__(
        self,
        approximation: Approximation,
        dtype: torch.dtype | None = None,
        function: str = "relu",
    ) -> None:
        low, high = approximation.interval
        if approximation.function != function or approximation.plan.inputs != 1 or low + high != 0:
            raise ConversionError(
                f"the approximation is {approximation.function!r} on [{float(low):g}, "
                f"{float(high):g}]: give one of {function!r} on an interval (-A, A)"
            )
        self.homogeneous = function == "relu"
        self.approximation = approximation
        self.radius = float(high)
        self.program = compile_plan(approximation.plan)
        _ = approximation.plan.last_use  # known from now on: torch.compile cannot enter the lock it is made in
        certificate = approximation.certificate
        known = approximation.error_estimate if certificate is None else approximation.error_bound
        self.error = known / self.radius
        self.kernels: dict[torch.dtype, Kernel | None] = {}
        self._check_float64()
        in_float32 = self._difference(torch.float32)
        if dtype is None:
            carried = in_float32 <= _SHARE * self.error
            dtype = torch.float32 if carried else torch.float64
        self.dtype = dtype
        self.evaluation_error = in_float32 if dtype == torch.float32 else 0.0

    def __deepcopy__(self, memo: object) -> Evaluator:
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "kernels": {}}

    def kernel(self, dtype: torch.dtype, *tensors: torch.Tensor) -> Kernel | None:
        """Compiled code for tensors, where they are large and it can be had; made once."""
        if tensors[0].numel() < COMPILE or not supports(*tensors):
            return None
        if dtype not in self.kernels:
            made = self.kernels[dtype] = compiled(self.program, dtype)
            if made is not None and dtype == torch.float32:
                self.evaluation_error = max(self.evaluation_error, self._difference(dtype, made))
        return self.kernels[dtype]

    def _check_float64(self) -> None:
        """Refuse what float64 cannot carry: rounding that is no longer small, or explodes."""
        grid = torch.linspace(-1.0, 1.0, _GRID + 1, dtype=torch.float64).mul_(self.radius)
        value = torch.empty_like(grid)
        self.write(grid, self.radius, value, torch.float64)
        known = self.homogeneous and self.approximation.certificate is not None
        off = float((value - grid.clamp(min=0)).abs().max()) if known else float(value.sum() * 0)
        if not off <= _TOLERATED * self.error * self.radius or self.error < _FINEST:
            raise ConversionError(
                f"float64 does not carry the approximation of {self.approximation.function!r} "
                f"with an error of 2^{math.log2(self.error):.1f} on the interval scaled to "
                "[-1, 1]: ask for less precision, such as 2**-30"
            )

    def _difference(self, dtype: torch.dtype, kernel: Kernel | None = None) -> float:
        """Largest difference from float64 on a grid, relative to the radius of the interval."""
        grid = torch.linspace(-1.0, 1.0, _GRID + 1, dtype=torch.float64).mul_(self.radius)
        grid = grid.to(dtype).double()
        exact, value = torch.empty_like(grid), torch.empty_like(grid)
        self.write(grid, self.radius, exact, torch.float64)
        if kernel is None:
            self.write(grid, self.radius, value, dtype)
        else:
            kernel.value(grid, value, 1.0, 1.0)
        return float((value - exact).abs().max()) / self.radius

    def write(
        self, x: torch.Tensor, bound: float, result: torch.Tensor, dtype: torch.dtype | None = None
    ) -> float | None:
        """Evaluate on x, scaled to [−bound, bound], into `result` (x itself is allowed).

        Returns
        -------
        float or None
            Largest |x| (not a number if one is not), where it is known without another pass.
        """
        if dtype is None:
            dtype = torch.float64 if x.dtype == torch.float64 else self.dtype
        x, result = in_memory_order(x, x), in_memory_order(result, x)
        source = x.contiguous()
        target = result if result.is_contiguous() else torch.empty_like(source)
        kernel = self.kernel(dtype, source, target)
        largest = None
        if kernel is not None:
            largest = kernel.value(source, target, self.radius / bound, bound / self.radius)
        else:
            self._write_in_chunks(source.view(-1), bound, target.view(-1), dtype)
        if target is not result:
            result.copy_(target)
        return largest

    def _write_in_chunks(
        self, source: torch.Tensor, bound: float, target: torch.Tensor, dtype: torch.dtype
    ) -> None:
        """By torch, a piece that stays in cache at a time."""
        program = self.program.times(bound / self.radius)
        scalars = program.scalars(dtype, source.device)
        chunk = _chunk(source, dtype)
        memory = torch.empty((program.registers + 1, chunk), dtype=dtype, device=source.device)
        direct = target.dtype == dtype
        calls: list[Call] = []
        registers: list[torch.Tensor] = []
        for start in range(0, source.numel(), chunk):
            piece, goal = source[start : start + chunk], target[start : start + chunk]
            if not calls or len(piece) < chunk:
                registers = [register[: len(piece)] for register in memory.unbind()]
                calls = program.calls(registers, scalars)
            if piece.dtype == dtype:
                torch.mul(piece, self.radius / bound, out=registers[0])
            else:
                registers[0].copy_(piece).mul_(self.radius / bound)
            for call in calls:
                call()
            for call in program.last_calls(registers, scalars, goal if direct else registers[-1]):
                call()
            if not direct:
                goal.copy_(registers[-1])

    def pull_back(self, x: torch.Tensor, bound: float, gradient: torch.Tensor) -> torch.Tensor:
        """Gradient times the derivative r'(A/B · x) of the polynomial, shape of x."""
        dtype = torch.float64 if x.dtype == torch.float64 else self.dtype
        whole = torch.empty_like(x)
        ordered, result = in_memory_order(x.detach(), x), in_memory_order(whole, x)
        weights = in_memory_order(gradient, x).contiguous()
        kernel = self.kernel(dtype, ordered, result, weights)
        if kernel is not None:
            kernel.slope(ordered, weights, result, self.radius / bound)
            return whole
        chunk = _chunk(x, dtype)
        parts = (part.reshape(-1).split(chunk) for part in (ordered, weights))
        slopes = [grad * self._slope(u.to(dtype), bound) for u, grad in zip(*parts, strict=True)]
        return whole.copy_(from_memory_order(torch.cat(slopes).view(ordered.shape), x))

    def derivative(self, x: torch.Tensor, bound: float) -> torch.Tensor:
        """r'(A/B · x), itself differentiable."""
        dtype = torch.float64 if x.dtype == torch.float64 else self.dtype
        u = x.to(dtype) * (self.radius / bound)
        if not u.requires_grad:
            u.requires_grad_()
        (slope,) = torch.autograd.grad(self.approximation.plan.run(u).sum(), u, create_graph=True)
        return slope.to(x.dtype)

    def _slope(self, x: torch.Tensor, bound: float) -> torch.Tensor:
        """r'(A/B · x), by differentiating the plan."""
        with torch.enable_grad():
            u = (x * (self.radius / bound)).requires_grad_()
            (slope,) = torch.autograd.grad(self.approximation.plan.run(u).sum(), u)
        return slope

    def below(self, x: torch.Tensor, bound: float, strength: float) -> torch.Tensor:
        """x where it is positive; elsewhere the approximation's value there, times `strength`.

        Inputs below −bound are moved to it.
        """
        dtype = torch.float64 if x.dtype == torch.float64 else self.dtype
        result = torch.empty_like(x)
        ordered, target = in_memory_order(x, x), in_memory_order(result, x)
        kernel = self.kernel(dtype, ordered, target)
        if kernel is None:
            self.write(x.clamp(-bound, 0), bound, result)
            return torch.where(x > 0, x, result * strength)
        gain = strength * bound / self.radius
        kernel.below(ordered, target, self.radius / bound, gain, -bound)
        return result


def in_memory_order(tensor: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """A view whose dimensions are in the order that `like` has in memory (channels last, or not).

    Examples
    --------
    >>> x = torch.zeros(2, 3, 4, 5).to(memory_format=torch.channels_last)
    >>> in_memory_order(x, x).shape, in_memory_order(x, x).is_contiguous()
    (torch.Size([2, 4, 5, 3]), True)
    """
    return tensor.permute(0, 2, 3, 1) if _channels_last(like) else tensor


def from_memory_order(tensor: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """The inverse of :func:`in_memory_order`."""
    return tensor.permute(0, 3, 1, 2) if _channels_last(like) else tensor


def _channels_last(x: torch.Tensor) -> bool:
    return x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last)


def _chunk(x: torch.Tensor, dtype: torch.dtype) -> int:
    """Elements to work on at a time."""
    if not x.is_cpu:
        return max(1, x.numel())
    many = _CHUNK_BYTES // dtype.itemsize if torch.get_num_threads() == 1 else _SERIAL
    return max(1, min(x.numel(), many))


@dataclass(frozen=True)
class Evaluators:
    """What is used at each call site.

    Attributes
    ----------
    shared : Evaluator
        Of ReLU, wherever there is no other.
    by_site : dict of str to Evaluator
        Of single call sites.
    precision : float or None
        Of the functions that need an approximation of their own; without it they remain.
    precisions : dict of str to float
        Of single call sites, or of all that call a function: other ones.
    """

    shared: Evaluator
    by_site: Mapping[str, Evaluator]
    precision: float | None
    precisions: Mapping[str, float] = field(default_factory=dict)

    def precision_of(self, site: str, function: str) -> float | None:
        """Of a function at a call site."""
        return self.precisions.get(site, self.precisions.get(function, self.precision))

    def of(self, site: str) -> Evaluator:
        """Of ReLU at a call site."""
        return self.by_site.get(site, self.shared)
