# SPDX-License-Identifier: Apache-2.0
"""Activations and max-pools that are built from ReLU: exact identities, proven errors.

============  ==================================================
hardtanh      low + relu(x − low) − relu(x − high); ReLU6 is one
leaky_relu    a·x + (1 − a)·relu(x)
hardsigmoid   hardtanh(x, −3, 3)/6 + 1/2
hardswish     x · hardsigmoid(x)
elu           a·elu₁(x) + (1 − a)·relu(x), where elu₁ has a = 1; selu is a multiple of one
max(a, b)     b + relu(a − b)
============  ==================================================

A kink that the interval [−B, B] does not reach is left out: ReLU6 is ReLU for B ≤ 6, hardtanh(−6, 6) is x,
and hardswish is x (x + 3)/6 for B ≤ 3, each exactly.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import torch
import torch.fx
import torch.nn.functional as functional
from torch import nn

from polyapprox.given import former
from polyapprox.outward import float_up, rational
from polyapprox.words import counted

from ..calls.functions import Call
from ..errors import ConversionError
from .activation import InputCount, Outside, PolynomialActivation, is_traced, read_bound
from .evaluator import Evaluator


class Derived(nn.Module):
    """Base: the input is inspected once, and what is inside uses `parts`.

    Attributes
    ----------
    bound : float
        B: inputs are in [−B, B].
    parts : list of PolynomialActivation
    seen : InputCount
    error_bound : float
        Proven bound of the absolute error on [−B, B] (evaluation error not included).
    """

    error_bound: float
    share = 1.0
    """By how much the value changes with those of the parts."""

    def __init__(
        self, evaluator: Evaluator, bound: float, outside: Outside, name: str, bounds: Sequence[float]
    ) -> None:
        super().__init__()
        self.evaluator = evaluator
        self.bound = read_bound(bound, name)
        self.parts = [PolynomialActivation(evaluator, b, "report", name) for b in bounds]
        self.gate = PolynomialActivation(evaluator, bound, outside, name)
        self.name = name
        self.correction = None

    @property
    def seen(self) -> InputCount:
        """What it has seen since the last reset."""
        return self.gate.seen

    @property
    def outside(self) -> Outside:
        """What it does with inputs outside its interval."""
        return self.gate.outside

    @outside.setter
    def outside(self, policy: Outside) -> None:
        self.gate.outside = policy

    def limits(self, x: torch.Tensor) -> torch.Tensor:
        """B, to be broadcast over an input."""
        return self.gate.limits(x)

    def reset(self) -> None:
        """Forget the counts of inputs."""
        self.gate.reset()

    @property
    def digest(self) -> str:
        """Of the plan of ReLU."""
        return self.evaluator.approximation.plan.digest

    @property
    def degrees(self) -> tuple[int, ...]:
        """Of the approximation of ReLU, innermost first; (1,) where none is needed."""
        return self.evaluator.approximation.degrees if self.parts else (1,)

    @property
    def levels(self) -> int:
        """Levels (rule "published"): those of ReLU, more where it says so."""
        return self.evaluator.approximation.levels if self.parts else 0

    depth = former("levels")

    @property
    def multiplications(self) -> int:
        """Multiplications (rule "published") for one value."""
        return len(self.parts) * self.evaluator.approximation.multiplications

    @property
    def dtype(self) -> torch.dtype:
        """Type that it is computed in, at least."""
        return self.evaluator.dtype

    @property
    def evaluation_error(self) -> float:
        """Estimate of the absolute error of computing in this type."""
        return self.share * sum((part.evaluation_error for part in self.parts), 0.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The value."""
        return self.value(x if is_traced(x) else self.gate.inspect(x))

    def apply_in_place(self, x: torch.Tensor) -> torch.Tensor:
        """Overwrite x with the value, and return x."""
        return x.copy_(self.forward(x))

    def errors_times(self, factor: Fraction) -> float:
        """The sum of the proven errors of the parts, times a factor, rounded up."""
        return float_up(factor * sum(rational(part.error_bound) for part in self.parts))

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """The value at inputs that were inspected."""
        raise NotImplementedError


class LeakyReLU(Derived):
    """a·x + (1 − a)·relu(x)."""

    def __init__(
        self, evaluator: Evaluator, bound: float, outside: Outside, name: str, slope: float
    ) -> None:
        super().__init__(evaluator, bound, outside, name, [bound])
        self.slope, self.share = slope, abs(1 - slope)
        self.error_bound = self.errors_times(abs(1 - rational(slope)))

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """The value at inputs that were inspected."""
        return torch.add(self.slope * x, self.parts[0].forward(x), alpha=1 - self.slope)


class ELU(Derived):
    """gain · (a·elu₁(x) + (1 − a)·relu(x)): what bends at 0 is left to ReLU, the rest is smooth."""

    def __init__(
        self, evaluator: Evaluator, smooth: Evaluator, bound: float, outside: Outside, name: str,
        alpha: float, gain: float,
    ) -> None:  # fmt: skip
        super().__init__(evaluator, bound, outside, name, [bound])
        self.smooth = PolynomialActivation(smooth, bound, "report", name)
        self.weights = gain * alpha, gain * (1 - alpha)
        self.share = abs(self.weights[1])
        parts = zip(self.weights, (self.smooth, self.parts[0]), strict=True)
        total = sum((abs(rational(w)) * rational(part.error_bound) for w, part in parts), Fraction(0))
        self.error_bound = float_up(total * (1 + Fraction(1, 2**50)))  # the weights are rounded

    @property
    def levels(self) -> int:
        """Levels: of the deeper part."""
        return max(super().levels, self.smooth.levels)

    @property
    def multiplications(self) -> int:
        """Multiplications: of both parts."""
        return super().multiplications + self.smooth.multiplications

    @property
    def dtype(self) -> torch.dtype:
        """The wider type of both parts."""
        return torch.promote_types(super().dtype, self.smooth.dtype)

    @property
    def evaluation_error(self) -> float:
        """Estimate of the absolute error of computing in this type."""
        return super().evaluation_error + abs(self.weights[0]) * self.smooth.evaluation_error

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """The value at inputs that were inspected."""
        a, b = self.weights
        return a * self.smooth.forward(x) + b * self.parts[0].forward(x)


class Hardtanh(Derived):
    """low + relu(x − low) − relu(x − high); an end outside (−B, B) is left out."""

    def __init__(
        self,
        evaluator: Evaluator,
        bound: float,
        outside: Outside,
        name: str,
        low: float,
        high: float,
    ) -> None:
        if low > high:
            raise ConversionError(f"{name} moves inputs into [{low:g}, {high:g}]: give its ends in order")
        self.low, self.high = low, high
        self.reached = (low > -bound, high < bound)
        ends = [end for end, reached in zip((low, high), self.reached, strict=True) if reached]
        super().__init__(evaluator, bound, outside, name, [bound + abs(end) for end in ends])
        self.error_bound = self.errors_times(Fraction(1))

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """The value at inputs that were inspected."""
        lower, upper = self.reached
        value = self.parts[0].forward(x - self.low) + self.low if lower else x.clone()
        return value - self.parts[-1].forward(x - self.high) if upper else value


class Hardsigmoid(Hardtanh):
    """hardtanh(x, −3, 3)/6 + 1/2."""

    def __init__(self, evaluator: Evaluator, bound: float, outside: Outside, name: str) -> None:
        super().__init__(evaluator, bound, outside, name, -3.0, 3.0)
        self.share = 1 / 6
        self.error_bound = self.errors_times(Fraction(1, 6))

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """The value at inputs that were inspected."""
        return super().value(x) / 6 + 0.5


class Hardswish(Hardsigmoid):
    """x · hardsigmoid(x)."""

    def __init__(self, evaluator: Evaluator, bound: float, outside: Outside, name: str) -> None:
        super().__init__(evaluator, bound, outside, name)
        self.error_bound, self.share = self.errors_times(rational(float(bound)) / 6), bound / 6

    @property
    def degrees(self) -> tuple[int, ...]:
        """Of the approximation of ReLU, innermost first; (2,) where none is needed."""
        return super().degrees if self.parts else (2,)

    @property
    def levels(self) -> int:
        """Levels: one more than ReLU's."""
        return super().levels + 1

    @property
    def multiplications(self) -> int:
        """Multiplications: one more."""
        return super().multiplications + 1

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """The value at inputs that were inspected."""
        return x * super().value(x)


class MaxPool(Derived):
    """The maximum of windows, by a tree of max(a, b) = b + relu(a − b).

    Level l of the tree has inputs within B_l, B_0 = B; its differences are within 2·B_l, where
    the approximation errs by at most 2·B_l·e (e on [−1, 1]); so B_{l+1} = B_l·(1 + 2e), and the
    error of the whole is the sum of those of its levels, since max does not amplify errors.

    Parameters
    ----------
    windows : Windows
        Which inputs form a window.
    """

    def __init__(
        self, evaluator: Evaluator, bound: float, outside: Outside, name: str, windows: Windows
    ) -> None:
        levels = math.ceil(math.log2(windows.size))  # none for windows of one value
        bounds, reach = [], float(bound)
        for _ in range(levels):
            bounds.append(2 * reach)
            reach *= 1 + 2 * evaluator.error
        super().__init__(evaluator, bound, outside, name, bounds)
        self.windows = windows
        self.error_bound = self.errors_times(Fraction(1))

    @property
    def levels(self) -> int:
        """Levels: those of ReLU for each level of the tree."""
        return len(self.parts) * super().levels

    @property
    def multiplications(self) -> int:
        """Multiplications for one window."""
        return (self.windows.size - 1) * self.evaluator.approximation.multiplications

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """The value at inputs that were inspected."""
        values = self.windows.split(x, -self.bound)
        for part in self.parts:
            pairs = list(zip(values[::2], values[1::2], strict=False))
            rest = values[2 * len(pairs) :]
            values = [b + part.forward(a - b) for a, b in pairs] + rest
        return values[0]


class Windows:
    """The windows of a max-pool over the last axes.

    Parameters
    ----------
    kernel, stride, padding, dilation : tuple of int, one for each axis
    ceil : bool
        Whether windows may hang over the end.
    """

    def __init__(
        self,
        kernel: tuple[int, ...],
        stride: tuple[int, ...],
        padding: tuple[int, ...],
        dilation: tuple[int, ...],
        ceil: bool,
    ) -> None:
        self.kernel, self.stride, self.dilation = kernel, stride, dilation
        self.padding, self.ceil = padding, ceil
        self.size = math.prod(kernel)

    def split(self, x: torch.Tensor, lowest: float) -> list[torch.Tensor]:
        """The first, second, … element of every window; `lowest` stands outside the input."""
        ends = self._ends(x)
        if any(ends) or any(self.padding):
            pads = [side for pair in reversed([*zip(self.padding, ends, strict=True)]) for side in pair]
            x = functional.pad(x, pads, value=lowest)
        parts = []
        for offset in itertools.product(*map(range, self.kernel)):
            index = tuple(
                slice(o * d, -d * (k - 1 - o) or None, s)
                for o, d, k, s in zip(offset, self.dilation, self.kernel, self.stride, strict=True)
            )
            parts.append(x[(..., *index)])
        return parts

    def _ends(self, x: torch.Tensor) -> list[int]:
        """By how much each axis is padded behind: by more or less where the last windows hang over."""
        if not self.ceil:
            return list(self.padding)
        if isinstance(x, torch.fx.Proxy):
            raise ConversionError(
                "a max-pool with ceil_mode cannot be traced by torch.fx: use torch.export, or ceil_mode=False"
            )
        ends = []
        for length, k, s, p, d in zip(
            x.shape[-len(self.kernel) :], self.kernel, self.stride, self.padding, self.dilation, strict=True
        ):
            reach = d * (k - 1) + 1
            windows = math.ceil((length + 2 * p - reach) / s) + 1
            if (windows - 1) * s >= length + p:
                windows -= 1  # the last window must begin inside the input
            ends.append((windows - 1) * s + reach - length - p)
        return ends


def windows_of(call: Call, shape: torch.Size) -> Windows:
    """The windows of a call of a max-pool.

    Raises
    ------
    ConversionError
        If an adaptive pool's windows are not all of the same size.
    """
    axes = int(call.name[-2])

    def each(value: Any, default: Sequence[int]) -> tuple[int, ...]:
        """One number an axis; the default stands for what is not given."""
        if value is None or value == []:
            return tuple(default)
        if isinstance(value, int):
            return (value,) * axes
        return tuple(d if v is None else v for v, d in zip(value, default, strict=True))

    if call.name.startswith("adaptive"):
        goal = each(call.option("output_size"), shape[-axes:])
        for length, count in zip(shape[-axes:], goal, strict=True):
            if length % count:
                raise ConversionError(
                    f"{call.kind} makes {counted(count, 'window')} of {counted(length, 'value')}, which are not all of "
                    "one size: choose a number that divides it"
                )
        kernel = tuple(n // c for n, c in zip(shape[-axes:], goal, strict=True))
        return Windows(kernel, kernel, (0,) * axes, (1,) * axes, False)
    kernel = each(call.option("kernel_size"), (1,) * axes)
    return Windows(
        kernel,
        each(call.option("stride"), kernel),
        each(call.option("padding"), (0,) * axes),
        each(call.option("dilation"), (1,) * axes),
        bool(call.option("ceil_mode")),
    )
