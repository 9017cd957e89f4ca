# SPDX-License-Identifier: Apache-2.0
"""Accuracy with polynomial activations, predicted from a few images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import nn

from ..calls.inputs import Batch, logits_of
from ..calls.running import batches, check_classes, check_labels, evaluation_mode, run
from ..conversion.report import replacement_of
from ..errors import ArgumentError
from .law import LEAST, Prediction, centred, law_of

_DOING = "predicting accuracy"
_TIMES = 4
_SURE = 96
"""Bars of fewer images are too short too often to stop at."""


def predict_accuracy(
    model: nn.Module,
    converted: nn.Module,
    loader: Iterable[Batch],
    *,
    images: int = 24,
    within: float | None = None,
) -> Prediction:
    """Predict the accuracy of a converted network from how a few images' logits move.

    The exact network sees all images, the converted one only the first few. How the logits of one
    of these move (one constant of each class apart) is noted by rank, the largest logit first, and
    added to the logits of every image by their ranks; the accuracy is the share of those pairs whose
    label wins, those of like leads counting more. Leading logits move more than the others, and
    towards each other, which a spread that is the same for all (`gaussian`) does not see. Where the
    images are many, what they did themselves is heard too.

    Parameters
    ----------
    model : nn.Module
        With the functions themselves.
    converted : nn.Module
        The same by :func:`nn_bridge.convert`, corrected or not.
    loader : iterable of (Tensor, labels)
    images : int
        How many of the first ones the converted network sees: a fair sample, not sorted by class.
    within : float, optional
        It sees 96 at least and four times as many, and again, until `high` and `low` are this near to
        their middle (0.02 is two points) or all are seen. The loader is gone through once more each
        time and must not shuffle.

    Returns
    -------
    Prediction

    Raises
    ------
    ArgumentError
        If `converted` is not, a batch lacks labels, images are too few, or `within` is asked of a
        loader that does not give the same again.

    Examples
    --------
    >>> from nn_bridge import convert
    >>> network = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2)).eval()
    >>> x = torch.randn(100, 2)
    >>> fine = convert(network, precision=2**-12, calibrate=[x])
    >>> found = predict_accuracy(network, fine, [(x, network(x).argmax(1))])
    >>> found.exact, found.accuracy > 0.99, found.clear
    (1.0, True, True)
    """
    replacement_of(converted)
    if images < LEAST:
        raise ArgumentError(f"images is {images!r}: give at least {LEAST}")
    if within is not None and not within > 0:
        raise ArgumentError(f"within is {within!r}: give a share of images above 0, as 0.02")
    if within is not None and isinstance(loader, Iterator):
        raise ArgumentError("within needs a loader that can be gone through again: give a list or DataLoader")
    first = images if within is None else max(images, _SURE)
    logits, labels, deviations = _measured(model, converted, loader, first)
    found = law_of(logits, labels, deviations)
    while within is not None and found.high - found.low > 2 * within and found.sample < len(logits):
        more = slice(found.sample, _TIMES * found.sample)
        deviations = torch.cat([deviations, _moved(model, converted, loader, more, logits, labels)])
        found = law_of(logits, labels, deviations)
    return found


def _measured(
    model: nn.Module, converted: nn.Module, loader: Iterable[Batch], images: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Exact logits and labels of all images, deviations of the first ones."""
    logits, known, deviations, seen = [], [], [], 0
    with evaluation_mode(model), evaluation_mode(converted), torch.no_grad():
        for number, inputs, labels in _labelled(model, loader):
            exact = logits_of(run(model, inputs, number, _DOING)).double()
            check_classes(labels, exact, number)
            logits.append(exact)
            known.append(labels.long())
            part = inputs[: images - seen]
            if len(part):
                moved = logits_of(run(converted, part, number, _DOING)).double()
                deviations.append(centred(moved - exact[: len(part)]))
                seen += len(part)
    if not known:
        raise ArgumentError("no image of the loader has a label: give class numbers from 0")
    return torch.cat(logits), torch.cat(known), torch.cat(deviations)


def _labelled(model: nn.Module, loader: Iterable[Batch]) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
    """Number of a batch, and of its images those with a label: one below 0 is none."""
    for number, (inputs, labels) in enumerate(batches(model, loader), 1):
        if labels is None:
            raise ArgumentError("a batch has no labels: give pairs (inputs, labels)")
        check_labels(labels, inputs, number)
        known = labels >= 0
        if bool(known.any()):
            yield number, inputs[known], labels[known]


def _moved(
    model: nn.Module,
    converted: nn.Module,
    loader: Iterable[Batch],
    wanted: slice,
    logits: torch.Tensor,
    known: torch.Tensor,
) -> torch.Tensor:
    """Deviations of further images, from the loader once more."""
    deviations, end = [], 0
    with evaluation_mode(converted), torch.no_grad():
        for number, inputs, labels in _labelled(model, loader):
            start, end = end, end + len(inputs)
            if not torch.equal(labels.long(), known[start:end]):
                raise ArgumentError("the loader gave other labels when gone through again: do not shuffle")
            first, last = max(start, wanted.start), min(end, wanted.stop)
            if first < last:
                moved = logits_of(run(converted, inputs[first - start : last - start], number, _DOING)).double()
                deviations.append(centred(moved - logits[first:last]))
            if end >= wanted.stop:
                break
    return torch.cat(deviations)
