# SPDX-License-Identifier: Apache-2.0
"""The optimiser, its schedule, and the moving average of the weights."""

from __future__ import annotations

import math

import torch
from torch import nn

from .configuration import Optimisation


def optimiser_of(network: nn.Module, optimisation: Optimisation) -> torch.optim.SGD:
    """Nesterov's method with one weight decay for weights of maps, another for all else.

    Examples
    --------
    >>> groups = optimiser_of(nn.Linear(3, 2), Optimisation(decay=0.1)).param_groups
    >>> [(len(group["params"]), group["weight_decay"]) for group in groups]
    [(1, 0.1), (1, 0.0)]
    """
    maps = [p for p in network.parameters() if p.requires_grad and p.dim() > 1]
    others = [p for p in network.parameters() if p.requires_grad and p.dim() <= 1]
    groups = [
        {"params": maps, "weight_decay": optimisation.decay},
        {"params": others, "weight_decay": optimisation.decay_others},
    ]
    return torch.optim.SGD(
        [group for group in groups if group["params"]],
        lr=optimisation.learning_rate,
        momentum=optimisation.momentum,
        nesterov=optimisation.momentum > 0,
    )


def rate_at(optimisation: Optimisation, step: int, steps_an_epoch: int) -> float:
    """Learning rate of a step, counted from 0.

    Examples
    --------
    >>> [rate_at(Optimisation(epochs=2, learning_rate=1.0), step, 2) for step in (0, 2)]
    [1.0, 0.5]
    """
    done = step / (optimisation.epochs * steps_an_epoch)
    warmup = optimisation.warmup * steps_an_epoch
    rate = optimisation.learning_rate
    if optimisation.schedule == "cosine":
        rate *= (1 + math.cos(math.pi * done)) / 2
    elif optimisation.schedule == "step":
        rate *= 0.1 ** ((done >= 0.5) + (done >= 0.75))
    elif optimisation.schedule == "linear":
        held = optimisation.hold / optimisation.epochs
        rate *= min(1.0, (1 - done) / (1 - held))
    return rate * min(1.0, (step + 1) / warmup) if warmup else rate


def dose_of(optimisation: Optimisation, steps_an_epoch: int) -> float:
    """The dose of a decay of 1 in a whole training: Σ learning rate / (1 − momentum) over its steps.

    A parameter without a gradient shrinks by about exp(−dose · decay); trainings of different
    lengths decay alike where dose times decay is the same.

    Examples
    --------
    >>> dose_of(Optimisation(epochs=2, learning_rate=1.0, momentum=0.5), 2)
    5.0
    """
    rates = (rate_at(optimisation, step, steps_an_epoch) for step in range(optimisation.epochs * steps_an_epoch))
    return sum(rates) / (1 - optimisation.momentum)


class Average:
    """Exponential moving average of the parameters and buffers of a network.

    Corrected for its start, as the moments of Adam are (Kingma and Ba, arXiv 1412.6980, section
    3): after the first step it is that step's network.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.state = {name: value.clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take in the values after a step."""
        self.steps += 1
        share = (1 - self.decay) / (1 - self.decay**self.steps)
        for name, value in network.state_dict().items():
            mean = self.state[name]
            if mean.is_floating_point():
                mean.lerp_(value, share)
            else:
                mean.copy_(value)
