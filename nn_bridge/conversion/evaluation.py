# SPDX-License-Identifier: Apache-2.0
"""`evaluate`: accuracy of a network, and what its activations saw."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ..calls.answering import answering
from ..calls.inputs import Batch, logits_of, winners
from ..calls.running import (
    check_classes,
    check_labels,
    check_weights,
    evaluation_mode,
    every_batch,
    run,
)
from ..errors import ArgumentError
from .report import Replacement


@dataclass(frozen=True)
class SiteCount:
    """Inputs of one call site during an evaluation.

    Attributes
    ----------
    site : str
    bound : float
        B (the largest, where each channel has its own).
    elements, outside : int
        Inputs, and those outside [−B, B] (of their channel).
    share_outside : float
        Outside divided by elements.
    largest_ratio : float
        Largest |x|/B.
    """

    site: str
    bound: float
    elements: int
    outside: int
    share_outside: float
    largest_ratio: float


@dataclass(frozen=True)
class EvaluationResult:
    """Accuracy on a loader.

    Attributes
    ----------
    accuracy : float
        Correct divided by images, from 0 to 1.
    correct, images : int
        Of pixels, where each has a label.
    sites : tuple of SiteCount
        Of a converted network; empty otherwise.
    seconds : float
    """

    accuracy: float
    correct: int
    images: int
    sites: tuple[SiteCount, ...]
    seconds: float

    @property
    def outside(self) -> int:
        """Inputs of all call sites outside their intervals."""
        return sum(site.outside for site in self.sites)

    @property
    def largest_ratio(self) -> float:
        """Largest |x|/B of all call sites (0 without any)."""
        return max((site.largest_ratio for site in self.sites), default=0.0)


def evaluate(model: nn.Module, loader: Iterable[Batch]) -> EvaluationResult:
    """Accuracy of a classifier, converted or not, over a loader.

    The network runs in evaluation mode without gradients; its training flags are restored.

    Parameters
    ----------
    model : nn.Module
        Gives logits of shape (images, classes), or (images, classes, height, width) where each pixel
        has a label; or something that holds them (:func:`nn_bridge.calls.inputs.logits_of`).
    loader : iterable of (Tensor, labels)
        Labels below 0 are of nothing and do not count.

    Raises
    ------
    ArgumentError
        If the loader gives no batch, or one without labels, or one that does not fit; if a label is no class.
    ConversionError
        If a weight or a batch is not finite.
    OutOfRangeError
        Under the policy ``outside="raise"``.

    Examples
    --------
    >>> network = nn.Sequential(nn.ReLU())
    >>> evaluate(network, [(torch.eye(3), torch.tensor([0, 1, 0]))]).correct
    2
    """
    check_weights(model, "evaluating")
    activations = _activations(model)
    for activation in activations.values():
        activation.reset()
    correct = images = 0
    start = time.perf_counter()
    with evaluation_mode(model), torch.no_grad(), _silent(model):
        for number, (inputs, labels) in enumerate(every_batch(model, loader), 1):
            if labels is None:
                raise ArgumentError("a batch has no labels: give pairs (inputs, labels)")
            logits = logits_of(run(model, inputs, number, "evaluating"))
            if labels.ndim < 2 or logits.ndim != labels.ndim + 1:
                check_labels(labels, inputs, number)
            _check_scores(logits, labels, number)
            correct += int(((winners(logits) == labels) & (labels >= 0)).sum())
            images += int((labels >= 0).sum())
    seconds = time.perf_counter() - start
    sites = tuple(
        SiteCount(
            site,
            activation.bound,
            activation.seen.elements,
            activation.seen.outside,
            activation.seen.share_outside,
            activation.seen.ratio,
        )
        for site, activation in _activations(model).items()
    )
    return EvaluationResult(correct / max(images, 1), correct, images, sites, seconds)


def _check_scores(logits: torch.Tensor, labels: torch.Tensor, number: int) -> None:
    """Refuse scores that are not those of the classes, on axis 1, of each label."""
    if logits.ndim < 2 or logits.shape[:1] + logits.shape[2:] != labels.shape:
        raise ArgumentError(
            f"batch {number} of the loader has labels of shape {tuple(labels.shape)}, and the network "
            f"gave scores of shape {tuple(logits.shape)}: the classes are on axis 1, all other axes are alike"
        )
    check_classes(labels, logits, number)


def _replacement(model: nn.Module) -> Replacement | None:
    asking = answering(model)
    handler = None if asking is None else asking.handler
    return handler if isinstance(handler, Replacement) else None


def _activations(model: nn.Module) -> dict[str, Any]:
    replacement = _replacement(model)
    return {} if replacement is None else replacement.activations


def _silent(model: nn.Module) -> AbstractContextManager[None]:
    """No warning: the result says how many inputs were outside."""
    replacement = _replacement(model)
    return nullcontext() if replacement is None else replacement.silent()
