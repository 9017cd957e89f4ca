# SPDX-License-Identifier: Apache-2.0
"""What has a range at a call site: its inputs, or of functions of vectors what they divide by.

==========  =======================================================================================
softmax     the scores that no mask takes out, by head (axis 1 of four), and log Σ exp(s/2^k)
layer_norm  the variance of each vector, plus eps
rms_norm    the mean square of each vector, plus eps
==========  =======================================================================================
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from ..activations.vectors import unmasked
from ..calls.functions import Call

HALVINGS = 5
"""Of the scores: sums are measured for k below it."""


class Statistic(NamedTuple):
    """What is measured at a call site.

    Attributes
    ----------
    values : Tensor
    by_channel : bool or None
        Whether channels are told apart; None: as they are asked for.
    sums : Tensor, shape (channels, 2·HALVINGS + 2), float64
        Of softmax: least and largest log Σ exp(s/2^k), k = 0, 1, …, then 0 and whether there was a
        mask; else of no width.
    length : int
        Of the vectors; 1 for functions of numbers.
    """

    values: torch.Tensor
    by_channel: bool | None
    sums: torch.Tensor
    length: int


def statistic(call: Call, x: torch.Tensor) -> Statistic:
    """What is to be measured of the input of a call.

    Examples
    --------
    >>> norm = Call("layer_norm", "nn.LayerNorm", (("dims", 1), ("eps", 0.5)))
    >>> statistic(norm, torch.tensor([[1.0, 3.0]])).values
    tensor([1.5000], dtype=torch.float64)
    """
    if call.name == "softmax":
        return _scores(x.detach().movedim(call.option("dim"), -1).double())
    if call.name in ("layer_norm", "rms_norm"):
        vectors = x.detach().double().flatten(x.ndim - call.option("dims"))
        return Statistic(mean_squares(call, vectors).squeeze(-1), False, _none(1), vectors.shape[-1])
    return Statistic(x, None, _none(1), 1)


def mean_squares(call: Call, vectors: torch.Tensor) -> torch.Tensor:
    """Mean of the squares along the last axis (less the mean, where the call takes it off), plus eps."""
    if call.name == "layer_norm":
        vectors = vectors - vectors.mean(-1, keepdim=True)
    found: torch.Tensor = vectors.square().mean(-1, keepdim=True) + call.option("eps")
    return found


def by_head(scores: torch.Tensor) -> bool:
    """Whether axis 1 is that of heads: (batch, heads, queries, keys)."""
    return scores.ndim == 4


def _none(channels: int) -> torch.Tensor:
    return torch.zeros((channels, 0), dtype=torch.float64)


def _scores(scores: torch.Tensor) -> Statistic:
    apart = by_head(scores)
    heads = scores.shape[1] if apart else 1
    kept = unmasked(scores)
    rows = (scores.movedim(1, 0) if apart else scores).reshape(heads, -1, scores.shape[-1])
    sums = []
    for k in range(HALVINGS):
        found = torch.logsumexp(torch.where(unmasked(rows), rows / 2**k, -torch.inf), -1)
        seen = torch.isfinite(found)
        sums += [torch.where(seen, found, torch.inf).amin(1), torch.where(seen, found, -torch.inf).amax(1)]
    masked = torch.full_like(sums[0], float(not bool(kept.all())))
    if masked.any():
        least = torch.where(unmasked(rows), rows, torch.inf).amin((1, 2))
        scores = torch.where(kept, scores, least.view((-1, *[1] * (scores.ndim - 2)) if apart else ()))
    together = torch.stack([*sums, torch.zeros_like(masked), masked], 1).cpu()
    return Statistic(scores, apart, together, scores.shape[-1])
