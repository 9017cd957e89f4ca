# SPDX-License-Identifier: Apache-2.0
"""What answers the ReLU calls of a network in training: noise, polynomial, penalty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import torch
import torch.nn.functional as functional
from torch import nn

from polyapprox.approximation import Approximation

from ..activations.evaluator import Evaluator
from ..calls.handlers import ReluOnly
from ..calls.inputs import Batch
from ..choosing.makers import WEIGHTED, make
from ..choosing.weighting import weighted
from ..errors import ArgumentError, ConversionError
from ..ranges.bounds import bounds_of
from ..ranges.calibration import measure
from .configuration import Configuration
from .noise import NoisePool, erring_relu, noisy_relu, random_noise, relu_backward


class _Polynomial(torch.autograd.Function):
    """The polynomial forward, its own derivative or ReLU's backward; constant outside [−B, B]."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, evaluator: Evaluator, bound: float, gradient: str
    ) -> torch.Tensor:
        low, high = torch.aminmax(x)
        ctx.outside = max(-float(low), float(high)) > bound
        ctx.save_for_backward(x)
        ctx.evaluator, ctx.bound, ctx.gradient = evaluator, bound, gradient
        result = torch.empty_like(x)
        evaluator.write(x.clamp(-bound, bound) if ctx.outside else x, bound, result)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        (x,) = ctx.saved_tensors
        (gradient,) = gradients
        if ctx.outside:
            gradient = gradient * (x.abs() <= ctx.bound)
        if ctx.gradient == "relu":
            return relu_backward(gradient, x), None, None, None
        inside = x.clamp(-ctx.bound, ctx.bound) if ctx.outside else x
        return ctx.evaluator.pull_back(inside, ctx.bound, gradient), None, None, None


class TrainingActivations(ReluOnly):
    """Answers ReLU calls as a configuration says; in evaluation they are ReLU itself.

    Parameters
    ----------
    configuration : Configuration
    bounds : dict
        B of each call site, where the configuration needs it.
    evaluators : dict
        Approximations by k; or, for each k, those of each call site.
    rank, processes : int
    device : torch.device

    Attributes
    ----------
    training : bool
    penalty : Tensor or None
        Mean over the call sites of the penalty of the pass, where one is wanted.
    """

    def __init__(
        self,
        configuration: Configuration,
        bounds: dict[str, float],
        evaluators: Mapping[int, Evaluator | Mapping[str, Evaluator]],
        rank: int = 0,
        processes: int = 1,
        device: torch.device | str = "cpu",
    ) -> None:
        self.configuration = configuration
        self.bounds, self.evaluators = bounds, evaluators
        self.rank, self.processes = rank, processes
        noise = configuration.noise
        self.pool = None
        if noise.drawn:
            self.pool = NoisePool(noise.kind, configuration.seed, device)
        self.training = False
        self.generator = torch.Generator()
        self.strength = noise.strength
        self.power = noise.precision[0]
        self.penalties: list[torch.Tensor] = []
        self.sites = 0

    def start(self, seed: int, progress: float) -> None:
        """Begin a training step: draw its precision; `progress` goes from 0 to 1."""
        noise, forward = self.configuration.noise, self.configuration.forward
        self.generator.manual_seed(seed)
        powers = forward.polynomial or noise.precision
        self.power = powers[int(torch.randint(len(powers), (), generator=self.generator))]
        factor = {"rising": progress, "falling": 1 - progress}.get(noise.anneal, 1.0)
        self.strength = noise.strength * factor
        self.penalties, self.sites = [], 0

    @property
    def penalty(self) -> torch.Tensor | None:
        """Mean over the call sites of this pass; None if nothing was outside."""
        return torch.stack(self.penalties).sum() / self.sites if self.penalties else None

    def relu(self, site: str, kind: str, x: torch.Tensor, in_place: bool) -> torch.Tensor:
        """The value in training, or ReLU."""
        if not self.training:
            return torch.relu_(x) if in_place else torch.relu(x)
        value = self._value(site, x)
        return x.copy_(value) if in_place and not x.requires_grad else value

    def _value(self, site: str, x: torch.Tensor) -> torch.Tensor:
        noise, forward = self.configuration.noise, self.configuration.forward
        bound = self._bound(site) if self.configuration.needs_ranges else 0.0
        if self.configuration.range.penalty:
            self._penalise(x, bound)
        if forward.polynomial:
            evaluator = self._evaluator(site)
            return cast(torch.Tensor, _Polynomial.apply(x, evaluator, bound, forward.gradient))  # type: ignore[no-untyped-call]
        if noise.kind == "none":
            return torch.relu(x)
        if noise.kind == "error":
            evaluator = self._evaluator(site)
            return erring_relu(x, evaluator, bound, noise.place, self.strength, noise.side)
        return self._with_random(x, bound)

    def _evaluator(self, site: str) -> Evaluator:
        found = self.evaluators[self.power]
        return found if isinstance(found, Evaluator) else found[site]

    def _bound(self, site: str) -> float:
        if site not in self.bounds:
            raise ConversionError(
                f"the network called a ReLU at {site!r} that calibration did not reach: calibrate "
                "on more images, or give one interval for all layers"
            )
        return self.bounds[site]

    def _with_random(self, x: torch.Tensor, bound: float) -> torch.Tensor:
        noise = self.configuration.noise
        return noisy_relu(x, self._random(x), noise.place, self._size(x, bound), noise.side)

    def _size(self, x: torch.Tensor, bound: float) -> float:
        """By what random noise is multiplied."""
        if self.configuration.noise.unit == "interval":
            return self.strength * bound * 2.0**-self.power
        return self.strength * float(x.detach().float().std())

    def _random(self, x: torch.Tensor) -> torch.Tensor:
        """Random numbers for an input."""
        noise = self.configuration.noise
        pool = cast(NoisePool, self.pool)  # random noise has one
        return random_noise(x, noise, pool, self.generator, self.rank, self.processes)

    def _penalise(self, x: torch.Tensor, bound: float) -> None:
        self.sites += 1
        inside = self.configuration.range.inside
        low, high = torch.aminmax(x.detach())
        if max(-float(low), float(high)) > inside * bound:
            excess = functional.softshrink(x, inside * bound)
            total = torch.linalg.vector_norm(excess, dtype=torch.float32).square()
            self.penalties.append(total / (bound**2 * x.numel()))


def evaluators_of(configuration: Configuration) -> dict[int, Evaluator]:
    """The approximations that a training needs, by k.

    Raises
    ------
    ArgumentError
        If there is none of that name for all call sites.
    """
    name = configuration.forward.approximation
    if name == WEIGHTED:
        raise ArgumentError(
            "forward.approximation is 'weighted', which fit has for networks by name alone: choose another, such as 'ours'"
        )
    return {k: Evaluator(make(name, k)) for k in _powers(configuration)}


def _powers(configuration: Configuration) -> tuple[int, ...]:
    powers = configuration.forward.polynomial or (
        configuration.noise.precision if configuration.noise.kind == "error" else ()
    )
    return tuple(dict.fromkeys(powers))


def fitted(
    network: nn.Module, calibration: Iterable[Batch], configuration: Configuration
) -> tuple[dict[str, float], dict[int, dict[str, Approximation]]]:
    """Intervals, and for each k and call site the approximation weighted by its inputs.

    Parameters
    ----------
    network : nn.Module
        At the start of the training.
    calibration : iterable
        Training images, not augmented.
    configuration : Configuration

    Returns
    -------
    bounds : dict of str to float
    approximations : dict
        k to call site to approximation, on [−1, 1].
    """
    limits = configuration.range
    measured = measure(network, calibration)
    bounds = dict(bounds_of(limits.interval, measured.largest, limits.margin).layers)
    return bounds, {k: weighted(measured, precision=2.0**-k, interval=bounds) for k in _powers(configuration)}
