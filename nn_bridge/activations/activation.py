# SPDX-License-Identifier: Apache-2.0
"""`PolynomialActivation`: an approximation as a layer of a network."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import torch
import torch.autograd.forward_ad
import torch.fx
from torch import nn

from polyapprox.approximation import Approximation
from polyapprox.given import former
from polyapprox.outward import float_up, rational
from polyapprox.plan.plan import Plan
from polyapprox.words import counted

from ..errors import ArgumentError, ConversionError, OutOfRangeError
from .evaluator import Evaluator

Outside = Literal["report", "raise", "clamp"]


@dataclass
class InputCount:
    """What an activation has seen since the last reset.

    Attributes
    ----------
    elements : int
    outside : int
        Inputs with |x| above the bound of the approximation (or not a number).
    largest : float
        Largest |x|; infinite if an input was not a number.
    ratio : float
        Largest |x|/B.
    """

    elements: int = 0
    outside: int = 0
    largest: float = 0.0
    ratio: float = 0.0

    @property
    def share_outside(self) -> float:
        """Outside inputs divided by all inputs."""
        return self.outside / self.elements if self.elements else 0.0


class PolynomialActivation(nn.Module):
    """B/A · r(A/B · x): an approximation r of ReLU on [−A, A], used on [−B, B].

    ReLU is positively homogeneous, so the error is at most B/A times the proven one. An evaluator
    of another function is used on its own interval, B = A. Each channel may have its own B.

    Parameters
    ----------
    approximation : Approximation or Evaluator
        Of ReLU on a symmetric interval, or the evaluator of another function. Layers may share
        one evaluator.
    bound : float
        B. Must be positive and finite.
    outside : {"report", "raise", "clamp"}
        What to do with inputs outside [−B, B]: count them (always done), refuse them, or move
        them to the nearest end.
    name : str
        How messages call this layer.
    channels : Tensor, shape (channels,), optional
        B of each channel (axis 1 of the input), in place of one B; `bound` is their largest then.

    Raises
    ------
    ArgumentError, ConversionError

    Examples
    --------
    >>> import polyapprox
    >>> layer = PolynomialActivation(polyapprox.relu(precision=2**-6), bound=8.0)
    >>> y = layer(torch.tensor([-8.0, 3.0, 8.0]))
    >>> bool((y - torch.tensor([0.0, 3.0, 8.0])).abs().max() <= 8 * 2**-6)
    True
    >>> layer.seen.elements, layer.seen.outside
    (3, 0)
    """

    whole: Callable[[Plan, torch.Tensor], torch.Tensor] | None = None
    """Computes the plan where it is to be seen as one operation."""

    def __init__(
        self,
        approximation: Approximation | Evaluator,
        bound: float = 1.0,
        outside: Outside = "report",
        name: str = "activation",
        channels: torch.Tensor | None = None,
    ) -> None:
        super().__init__()
        self.evaluator = (
            approximation if isinstance(approximation, Evaluator) else Evaluator(approximation)
        )
        self.channels = channels
        if channels is not None:
            bound = float(channels.max())
        self.bound = read_bound(bound, name)
        if not self.evaluator.homogeneous and self.bound != self.evaluator.radius:
            raise ArgumentError(
                f"the bound of {name} is {bound!r}: {self.approximation.function!r} does not scale "
                f"with its interval, give {self.evaluator.radius!r}"
            )
        self.outside = read_outside(outside)
        self.name = name
        self.seen = InputCount()
        self.correction: torch.Tensor | None = None
        self.apart = 0.0  # by what torch's own function differs from the one approximated

    @property
    def approximation(self) -> Approximation:
        """The approximation r on [−A, A]."""
        return self.evaluator.approximation

    @property
    def error_bound(self) -> float:
        """Proven bound of the absolute error on [−B, B] (evaluation error not included).

        A correction of the means may move the error by its own size.
        """
        scale = rational(self.bound) / rational(self.evaluator.radius)
        bound = rational(self.approximation.error_bound) * scale
        return float_up(bound + rational(self.largest_correction) + rational(self.apart))

    @property
    def largest_correction(self) -> float:
        """Largest mean error that is subtracted from a channel (0 without a correction)."""
        return 0.0 if self.correction is None else float(self.correction.abs().max())

    @property
    def digest(self) -> str:
        """Of the plan."""
        return self.approximation.plan.digest

    @property
    def degrees(self) -> tuple[int, ...]:
        """Of the approximation, innermost first."""
        return self.approximation.degrees

    @property
    def levels(self) -> int:
        """Levels (rule "published": the scaling of the input is folded into the layer before)."""
        return self.approximation.levels

    depth = former("levels")

    @property
    def multiplications(self) -> int:
        """Multiplications (rule "published")."""
        return self.approximation.multiplications

    @property
    def dtype(self) -> torch.dtype:
        """Type that it is computed in, at least."""
        return self.evaluator.dtype

    @property
    def evaluation_error(self) -> float:
        """Estimate of the absolute error of evaluating in the type used, on [−B, B]."""
        return self.evaluator.evaluation_error * self.bound

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Evaluate on a tensor of any shape."""
        if is_traced(x):
            return self.arithmetic(x)
        differentiated = torch.is_grad_enabled() and x.requires_grad
        if self.outside == "report" and self.channels is None and not differentiated:
            return self._in_one_pass(x)
        x, bound, scales = self._scaled(self.inspect(x))
        if differentiated:
            value = _Differentiable.apply(x, self.evaluator, bound)  # type: ignore[no-untyped-call]
            return self._corrected(value if scales is None else value * scales)
        result = torch.empty_like(x)
        self.evaluator.write(x, bound, result)
        return self._corrected(result if scales is None else result.mul_(scales))

    def _in_one_pass(self, x: torch.Tensor) -> torch.Tensor:
        """The value; the inputs are inspected on the way, where that is possible."""
        self._check_type(x)
        result = torch.empty_like(x)
        largest = self.evaluator.write(x, self.bound, result)
        if x.numel():
            self._note(x, _largest(x) if largest is None else largest)
        return self._corrected(result)

    def arithmetic(self, x: torch.Tensor) -> torch.Tensor:
        """The value by additions and multiplications of torch alone, for all that looks at them.

        Inputs are not counted.

        Raises
        ------
        ConversionError
            If inputs outside are to be moved, which no polynomial does.
        """
        if self.outside == "clamp":
            raise ConversionError(
                f"{self.name} moves inputs outside its interval to the ends, which is not polynomial: "
                "convert with outside='report' before tracing or exporting"
            )
        scales = self.bound if self.channels is None else self._by_channel(x)
        types = _types_of(x)
        wide = self.dtype == torch.float64 or not types or bool(types & {torch.float16, torch.bfloat16})
        u = x.to(self.dtype if types else torch.float64) if wide else x
        radius = self.evaluator.radius
        plan, u = self.approximation.plan, u * (radius / scales)
        value = (plan.run(u) if self.whole is None else self.whole(plan, u)) * (scales / radius)
        if self.correction is not None:
            value = value - self.correction.to(value.dtype)
        return cast("torch.Tensor", value.to(x.dtype) if wide else value)

    def apply_in_place(self, x: torch.Tensor) -> torch.Tensor:
        """Overwrite x with the value, and return x."""
        if is_traced(x):
            return x.copy_(self.arithmetic(x))
        if self.channels is not None:
            return x.copy_(self.forward(x.clone()))
        inspected = self.inspect(x)
        if torch.is_grad_enabled() and x.requires_grad:
            value = _Differentiable.apply(inspected.clone(), self.evaluator, self.bound)  # type: ignore[no-untyped-call]
            return x.copy_(self._corrected(value))
        self.evaluator.write(inspected, self.bound, x)
        return self._corrected(x)

    def limits(self, x: torch.Tensor) -> torch.Tensor:
        """B of each element of an input, to be broadcast over it; rounded down in the type of x."""
        if self.channels is not None:
            exact, rounded = self._by_channel(x.new_zeros((), dtype=torch.float64).expand_as(x)), self._by_channel(x)
        else:
            exact = torch.tensor(self.bound, dtype=torch.float64, device=x.device)
            rounded = exact.to(x)
        return torch.where(rounded.double() > exact, rounded * (1 - torch.finfo(x.dtype).eps), rounded)

    def _scaled(self, x: torch.Tensor) -> tuple[torch.Tensor, float, torch.Tensor | None]:
        """The input of r, its bound, and by what the value is multiplied, where that is needed."""
        if self.channels is None:
            return x, self.bound, None
        scales = self._by_channel(x)
        return x / scales, 1.0, scales

    def _by_channel(self, x: torch.Tensor) -> torch.Tensor:
        """B of each channel, to be broadcast over an input."""
        channels = self.channels
        if channels is None or x.ndim < 2 or x.shape[1] != len(channels):
            count = 0 if channels is None else len(channels)
            raise ArgumentError(
                f"{self.name} got inputs of shape {tuple(x.shape)}: its intervals are those of "
                f"{counted(count, 'channel')} on axis 1"
            )
        return channels.to(x).view(-1, *[1] * (x.ndim - 2))

    def _corrected(self, value: torch.Tensor) -> torch.Tensor:
        """Less the mean error of each channel, in place where no gradient is asked for."""
        if self.correction is None:
            return value
        correction = self.correction.to(value)
        return value - correction if value.requires_grad else value.sub_(correction)

    def reset(self) -> None:
        """Forget the counts of inputs."""
        self.seen = InputCount()

    def extra_repr(self) -> str:
        """Degrees and bound, for print."""
        apart = "" if self.channels is None else f", channels={len(self.channels)}"
        return f"degrees={list(self.approximation.degrees)}, bound={self.bound:g}{apart}"

    def inspect(self, x: torch.Tensor) -> torch.Tensor:
        """Count inputs outside the interval; x, or what the policy makes of it.

        Raises
        ------
        OutOfRangeError
            Under the policy "raise".
        """
        self._check_type(x)
        return self._note(x, _largest(x.detach())) if x.numel() else x

    def _check_type(self, x: torch.Tensor) -> None:
        if not x.is_floating_point():
            raise ArgumentError(f"{self.name} got a tensor of {x.dtype}: give real floating point")

    def _note(self, x: torch.Tensor, largest: float) -> torch.Tensor:
        """Count inputs whose largest size is known; x, or what the policy makes of it."""
        seen = x.detach()
        largest = math.inf if math.isnan(largest) else largest
        self.seen.elements += x.numel()
        self.seen.largest = max(self.seen.largest, largest)
        apart = self.channels is not None
        ratio = _largest(seen / self.limits(x)) if apart else largest / self.bound
        self.seen.ratio = max(self.seen.ratio, ratio)
        if ratio <= 1:
            return x
        limit = self.limits(x)
        outside = x.numel() - int((seen.abs() <= limit).sum())
        self.seen.outside += outside
        if self.outside == "raise":
            raise OutOfRangeError(
                f"{self.name} got {outside} of {counted(x.numel(), 'input')} outside {self._interval()}, "
                f"the largest {largest:g}: widen its interval, or choose "
                "outside='report' or 'clamp'"
            )
        if self.outside != "clamp":
            return x
        return x.clamp(-limit, limit)

    def _interval(self) -> str:
        if self.channels is None:
            return f"[-{self.bound:g}, {self.bound:g}]"
        return f"the intervals of their channels, of which [-{self.bound:g}, {self.bound:g}] is the widest"


def _types_of(x: torch.Tensor) -> set[torch.dtype]:
    """Types that x may have: in a symbolic trace those of the network's parameters; empty: not known."""
    if not isinstance(x, torch.fx.Proxy):
        return {x.dtype}
    root = getattr(x.tracer, "root", None)
    numbers = root.parameters() if isinstance(root, nn.Module) else ()
    return {one.dtype for one in numbers if one.is_floating_point()}


def is_traced(x: torch.Tensor) -> bool:
    """Whether something looks at the operations on x: a tracer, exporter, compiler or transform."""
    return (
        isinstance(x, torch.fx.Proxy)
        or torch.compiler.is_compiling()
        or torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
        or torch._C._functorch.is_functorch_wrapped_tensor(x)
        or torch.autograd.forward_ad._current_level >= 0
    )


def _largest(x: torch.Tensor) -> float:
    """Largest |x|; infinite if one is not a number."""
    low, high = torch.aminmax(x)
    largest = float(torch.maximum(-low, high))
    return math.inf if math.isnan(largest) else largest


class _Differentiable(torch.autograd.Function):
    """The value forward, the derivative of the polynomial backward."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, evaluator: Evaluator, bound: float) -> torch.Tensor:
        ctx.save_for_backward(x)
        ctx.evaluator, ctx.bound = evaluator, bound
        result = torch.empty_like(x)
        evaluator.write(x, bound, result)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (x,) = ctx.saved_tensors
        (gradient,) = gradients
        if torch.is_grad_enabled():  # the derivative is to be differentiated again
            return gradient * ctx.evaluator.derivative(x, ctx.bound), None, None
        return ctx.evaluator.pull_back(x, ctx.bound, gradient), None, None


def read_bound(bound: object, name: str) -> float:
    """A positive finite number, or a sentence."""
    good = isinstance(bound, (int, float)) and not isinstance(bound, bool)
    if not good or not 0 < bound < float("inf"):  # type: ignore[operator]
        raise ArgumentError(f"the bound of {name} is {bound!r}: give a positive finite number")
    return float(bound)  # type: ignore[arg-type]


def read_outside(outside: str) -> Outside:
    """One of the three policies, or a sentence."""
    if outside not in get_args(Outside):
        raise ArgumentError(f"outside is {outside!r}: choose 'report', 'raise' or 'clamp'")
    return outside  # type: ignore[return-value]
