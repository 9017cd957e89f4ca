# SPDX-License-Identifier: Apache-2.0
"""Accuracy against precision, and the least precision that keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from ..calls.inputs import Batch
from ..calls.running import batches
from ..conversion.evaluation import evaluate
from ..conversion.network import convert
from ..errors import ArgumentError
from ..ranges.bounds import MARGIN, Interval
from ..ranges.calibration import calibrate as largest_inputs


@dataclass(frozen=True)
class AccuracyCurve:
    """Accuracy of a network against the precision 2^-k of its activations.

    Attributes
    ----------
    exact : float
        With the functions themselves.
    accuracy : dict
        k to accuracy.
    loss : float
        Accuracy that may be lost.
    """

    exact: float
    accuracy: dict[int, float]
    loss: float

    @property
    def critical(self) -> int | None:
        """The smallest k from which on no more than `loss` is lost; None if even the last loses.

        Examples
        --------
        >>> AccuracyCurve(0.92, {4: 0.5, 5: 0.919, 6: 0.91, 7: 0.918}, 0.005).critical
        7
        """
        found = None
        for k in sorted(self.accuracy, reverse=True):
            if self.accuracy[k] < self.exact - self.loss:
                break
            found = k
        return found


def accuracy_curve(
    model: nn.Module,
    loader: Iterable[Batch],
    *,
    powers: Sequence[int] = tuple(range(4, 13)),
    loss: float = 0.005,
    interval: Interval = "per-layer",
    calibrate: Iterable[Batch] | Mapping[str, float] | None = None,
    margin: float = MARGIN,
) -> AccuracyCurve:
    """Measure the accuracy of a network for precisions 2^-k.

    Parameters
    ----------
    model : nn.Module
        Not converted; it is left as it was.
    loader : iterable of (Tensor, labels)
    powers : sequence of int
        The k to measure.
    loss : float
        Accuracy that may be lost (0.005: half a point).
    interval, calibrate, margin
        As for :func:`nn_bridge.convert`; by default ranges are those of the loader's own images.

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> import torch
    >>> network = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2)).eval()
    >>> x = torch.randn(100, 2)
    >>> curve = accuracy_curve(network, [(x, network(x).argmax(1))], powers=(4, 14))
    >>> curve.exact, curve.critical in (4, 14)
    (1.0, True)
    """
    if not powers or not all(1 <= k <= 40 for k in powers):
        raise ArgumentError(f"powers is {powers!r}: give whole numbers from 1 to 40")
    if not 0 <= loss < 1:
        raise ArgumentError(f"loss is {loss!r}: give a share of the images, such as 0.005")
    data = list(batches(model, loader))
    ranges = largest_inputs(model, data) if calibrate is None else calibrate
    if not isinstance(ranges, Mapping):
        ranges = largest_inputs(model, ranges)
    found = {}
    for k in powers:
        twin = convert(
            model, precision=2.0**-k, interval=interval, calibrate=ranges, margin=margin
        )
        found[k] = evaluate(twin, data).accuracy
    return AccuracyCurve(evaluate(model, data).accuracy, found, loss)
