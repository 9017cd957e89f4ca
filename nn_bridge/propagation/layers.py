# SPDX-License-Identifier: Apache-2.0
"""Statistics of the error of one activation, image by image and input by input."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch

from ..activations.building import Activation


@dataclass(frozen=True)
class LayerError:
    """Errors of one activation over all images that were seen.

    Attributes
    ----------
    site : str
    bound : float
        B.
    proven : float
        Proven bound of the error inside [−B, B].
    bias_negative, bias_positive : float
        Mean error at inputs below and above 0.
    rms_negative, rms_positive, rms : float
        Root of the mean squared error: below 0, above 0, everywhere.
    relative : float
        rms divided by the rms of the exact values.
    negative : float
        Share of the inputs below 0.
    dead : float
        Share of the inputs within `proven` of 0: smaller than the error may be.
    outside : float
        Share of the inputs outside [−B, B].
    carried : float
        rms of the deviation from the exact network's value here: own error and all earlier ones.
    amplification : float
        `carried` divided by that of the activation before (1 for the first).
    predicted_norm : float
        rms of the logits' deviation by ‖J_l‖·rms: as if the error were random.
    predicted : float
        The same by J_l e_l: to first order, with the error as it is.
    observed : float
        The same with this activation alone replaced.
    """

    site: str
    bound: float
    proven: float
    bias_negative: float
    bias_positive: float
    rms_negative: float
    rms_positive: float
    rms: float
    relative: float
    negative: float
    dead: float
    outside: float
    carried: float
    amplification: float
    predicted_norm: float
    predicted: float
    observed: float


@dataclass
class LayerSums:
    """Sums from which a :class:`LayerError` is made."""

    count: int = 0
    negatives: int = 0
    dead: int = 0
    outside: int = 0
    values: float = 0.0
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0])
    squares: list[float] = field(default_factory=lambda: [0.0, 0.0])
    carried: float = 0.0
    norm: float = 0.0
    linear: float = 0.0
    alone: float = 0.0
    images: int = 0

    def errors(
        self, activation: Activation, x: torch.Tensor, exact: torch.Tensor, error: torch.Tensor
    ) -> None:
        """Add the errors at the exact network's inputs."""
        negative = x < 0 if x.shape == error.shape else torch.zeros_like(error, dtype=torch.bool)
        self.count += error.numel()
        self.negatives += int(negative.sum())
        self.dead += int((x.abs() <= activation.error_bound).sum()) * error.numel() // x.numel()
        self.outside += int((x.abs() > activation.limits(x)).sum()) * error.numel() // x.numel()
        self.values += float(exact.double().square().sum())
        for index, part in enumerate((error[negative], error[~negative])):
            self.sums[index] += float(part.double().sum())
            self.squares[index] += float(part.double().square().sum())

    def finish(self, site: str, activation: Activation, before: float, logits: int) -> LayerError:
        """The statistics; `before` is what the activation before carried."""
        counts = (self.negatives, self.count - self.negatives)
        bias = [total / max(n, 1) for total, n in zip(self.sums, counts, strict=True)]
        rms = [math.sqrt(t / max(n, 1)) for t, n in zip(self.squares, counts, strict=True)]
        total = math.sqrt(sum(self.squares) / self.count)
        carried = math.sqrt(self.carried / self.count)
        many = self.images * logits
        return LayerError(
            site,
            activation.bound,
            activation.error_bound,
            bias[0],
            bias[1],
            rms[0],
            rms[1],
            total,
            total / math.sqrt(self.values / self.count) if self.values else math.inf,
            self.negatives / self.count,
            self.dead / self.count,
            self.outside / self.count,
            carried,
            carried / before if before else 1.0,
            math.sqrt(self.norm / many),
            math.sqrt(self.linear / many),
            math.sqrt(self.alone / many),
        )
