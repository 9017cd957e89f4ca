# SPDX-License-Identifier: Apache-2.0
"""Softmax and norms as layers of additions and multiplications, on ranges that were measured.

The parts (exp, inverses, an inverse root) and how their errors add up are polyapprox's own wholes
(:mod:`polyapprox.wholes`). A factor that all scores of a row share cancels in softmax, so each head subtracts
its largest log Σ exp from its scores: a constant, where the exact function subtracts the row's own
maximum, which no polynomial knows. What that costs is the range of the sums, e^-W … 1: two levels for
each factor of 16 in it. Where W is large, scores are divided by 2^k first, and the weights k times squared and
normalised again.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import torch
from torch import nn

import polyapprox
from polyapprox.errors import PolyApproxError
from polyapprox.plan.iteration import unscaled
from polyapprox.wholes.softmax import softmax_levels
from polyapprox.wholes.whole import Whole
from polyapprox.words import counted

from ..calls.functions import Call
from ..errors import ConversionError, OutOfRangeError
from .activation import InputCount, Outside, is_traced, read_outside

MASKED = -700.0
"""A score below it is a mask's: its exponential is 0 in double precision."""
_STEP = 0.25  # boxes are widened to multiples of it, in logarithms, so that sites share their parts


@dataclass(frozen=True)
class Box:
    """What is assumed of the inputs of a function of vectors.

    Attributes
    ----------
    ends : Tensor, shape (channels, 2) or (channels, 2 + 2·halvings), float64
        Of a norm, least and largest mean square, plus eps. Of softmax, by head, least and largest score,
        then least and largest log Σ exp(s/2^k), k = 0, 1, …
    length : int
        Of the longest vector.
    masked : bool
        Whether masks take scores out.
    """

    ends: torch.Tensor
    length: int
    masked: bool = False


class VectorActivation(nn.Module):
    """Base: a whole of polyapprox on vectors of a box.

    Attributes
    ----------
    whole : Whole
        Parts, counts and bound.
    bound : float
        Half the width of the scores; the largest mean square.
    precision : float
        Proven: of softmax the absolute error of each weight, of norms the relative error.
    seen : InputCount
        Of scores and sums, of mean squares; the ratio says by how much the worst was outside.
    """

    correction: torch.Tensor | None = None
    channels: torch.Tensor | None = None
    dtype = torch.float64
    evaluation_error = 0.0

    def __init__(self, call: Call, box: Box, outside: Outside, name: str, bound: float) -> None:
        super().__init__()
        self.call, self.box, self.name, self.bound = call, box, name, bound
        self.outside = read_outside(outside)
        self.seen = InputCount()
        self.whole: Whole
        self.precision: float

    @property
    def error_bound(self) -> float:
        """Proven bound of the absolute error of an entry, within the box."""
        return self.whole.error_bound

    @property
    def digest(self) -> str:
        """Of the plans of all parts."""
        text = " ".join(part.plan.digest for part in self.whole.parts.values())
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def degrees(self) -> tuple[int, ...]:
        """Of the parts, in the order in which they are used."""
        return tuple(degree for part in self.whole.parts.values() for degree in part.degrees)

    @property
    def levels(self) -> int:
        """Levels of the whole (rule "published")."""
        return self.whole.levels

    @property
    def multiplications(self) -> int:
        """Multiplications of the whole, for vectors side by side in one ciphertext."""
        return self.whole.multiplications

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The value."""
        return self.arithmetic(x, self._ranged)

    def apply_in_place(self, x: torch.Tensor) -> torch.Tensor:
        """Overwrite x with the value, and return x."""
        return x.copy_(self.forward(x))

    def arithmetic(self, x: torch.Tensor, ranged: Any) -> torch.Tensor:
        """The value; `ranged` looks at what must lie in a range, and moves it, where that is asked for."""
        raise NotImplementedError

    def limits(self, x: torch.Tensor) -> torch.Tensor:
        """No input alone is outside: the box is one of sums."""
        return torch.full((), torch.inf, dtype=x.dtype, device=x.device)

    def reset(self) -> None:
        """Forget the counts of inputs."""
        self.seen = InputCount()

    def extra_repr(self) -> str:
        """Parts and levels, for print."""
        return f"{self.call.name}, degrees={list(self.degrees)}, levels={self.levels}"

    def _ranged(self, values: torch.Tensor, low: float, high: float, factor: bool) -> torch.Tensor:
        """Count values outside a range; what the policy makes of them."""
        if is_traced(values):
            if self.outside == "clamp":
                raise ConversionError(
                    f"{self.name} moves inputs outside its range to the ends, which is not polynomial: "
                    "convert with outside='report' before tracing or exporting"
                )
            return values
        known = values.detach()
        if not known.numel():
            return values
        least, most = (float(end) for end in torch.aminmax(known))
        ratio = _ratio(least, most, low, high, factor)
        self.seen.elements += known.numel()
        self.seen.largest = max(self.seen.largest, abs(least), abs(most))
        self.seen.ratio = max(self.seen.ratio, ratio)
        if ratio <= 1:
            return values
        outside = known.numel() - int(((known >= low) & (known <= high)).sum())
        self.seen.outside += outside
        if self.outside == "raise":
            raise OutOfRangeError(
                f"{self.name} got {outside} of {counted(known.numel(), 'value')} outside [{low:.4g}, {high:.4g}], from "
                f"{least:.4g} to {most:.4g}: calibrate with such data, or choose outside='report' or 'clamp'"
            )
        return values.clamp(low, high) if self.outside == "clamp" else values


def _ratio(least: float, most: float, low: float, high: float, factor: bool) -> float:
    """By how much values reach beyond a range: 1 at its ends."""
    if math.isnan(least) or math.isnan(most):
        return math.inf
    if factor:
        return max(most / high, low / least if least > 0 else math.inf)
    middle, half = (low + high) / 2, (high - low) / 2
    return max(most - middle, middle - least) / half


class Norm(VectorActivation):
    """x/√(mean of x² + eps), the mean of x taken off first for layer normalisation.

    Parameters
    ----------
    call : Call
        "layer_norm" or "rms_norm".
    box : Box
    precision : float
        Largest relative error.
    outside : {"report", "raise", "clamp"}
    name : str

    Examples
    --------
    >>> call = Call("layer_norm", "nn.LayerNorm", (("dims", 1), ("eps", 1e-5)))
    >>> layer = Norm(call, Box(torch.tensor([[0.5, 8.0]]).double(), 3), 2**-8, "report", "norm")
    >>> x = torch.tensor([[1.0, 2.0, 4.0]])
    >>> bool((layer(x) - torch.layer_norm(x, (3,))).abs().max() <= layer.error_bound)
    True
    >>> layer.levels
    5
    """

    def __init__(self, call: Call, box: Box, precision: float, outside: Outside, name: str) -> None:
        low, high = (float(end) for end in box.ends[0])
        super().__init__(call, box, outside, name, high)
        if not low > 0:
            raise ConversionError(
                f"{call.kind} at {name!r} got vectors of equal numbers while its range was measured: it has no "
                "least variance; calibrate with other data"
            )
        spread = _up(math.log(high / low))
        self.whole = _made(name, _norm, call.name, max(box.length, 2), spread, precision)
        self.root = self.whole.parts["inverse root"]
        self.precision = self.root.error_bound
        self.low = high * math.exp(-spread)

    def arithmetic(self, x: torch.Tensor, ranged: Any) -> torch.Tensor:
        """The value, by additions and multiplications."""
        wide = x.double()
        axes = list(range(-self.call.option("dims"), 0))
        if self.call.name == "layer_norm":
            wide = wide - wide.mean(axes, keepdim=True)
        square = (wide * wide).mean(axes, keepdim=True) + self.call.option("eps")
        square = ranged(square, self.low, self.bound, True)
        root = self.root.plan.run(square * (1 / self.bound))
        return cast("torch.Tensor", (wide * (root * self.bound**-0.5)).to(x.dtype))


class Softmax(VectorActivation):
    """exp(s)/Σ exp(s) along one axis.

    Parameters
    ----------
    call, outside, name
        As for :class:`Norm`.
    box : Box
    precision : float
        Largest error of a weight.

    Examples
    --------
    >>> call = Call("softmax", "nn.Softmax", (("dim", -1),))
    >>> ends = torch.tensor([[-4.0, 3.0, 0.0, 4.0, 0.5, 3.0]]).double()
    >>> layer = Softmax(call, Box(ends, 8), 2**-8, "report", "softmax")
    >>> s = torch.linspace(-4, 2, 8)[None]
    >>> bool((layer(s) - s.softmax(-1)).abs().max() <= layer.error_bound)
    True
    """

    def __init__(self, call: Call, box: Box, precision: float, outside: Outside, name: str) -> None:
        ends = box.ends
        super().__init__(call, box, outside, name, float((ends[:, 1] - ends[:, 0]).max()) / 2)
        self.squarings, self.width, self.reach = _halvings(box, precision, call, name)
        k = self.squarings
        self.whole = _made(name, _softmax, max(box.length, 2), k, self.width, self.reach, precision)
        self.precision = self.whole.error_bound
        self.shift = ends[:, 3 + 2 * k].clone()
        self.exponentials, self.totals = _watched(self.whole)

    def arithmetic(self, x: torch.Tensor, ranged: Any) -> torch.Tensor:
        """The value, by additions and multiplications."""
        scores = x.movedim(self.call.option("dim"), -1).double()
        if is_traced(x):
            kept = None
            if self.box.masked:
                raise ConversionError(
                    f"{self.name} has scores that masks take out, which a graph of additions and multiplications "
                    "does not see: convert with inputs without padding before tracing or exporting"
                )
        else:
            kept = unmasked(scores)
            kept = None if bool(kept.all()) else kept
        shift = self.shift.to(scores.device)
        if len(shift) > 1:
            shift = shift.view(-1, 1, 1)
        u = scores * 2.0**-self.squarings - shift
        if kept is not None:
            u = torch.where(kept, u, -self.reach / 2)
        u = ranged(u, -self.reach, 0.0, False)

        def made(index: int, value: Any) -> Any:
            if index in self.exponentials and kept is not None:
                return value * kept
            return ranged(value, *self.totals[index], True) if index in self.totals else value

        value = self.whole.plan.evaluated(u * 2.0**self.squarings, made)
        return cast("torch.Tensor", value.movedim(-1, self.call.option("dim")).to(x.dtype))


def unmasked(scores: torch.Tensor) -> torch.Tensor:
    """Where no mask took scores out; what is not a number is no mask's.

    Examples
    --------
    >>> unmasked(torch.tensor([0.0, -1000.0, torch.nan]))
    tensor([ True, False,  True])
    """
    return ~(scores <= MASKED)


def _watched(whole: Whole) -> tuple[set[int], dict[int, tuple[float, float]]]:
    """Of a softmax, where exp is applied, and the ranges of the sums that inverses are applied to, by place."""
    applied = [(index, one) for index, one in enumerate(whole.plan.operations) if one.kind == "apply"]
    totals = {}
    for number, (_, one) in enumerate(both for both in applied if both[1].right >= 0):
        inverse = whole.parts[f"inverse {number}"]
        scale = float(unscaled(inverse.plan)[1])
        low, high = (float(end) * scale for end in inverse.interval)
        totals[one.left] = low, high
    return {index for index, one in applied if one.right < 0}, totals


def _halvings(box: Box, precision: float, call: Call, name: str) -> tuple[int, float, float]:
    """How often the scores are halved, the width W of the logarithm of the sums, and the reach of exp."""
    best: tuple[int, int, float, float] | None = None
    for k in range((box.ends.shape[1] - 2) // 2):
        low, high = box.ends[:, 2 + 2 * k], box.ends[:, 3 + 2 * k]
        width = _up(float((high - low).max()))
        reach = _up(float((high - box.ends[:, 0] / 2**k).max()), 1.0)
        levels = softmax_levels(
            max(box.length, 2), scores=(-reach * 2**k, 0.0), precision=precision, squarings=k,
            sums=(math.exp(-width), 1.0),
        )  # fmt: skip
        if levels is not None and (best is None or levels < best[0]):
            best = levels, k, width, reach
    if best is None:
        raise ConversionError(
            f"{call.kind} at {name!r} has sums whose logarithms lie {float((box.ends[:, 3] - box.ends[:, 2]).max()):.3g} "
            f"apart, too far for {precision:.3g}: its scores reach from {float(box.ends[:, 0].min()):.3g} to "
            f"{float(box.ends[:, 1].max()):.3g}; scale the queries down, or ask for less"
        )
    return best[1:]


def _up(value: float, step: float = _STEP) -> float:
    """The next multiple of a step, at least one."""
    return step * max(1, math.ceil(value / step))


def _made(name: str, make: Any, *args: Any) -> Whole:
    """A whole; a sentence that names the site where there is none."""
    try:
        return cast(Whole, make(*args))
    except PolyApproxError as error:
        raise ConversionError(f"{name}: {error}") from error


@lru_cache(maxsize=256)
def _norm(function: str, length: int, spread: float, precision: float) -> Whole:
    box = math.exp(-spread), 1.0
    if function == "layer_norm":
        return polyapprox.layer_norm(length, variance=box, precision=precision * math.sqrt(length - 1))
    return polyapprox.rms_norm(length, mean_square=box, precision=precision * math.sqrt(length))


@lru_cache(maxsize=256)
def _softmax(length: int, squarings: int, width: float, reach: float, precision: float) -> Whole:
    return polyapprox.softmax(
        length, scores=(-reach * 2**squarings, 0.0), precision=precision, squarings=squarings,
        sums=(math.exp(-width), 1.0),
    )  # fmt: skip


VECTOR_ACTIVATIONS: dict[str, type[Norm | Softmax]] = {"softmax": Softmax, "layer_norm": Norm, "rms_norm": Norm}
"""By the name of a call."""
