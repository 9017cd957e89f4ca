# SPDX-License-Identifier: Apache-2.0
"""The law of accuracy: from exact logits of all images and from how those of a few move."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch

from polyapprox.words import counted

from ..calls.inputs import winners
from ..errors import ArgumentError

LEAST = 4
"""Images whose logits move, at least."""
MISSED = 0.2
"""What the law may get wrong however many images it has, as a share of those whose outcome changes: chosen on five
published networks; how often the truth is in the bars is counted on the page of the paper."""
CLEAR = 0.02
"""Half a bar up to which :attr:`Prediction.clear` calls a prediction clear."""
_LONG, _NORMAL = 3.0, 1.959964


@dataclass(frozen=True)
class Prediction:
    """Accuracy that a converted network is expected to have on the images given: an estimate.

    Attributes
    ----------
    accuracy : float
        By the law, moved towards what the few images themselves did as far as these tell more.
    low, high : float
        Where the measured accuracy is expected in 95 of 100 cases; in fewer if the sample is below a hundred.
    gaussian : float
        By σ alone, the mean of Φ(lead/(√2 σ)): as if every logit moved for itself, all alike.
    exact : float
        Accuracy of the network with the functions themselves.
    sigma : float
        rms of the deviation of a logit (less the mean over the classes, which changes nothing).
    bias : float
        Share of the squared deviation that is one constant of each class.
    changed : float
        Share of images whose outcome, right or wrong, is expected to change.
    images, sample : int
        Images with labels, and how many of them the converted network saw.
    """

    accuracy: float
    low: float
    high: float
    gaussian: float
    exact: float
    sigma: float
    bias: float
    changed: float
    images: int
    sample: int

    @property
    def clear(self) -> bool:
        """Whether the bars are within two points of their middle: if not, more images say more."""
        return self.high - self.low <= 2 * CLEAR


def law_of(logits: torch.Tensor, labels: torch.Tensor, deviations: torch.Tensor) -> Prediction:
    """The law, from exact logits and from how those of the first images move.

    A deviation is one constant of each class (shrunk to what is sure of it) and a rest, which is
    taken by rank, the largest logit first, and added to the logits of images with leads like its own.

    Parameters
    ----------
    logits : Tensor, shape (images, classes)
    labels : Tensor of int64, shape (images,)
    deviations : Tensor, shape (sample, classes)
        Of the first images, less their mean over the classes. What is not finite is never right.

    Raises
    ------
    ArgumentError
        If images are too few.
    """
    sample, images = len(deviations), len(logits)
    if sample < LEAST:
        raise ArgumentError(f"the loader has {counted(sample, 'image')}: give at least {LEAST}")
    right = winners(logits) == labels
    won, weights = _won(logits, labels, deviations), _nearness(logits, sample)
    chance = (weights * won).sum(0)
    changed = float((weights * (won != right)).sum(0).mean())
    moved, error = _seen(won, weights, winners(logits[:sample] + deviations) == labels[:sample])
    share = _share(MISSED * changed, error)
    accuracy = float(chance.mean()) + share * moved
    single = (weights * won - weights * chance).mean(1).square()  # what each image moves the mean by
    variance = float(single.sum()) * sample / (sample - 1) + share * error**2
    down, up = _sides(_student(single) * math.sqrt(variance), changed)
    single_ones = _NORMAL * math.sqrt((changed + 1 / images) / images)  # of images, one by one
    down, up = math.hypot(down, single_ones), math.hypot(up, single_ones)
    finite = deviations[deviations.isfinite().all(1)]
    sigma, bias = _spread(finite)
    return Prediction(
        accuracy=min(1.0, max(0.0, accuracy)),
        low=min(1.0, max(0.0, accuracy - down)),
        high=min(1.0, max(0.0, accuracy + up)),
        gaussian=float(_gaussian(logits, labels, sigma)),
        exact=float(right.double().mean()),
        sigma=sigma,
        bias=bias,
        changed=changed,
        images=images,
        sample=sample,
    )


def centred(deviations: torch.Tensor) -> torch.Tensor:
    """Less their mean over the classes, which changes no prediction."""
    return deviations - deviations.mean(1, keepdim=True)


def _shift(deviations: torch.Tensor) -> torch.Tensor:
    """The constant of each class, nearer to 0 by what is uncertain of it (James and Stein).

    Deviations longer than three times the median are cut to that: one that explodes says nothing
    of the others.
    """
    finite = deviations[deviations.isfinite().all(1)]
    if len(finite) < LEAST:
        return torch.zeros_like(deviations[0])
    lengths = finite.norm(dim=1, keepdim=True)
    tiny = torch.finfo(finite.dtype).tiny
    finite = finite * (_LONG * lengths.median() / lengths.clamp(min=tiny)).clamp(max=1)
    mean = finite.mean(0)
    uncertain = finite.var(0, correction=1).sum() / len(finite)
    kept = max(0.0, 1 - float(uncertain / mean.square().sum().clamp(min=tiny)))
    return cast("torch.Tensor", mean * kept)


def _won(logits: torch.Tensor, labels: torch.Tensor, deviations: torch.Tensor) -> torch.Tensor:
    """Whether the label wins after a deviation, shape (sample, images)."""
    shift = _shift(deviations)
    order = logits.argsort(1, descending=True)
    ranked = (logits + shift).gather(1, order)
    label = (order == labels[:, None]).long().argmax(1)
    moves = (deviations - shift).gather(1, order[: len(deviations)])
    sure = moves.isfinite().all(1)
    return torch.stack(
        [((ranked + move).argmax(1) == label) & known for move, known in zip(moves, sure, strict=True)]
    )


def _nearness(logits: torch.Tensor, sample: int) -> torch.Tensor:
    """How much each image of the sample says of each image, by their leads; columns sum to 1."""
    two = logits.topk(2, dim=1).values
    place = (two[:, 0] - two[:, 1]).argsort().argsort().double() / len(logits)
    away = (place[:sample, None] - place) * sample ** (1 / 3)
    near = torch.exp(-away.float().square() / 2)  # single precision: the largest array there is
    return near / near.sum(0)


def _seen(won: torch.Tensor, weights: torch.Tensor, right: torch.Tensor) -> tuple[float, float]:
    """How much more often the images of the sample are right than the others say, and its error."""
    count = len(right)
    others = weights[:, :count].clone().fill_diagonal_(0)
    expected = (others * won[:, :count]).sum(0) / others.sum(0)
    more = right.double() - expected
    return float(more.mean()), float(more.std()) / math.sqrt(count)


def _share(missed: float, error: float) -> float:
    """Weight of what is seen, of this error, beside a law that may miss so much."""
    return missed**2 / (missed**2 + error**2) if missed else 0.0


def _student(squares: torch.Tensor) -> float:
    """97.5 percentile of Student's t, to second order, for a variance that is the sum of these.

    Its degrees of freedom are Welch's and Satterthwaite's: few where few images make the variance.
    """
    total = float(squares.square().sum())
    if not total:
        return _NORMAL
    freedom = max(1.0, float(squares.sum()) ** 2 / total)
    first = (_NORMAL**3 + _NORMAL) / (4 * freedom)
    return _NORMAL + first + (5 * _NORMAL**5 + 16 * _NORMAL**3 + 3 * _NORMAL) / (96 * freedom**2)


def _sides(deviation: float, changed: float) -> tuple[float, float]:
    """A deviation to both sides, if it is the logarithm of what changes that is symmetric.

    Images whose logits move little say that little changes, and with short bars: what is proportional
    to its own error is told apart on a logarithmic scale.
    """
    if not changed:
        return 0.0, 0.0
    ratio = math.exp(min(deviation / changed, 100.0))
    return changed * (ratio - 1), changed * (1 - 1 / ratio)


def _spread(deviations: torch.Tensor) -> tuple[float, float]:
    """rms of a logit's deviation, and the share of bias in its square."""
    if len(deviations) < LEAST:
        return math.inf, 0.0
    squares = deviations.square().sum(1).mean()
    constant = deviations.mean(0).square().sum() - deviations.var(0, correction=1).sum() / len(deviations)
    sigma = float((squares / deviations.shape[1]).sqrt())
    return sigma, max(0.0, float(constant / squares)) if squares > 0 else 0.0


def _gaussian(logits: torch.Tensor, labels: torch.Tensor, sigma: float) -> torch.Tensor:
    """Mean of Φ(lead/(√2 σ)), the lead being that over the largest other logit."""
    own = logits.gather(1, labels[:, None])
    other = logits.scatter(1, labels[:, None], -torch.inf).max(1).values
    tiny = torch.finfo(logits.dtype).tiny
    return cast("torch.Tensor", torch.special.ndtr((own[:, 0] - other) / max(2**0.5 * sigma, tiny)).mean())
