# SPDX-License-Identifier: Apache-2.0
"""What gains accuracy at no cost, taken where data that it was not fitted to say so."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from polyapprox.weighted.relu import CAP, MOST
from polyapprox.words import counted

from ..activations.evaluator import Evaluator
from ..calls.inputs import Batch, feed, first_tensor, logits_of, winners
from ..calls.running import evaluation_mode, every_batch
from ..conversion.report import Improvement, replacement_of
from ..correction.batch_norms import correct_batch_norms
from ..correction.dead_channels import find_dead_channels, silence
from ..correction.means import correct_means
from ..errors import ArgumentError
from ..ranges.calibration import measured_again
from ..ranges.ranges import BINS, Ranges
from .weighting import weighted

LEAST, TAKEN = 128, 384
"""Inputs that are needed at least, and used at most."""
_LOST = 10.0  # of the rms of the exact outputs: an input whose outputs are as far off says nothing
_APART = 4  # every fourth input judges
_SLACK = 1.05  # a cap that leaves less than this to the weights is not worth a search
Change = Callable[[nn.Module], object]
_Named = tuple[str, Change | None]
_NOTHING: _Named = ("", None)


class Kept:
    """A loader that keeps the first inputs that pass through it."""

    def __init__(self, loader: Iterable[Batch]) -> None:
        self.loader = loader
        self.batches: list[Any] = []
        self.count = 0

    def __iter__(self) -> Iterator[Any]:
        for batch in self.loader:
            if self.count < TAKEN:
                self.batches.append(batch)
                self.count += _length(batch)
            yield batch


def _tensors(batch: Any) -> list[torch.Tensor]:
    values = batch.values() if isinstance(batch, dict) else batch if isinstance(batch, (tuple, list)) else [batch]
    return [value for value in values if isinstance(value, torch.Tensor)]


def _length(batch: Any) -> int:
    return len(_tensors(batch)[0]) if _tensors(batch) else 0


def _part(batch: Any, judges: bool) -> Any:
    """The inputs of a batch that judge, or all others; with their labels."""
    count = _length(batch)

    def of(value: Any) -> Any:
        if not isinstance(value, torch.Tensor) or not value.ndim or len(value) != count:
            return value
        return value[(torch.arange(count, device=value.device) % _APART == _APART - 1) == judges]

    if isinstance(batch, dict):
        return {key: of(value) for key, value in batch.items()}
    return tuple(map(of, batch)) if isinstance(batch, (tuple, list)) else of(batch)


@dataclass(frozen=True)
class _Judged:
    """How far the outputs of a network are from the exact ones, input by input.

    Attributes
    ----------
    deviation : Tensor
        Mean square of each input's, infinite where it is not finite.
    lost : Tensor
        Whether it is beyond all that the exact outputs are: the input left its intervals.
    agreeing : float
        Share of the inputs, or of their places, of the same class.
    """

    deviation: torch.Tensor
    lost: torch.Tensor
    agreeing: float

    @property
    def rms(self) -> float:
        return float(self.deviation.mean().sqrt())

    def better_than(self, other: _Judged) -> bool:
        """Fewer inputs lost, or nearer by twice the standard error of the difference; and no fewer classes agree.

        One input that is lost would hide every other in a mean: they are counted, not averaged.
        """
        if self.agreeing < other.agreeing:
            return False
        fewer = int(other.lost.sum()) - int(self.lost.sum())
        if fewer:
            return fewer > 0
        difference = (self.deviation - other.deviation)[~(self.lost | other.lost)]
        error = float(difference.std()) / len(difference) ** 0.5 if len(difference) > 1 else math.inf
        return float(difference.mean()) < -2 * error


class Exact:
    """The exact outputs of a network that is about to be converted, of inputs that judge.

    Parameters
    ----------
    model : nn.Module
        Not converted yet.
    kept : Kept
    """

    def __init__(self, model: nn.Module, kept: Kept) -> None:
        self.reason = ""
        self.fitting = [_part(batch, False) for batch in kept.batches]
        self.judging = [_part(batch, True) for batch in kept.batches]
        self.outputs: list[torch.Tensor] = []
        if kept.count < LEAST:
            self.reason = f"{counted(kept.count, 'input')} cannot both fit and judge: give {LEAST} or more"
            return
        try:
            self.outputs = list(_outputs(model, self.judging))
            self.size = float(torch.cat([one.flatten() for one in self.outputs]).square().mean())
        except ArgumentError as error:
            self.reason = str(error)

    def judge(self, network: nn.Module) -> _Judged:
        """How far a network is from them."""
        deviations, agreeing, count = [], 0, 0
        for got, exact in zip(_outputs(network, self.judging), self.outputs, strict=True):
            deviations.append((got - exact).square().flatten(1).mean(1))
            same = (winners(got) == winners(exact)) & (winners(got) >= 0)
            agreeing, count = agreeing + int(same.sum()), count + same.numel()
        deviation = torch.nan_to_num(torch.cat(deviations), nan=torch.inf)
        return _Judged(deviation, deviation > _LOST**2 * self.size, agreeing / max(count, 1))


@torch.no_grad()
def _outputs(network: nn.Module, batches: list[Any]) -> Iterator[torch.Tensor]:
    """Scores, float64, the classes on axis 1.

    Raises
    ------
    ArgumentError
        If the outputs hold no scores of classes.
    """
    with evaluation_mode(network):
        for inputs, _ in every_batch(network, batches):
            scores = logits_of(feed(network, inputs))
            if scores.ndim < 2 or len(scores) != len(first_tensor(inputs)):
                raise ArgumentError("the network's outputs are no scores of its inputs")
            yield scores.double()


def improve(network: nn.Module, exact: Exact, precision: float | None) -> None:
    """Give a converted network the corrections and weighted circuits that bring it nearer to the exact one.

    Everything is fitted to three quarters of the inputs, and taken if the outputs of the last quarter are
    nearer to the exact ones by twice the standard error of the difference, and no fewer classes are
    the same. Nothing costs a level or a multiplication; the proven errors stay within `precision`,
    but for what a correction of means moves them.

    Parameters
    ----------
    network : nn.Module
        Just converted; changed in place, and its report says how.
    exact : Exact
    precision : float, optional
        Where it was not given, circuits stay.
    """
    _, replacement = replacement_of(network)
    if exact.reason:
        replacement.improvement = Improvement(exact.reason)
        return
    with replacement.silent():
        plain = exact.judge(network)
        best: tuple[str, list[Change], _Judged] = "", [], plain
        tried: list[tuple[str, float, float]] = [("as it is", plain.rms, plain.agreeing)]
        for named in product(_silenced(network, exact), _circuits(network, exact, precision), _corrections(network, exact)):
            words, changes = " and ".join(name for name, _ in named if name), [c for _, c in named if c is not None]
            if not changes:
                continue
            judged = _tried(network, changes, exact)
            tried.append((words, judged.rms, judged.agreeing))
            if judged.better_than(plain) and (not best[1] or judged.better_than(best[2])):
                best = words, changes, judged
        for change in best[1]:
            change(network)
    for activation in replacement.activations.values():
        activation.reset()
    replacement.improvement = Improvement("", best[0], len(plain.deviation), tuple(tried))


def _tried(network: nn.Module, changes: list[Change], exact: Exact) -> _Judged:
    twin = copy.deepcopy(network)
    _, replacement = replacement_of(twin)
    with replacement.silent():
        for change in changes:
            change(twin)
        return exact.judge(twin)


def _silenced(network: nn.Module, exact: Exact) -> list[_Named]:
    dead = find_dead_channels(network, exact.fitting)
    if not dead:
        return [_NOTHING]
    count = sum(int(which.sum()) for which, _ in dead.values())
    return [_NOTHING, (f"{counted(count, 'dead channel')} silenced", lambda one: silence(one, dead))]


def _circuits(network: nn.Module, exact: Exact, precision: float | None) -> list[_Named]:
    weigh = _weigh(network, exact, precision)
    return [_NOTHING] if weigh is None else [_NOTHING, ("weighted circuits", weigh)]


def _corrections(network: nn.Module, exact: Exact) -> list[_Named]:
    found: list[_Named] = [_NOTHING, ("means corrected", lambda one: correct_means(one, exact.fitting))]
    if any(isinstance(m, _BatchNorm) and m.running_mean is not None for m in network.modules()):
        found.append(("normalisation corrected", lambda one: correct_batch_norms(one, exact.fitting)))
    return found


def _weigh(network: nn.Module, exact: Exact, precision: float | None) -> Change | None:
    """Circuits weighted by the inputs of each ReLU, proven to the precision; None where there are none."""
    asking, replacement = replacement_of(network)
    shared, bounds = replacement.evaluators.shared, replacement.bounds
    made, error = shared.approximation, shared.error
    if precision is None or made.structure != "circuit" or made.multiplications > MOST:
        return None
    cap = min(CAP, precision / error)
    relus = [site for site, call in replacement.calls.items() if call.name == "relu"]
    if cap < _SLACK or not relus:
        return None
    ranges = measured_again(
        network, asking, exact.fitting, channels=bool(bounds.channels), bins=BINS
    )
    found = weighted(
        Ranges({site: ranges.sites[site] for site in relus if site in ranges.sites}),
        multiplications=made.multiplications, cap=cap,
        interval={site: bounds.channels.get(site, bounds.layers[site]) for site in relus},
    )  # fmt: skip
    evaluators = {site: Evaluator(one) for site, one in found.items() if one.error_bound <= precision}
    return (lambda one: replacement_of(one)[1].use(evaluators)) if evaluators else None
