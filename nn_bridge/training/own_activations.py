# SPDX-License-Identifier: Apache-2.0
"""What answers every activation of a model of anybody's in training, in any loop."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import torch
import torch.distributed
from torch import nn

from ..activations.building import Activation, build
from ..calls.exact import exact_value
from ..calls.functions import Call
from ..calls.normalising import VECTOR_FUNCTIONS
from ..errors import ConversionError
from .activations import TrainingActivations, evaluators_of
from .configuration import Configuration

_POOLS = ("max_pool1d", "max_pool2d", "adaptive_max_pool1d", "adaptive_max_pool2d")


_KEPT = 1 << 16
"""Calls of which the step is known, for a backward pass that computes them again."""


def in_backward() -> bool:
    """Whether a backward pass runs: what is called then, a checkpoint computes again."""
    return torch._C._current_graph_task_id() >= 0


class OwnLoopActivations(TrainingActivations):
    """Answers every activation that can be converted; the same noise if a pass is computed again.

    The noise of a site depends on the step and the site alone. Activation checkpointing runs a segment again
    in the backward pass, maybe after further passes: it sets torch's random numbers back, so a number drawn at
    each site, as dropout does, says which step it is of.
    """

    def __init__(self, configuration: Configuration, bounds: dict[str, float], model: nn.Module) -> None:
        group = torch.distributed.is_available() and torch.distributed.is_initialized()
        rank = torch.distributed.get_rank() if group else 0
        count = torch.distributed.get_world_size() if group else 1
        device = next((p.device for p in model.parameters()), torch.device("cpu"))
        super().__init__(configuration, bounds, evaluators_of(configuration), rank, count, device)
        self.seed = 0
        self.steps: dict[int, tuple[int, int, float]] = {}
        self.blind = False
        self.made: dict[tuple[str, int], Activation] = {}

    def start(self, seed: int, progress: float) -> None:
        """Begin a step."""
        super().start(seed, progress)
        self.seed, self.blind = seed, False

    @property
    def penalty(self) -> torch.Tensor | None:
        """Mean over the call sites of the last pass; None if nothing was outside.

        Raises
        ------
        ConversionError
            If that pass kept no gradients, which the loss needs now.
        """
        if self.blind and torch.is_grad_enabled():
            raise ConversionError(
                "the penalty has no gradient: the pass ran in torch.no_grad(), or in a checkpoint with "
                "use_reentrant=True; take use_reentrant=False, or no penalty"
            )
        return super().penalty

    @torch._disable_dynamo  # type: ignore[attr-defined]  # noise is drawn in Python
    def activation(
        self, site: str, call: Call, x: torch.Tensor, exact: Callable[[], torch.Tensor]
    ) -> torch.Tensor:
        """The value in training; torch's own in evaluation."""
        if not self._begin(site):
            return exact()
        self.generator.manual_seed((self.seed + zlib.crc32(site.encode())) % 2**63)
        if call.name == "relu":
            return self.relu(site, call.kind, x, call.in_place)
        value = self._other(site, call, x)
        return x.copy_(value) if call.in_place and not x.requires_grad else value

    def _begin(self, site: str) -> bool:
        """Take up the step that a call is of; whether there is noise at all."""
        again = in_backward()
        if not (self.training or again):
            return False
        drawn = int(torch.randint(2**62, ()))
        if not again:
            self.steps[drawn] = self.seed, self.power, self.strength
            if len(self.steps) > _KEPT:
                del self.steps[next(iter(self.steps))]
        elif drawn in self.steps:
            self.seed, self.power, self.strength = self.steps[drawn]
        elif self.training:
            raise ConversionError(
                f"{site!r} runs in the backward pass, and not as it ran before: take checkpoints with "
                "preserve_rng_state=True, so that both have the same noise"
            )
        return drawn in self.steps

    def _penalise(self, x: torch.Tensor, bound: float) -> None:
        """Note what inputs outside cost, once: not what a checkpoint computes again."""
        before = self.penalties[:], self.sites
        super()._penalise(x, bound)
        if in_backward():
            self.penalties, self.sites = before
        self.blind |= not torch.is_grad_enabled()

    def _other(self, site: str, call: Call, x: torch.Tensor) -> torch.Tensor:
        """Of a function that is not ReLU, by what the configuration does to ReLU."""
        noise, forward = self.configuration.noise, self.configuration.forward
        if call.name in VECTOR_FUNCTIONS and not forward.polynomial and noise.kind != "error":
            return exact_value(call, x)  # of no interval that noise could count in
        bound = self._bound(site) if self.configuration.needs_ranges else 0.0
        call = Call(call.name, call.kind, call.options)
        if self.configuration.range.penalty:
            self._penalise(x, bound)
        if forward.polynomial:
            return self._polynomial(site, call, x, bound)
        if noise.kind == "none" or (noise.kind != "error" and call.name in _POOLS):
            return exact_value(call, x)
        if noise.kind == "error":
            value = exact_value(call, x)
            with torch.no_grad():
                error = self._polynomial(site, call, x, bound) - value
                error = error if call.name in _POOLS else _on_side(x, error, noise.side)
            return value + self.strength * error
        drawn = self._size(x, bound) * self._random(x).to(x.dtype)
        if noise.place == "before":
            return exact_value(call, x + _on_side(x, drawn, noise.side))
        return exact_value(call, x) + _on_side(x, drawn, noise.side)

    def _polynomial(self, site: str, call: Call, x: torch.Tensor, bound: float) -> torch.Tensor:
        key = site, self.power
        if key not in self.made or self.made[key].bound != bound:
            relu = self._evaluator(site)
            self.made[key] = build(call, x.shape, bound, relu, 2.0**-self.power, "report", site)
        return self.made[key].forward(x.clamp(-bound, bound))


def _on_side(x: torch.Tensor, values: torch.Tensor, side: str) -> torch.Tensor:
    """Values where x is on a side of 0 (0 is negative), else 0."""
    if side == "both":
        return values
    wanted = x.detach() > 0 if side == "positive" else x.detach() <= 0
    return torch.where(wanted, values, torch.zeros_like(values))
