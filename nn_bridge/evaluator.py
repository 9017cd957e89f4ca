"""Fast evaluation of one approximation on tensors, in the cheapest type that carries it."""

from __future__ import annotations

import torch

from polyapprox.approximation import Approximation

from .errors import ConversionError
from .program import compile_plan

_CHUNK_BYTES = 1 << 19  # of a register on one thread: dispatch is paid off, and it stays in cache
_SERIAL = 1 << 15  # elements up to which torch uses one thread; barriers between many short passes
# on several threads cost more than they gain, far more on a busy machine
_GRID = 1 << 16
_SHARE = 1 / 16


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
        If the approximation is not one of the function on a symmetric interval.
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
        certificate = approximation.certificate
        known = approximation.error_estimate if certificate is None else approximation.error_bound
        self.error = known / self.radius
        in_float32 = self._difference(torch.float32)
        if dtype is None:
            carried = in_float32 <= _SHARE * self.error
            dtype = torch.float32 if carried else torch.float64
        self.dtype = dtype
        self.evaluation_error = in_float32 if dtype == torch.float32 else 0.0

    def __deepcopy__(self, memo: object) -> Evaluator:
        return self

    def _difference(self, dtype: torch.dtype) -> float:
        """Largest difference from float64 on a grid, relative to the radius of the interval."""
        grid = torch.linspace(-1.0, 1.0, _GRID + 1, dtype=torch.float64).to(dtype).double()
        grid *= self.radius
        values = [torch.empty_like(grid) for _ in range(2)]
        for value, kind in zip(values, (dtype, torch.float64), strict=True):
            self.write(grid, self.radius, value, kind)
        return float((values[0] - values[1]).abs().max()) / self.radius

    def write(
        self, x: torch.Tensor, bound: float, result: torch.Tensor, dtype: torch.dtype | None = None
    ) -> None:
        """Evaluate on x, scaled to [−bound, bound], into `result` (x itself is allowed)."""
        if dtype is None:
            dtype = torch.float64 if x.dtype == torch.float64 else self.dtype
        if x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last):
            x, result = x.permute(0, 2, 3, 1), result.permute(0, 2, 3, 1)
        program = self.program.times(bound / self.radius)
        scalars = program.scalars(dtype, x.device)
        chunk = _chunk(x, dtype)
        memory = torch.empty((program.registers + 1, chunk), dtype=dtype, device=x.device)
        source, target = x.reshape(-1), result.reshape(-1)
        direct = target.dtype == dtype
        for start in range(0, x.numel(), chunk):
            piece = source[start : start + chunk]
            registers = [register[: piece.numel()] for register in memory.unbind()]
            if piece.dtype == dtype:
                torch.mul(piece, self.radius / bound, out=registers[0])
            else:
                registers[0].copy_(piece).mul_(self.radius / bound)
            goal = target[start : start + chunk]
            program.run(registers, scalars, goal if direct else registers[-1])
            if not direct:
                goal.copy_(registers[-1])
        if target.data_ptr() != result.data_ptr():
            result.copy_(target.view_as(result))

    def slope(self, x: torch.Tensor, bound: float) -> torch.Tensor:
        """Derivative r'(A/B · x) of the polynomial, shape of x."""
        dtype = torch.float64 if x.dtype == torch.float64 else self.dtype
        slope = torch.empty(x.numel(), dtype=dtype, device=x.device)
        chunk = _chunk(x, dtype)
        for start in range(0, x.numel(), chunk):
            piece = x.reshape(-1)[start : start + chunk].detach().to(dtype)
            with torch.enable_grad():
                u = (piece * (self.radius / bound)).requires_grad_()
                (gradient,) = torch.autograd.grad(self.approximation.plan.run(u).sum(), u)
            slope[start : start + chunk] = gradient
        return slope.view(x.shape).to(x.dtype)


def _chunk(x: torch.Tensor, dtype: torch.dtype) -> int:
    """Elements to work on at a time."""
    if not x.is_cpu:
        return max(1, x.numel())
    many = _CHUNK_BYTES // dtype.itemsize if torch.get_num_threads() == 1 else _SERIAL
    return max(1, min(x.numel(), many))
