# SPDX-License-Identifier: Apache-2.0
"""Accuracy with polynomial activations, predicted from a few images, without fitted constants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn

from polyapprox.words import counted

from ..calls.inputs import Batch
from ..calls.running import batches, check_labels, evaluation_mode, run
from ..conversion.report import replacement_of
from ..errors import ArgumentError

_DOING = "predicting accuracy"
_LEAST = 4
_RESAMPLES = 200


@dataclass(frozen=True)
class Prediction:
    """Accuracy that a converted network is expected to have: an estimate.

    Attributes
    ----------
    accuracy : float
        With the deviations of the few images, moved by rank to all others.
    low, high : float
        Where it is in 95 of 100 resamplings of the images, those for deviations and all others.
    gaussian : float
        By σ alone, the mean of Φ(lead/(√2 σ)): as if every logit moved for itself, all alike.
    exact : float
        Accuracy of the network with the functions themselves.
    sigma : float
        rms of the deviation of a logit (less the mean over the classes, which changes nothing).
    bias : float
        Share of the squared deviation that is one constant of each class.
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
    images: int
    sample: int


def predict_accuracy(
    model: nn.Module,
    converted: nn.Module,
    loader: Iterable[Batch],
    *,
    images: int = 24,
    seed: int = 0,
) -> Prediction:
    """Predict the accuracy of a converted network from how a few images' logits move.

    The exact network sees all images, the converted one only the first few. How the logits of one
    of these move is noted by rank, the largest logit first, and added to the logits of every
    image by their ranks; the accuracy is the share of those pairs whose label wins. Leading logits
    move more than the others, and towards each other, which a spread that is the same for all
    (`gaussian`) does not see. No label is used but to say what is right.

    Parameters
    ----------
    model : nn.Module
        With the functions themselves.
    converted : nn.Module
        The same by :func:`nn_bridge.convert`, corrected or not.
    loader : iterable of (Tensor, labels)
    images : int
        How many of the first ones the converted network sees.
    seed : int
        Of the resampling.

    Returns
    -------
    Prediction

    Raises
    ------
    ArgumentError
        If `converted` is not, or a batch lacks labels, or images are too few.

    Examples
    --------
    >>> from nn_bridge import convert
    >>> network = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2)).eval()
    >>> x = torch.randn(100, 2)
    >>> fine = convert(network, precision=2**-12, calibrate=[x])
    >>> found = predict_accuracy(network, fine, [(x, network(x).argmax(1))])
    >>> found.exact, found.accuracy > 0.99
    (1.0, True)
    """
    replacement_of(converted)
    if images < _LEAST:
        raise ArgumentError(f"images is {images!r}: give at least {_LEAST}")
    return law_of(*_measured(model, converted, loader, images), seed)


def law_of(
    logits: torch.Tensor, labels: torch.Tensor, deviations: torch.Tensor, seed: int = 0
) -> Prediction:
    """The law, from exact logits and from how those of a few images move.

    Parameters
    ----------
    logits : Tensor, shape (images, classes)
    labels : Tensor of int64, shape (images,)
    deviations : Tensor, shape (sample, classes)
        Less their mean over the classes.
    seed : int
    """
    if len(deviations) < _LEAST:
        raise ArgumentError(f"the loader has {counted(len(deviations), 'image')}: give at least {_LEAST}")
    order = logits[: len(deviations)].argsort(1, descending=True)
    hits = _hits(logits, labels, deviations.gather(1, order))
    variance = deviations.var(0, correction=1).sum()
    squares = deviations.square().sum(1).mean()
    constant = deviations.mean(0).square().sum() - variance / len(deviations)
    sigma = float((squares / deviations.shape[1]).sqrt())
    low, high = _interval(hits, seed)
    return Prediction(
        accuracy=float(hits.mean()),
        low=low,
        high=high,
        gaussian=float(_gaussian(logits, labels, sigma)),
        exact=float((logits.argmax(1) == labels).double().mean()),
        sigma=sigma,
        bias=max(0.0, float(constant / squares)) if squares > 0 else 0.0,
        images=len(logits),
        sample=len(deviations),
    )


def _measured(
    model: nn.Module, converted: nn.Module, loader: Iterable[Batch], images: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Exact logits and labels of all images, deviations of the first ones."""
    logits, known, deviations, seen = [], [], [], 0
    with evaluation_mode(model), evaluation_mode(converted), torch.no_grad():
        for number, (inputs, labels) in enumerate(batches(model, loader), 1):
            if labels is None:
                raise ArgumentError("a batch has no labels: give pairs (inputs, labels)")
            check_labels(labels, inputs, number)
            exact = run(model, inputs, number, _DOING).double()
            logits.append(exact)
            known.append(labels)
            part = inputs[: images - seen]
            if len(part):
                moved = run(converted, part, number, _DOING).double()
                deviations.append(centred(moved - exact[: len(part)]))
                seen += len(part)
    return torch.cat(logits), torch.cat(known), torch.cat(deviations)


def centred(deviations: torch.Tensor) -> torch.Tensor:
    """Less their mean over the classes, which changes no prediction."""
    return deviations - deviations.mean(1, keepdim=True)


def _hits(logits: torch.Tensor, labels: torch.Tensor, moves: torch.Tensor) -> torch.Tensor:
    """1 where the label still wins after a move, shape (moves, images); moves are by rank."""
    order = logits.argsort(1, descending=True)
    ranked = logits.gather(1, order)
    label = (order == labels[:, None]).long().argmax(1)
    return torch.stack([((ranked + move).argmax(1) == label).double() for move in moves])


def _gaussian(logits: torch.Tensor, labels: torch.Tensor, sigma: float) -> torch.Tensor:
    """Mean of Φ(lead/(√2 σ)), the lead being that over the largest other logit."""
    own = logits.gather(1, labels[:, None])
    other = logits.scatter(1, labels[:, None], -torch.inf).max(1).values
    tiny = torch.finfo(logits.dtype).tiny
    return cast("torch.Tensor", torch.special.ndtr((own[:, 0] - other) / max(2**0.5 * sigma, tiny)).mean())


def _interval(hits: torch.Tensor, seed: int) -> tuple[float, float]:
    """2.5 and 97.5 percentiles over resampled moves and images."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(_RESAMPLES):
        few, many = (torch.randint(n, (n,), generator=generator) for n in hits.shape)
        found.append(hits[:, many].mean(1)[few].mean())
    edges = torch.stack(found).quantile(torch.tensor([0.025, 0.975], dtype=torch.float64))
    return float(edges[0]), float(edges[1])
