# SPDX-License-Identifier: Apache-2.0
"""`propagate`: how the errors of the activations travel through a network."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from ..activations.building import Activation
from ..activations.vectors import VectorActivation
from ..calls.inputs import Batch, logits_of, winners
from ..calls.running import (
    batches,
    check_classes,
    check_labels,
    check_weights,
    evaluation_mode,
    run,
)
from ..conversion.network import Given, convert
from ..conversion.report import Report
from ..errors import ArgumentError, ConversionError
from ..ranges.bounds import MARGIN, Interval
from .layers import LayerError, LayerSums
from .majorant import Majorant, majorant
from .passes import (
    Recorded,
    check_followed,
    exact_pass,
    jacobian_norms,
    linear_response,
    replaced_pass,
)

_DOING = "measuring how errors travel"
_SIGNS = {"negative": lambda x: x < 0, "positive": lambda x: x >= 0}


@dataclass(frozen=True)
class Propagation:
    """What :func:`propagate` found.

    Attributes
    ----------
    network : str
        Type of the network.
    approximation : str
        Of ReLU.
    precision : float
        Of that approximation: its proven bound on [−1, 1].
    images : int
    layers : tuple of LayerError
    accuracy : dict
        Share of correct predictions (of images with labels): "exact", "polynomial"; empty without labels.
    deviation : dict
        rms of the deviation of the logits: "all" activations replaced, "linear" (Σ J_l e_l to
        first order), "independent" (root of the sum of the squares of one at a time), "negative"
        and "positive" (errors at inputs of that sign alone), "random" (the same errors, moved at
        random to other values of the same image and activation).
    flips : dict
        Share of the predictions that change: "all", "negative", "positive", "random". An output with more axes
        than (images, classes) has a prediction for each place.
    margin : float
        Median of the difference between the two largest logits.
    bound : float or None
        Proven bound of the deviation of a logit, for images whose inputs stay inside all
        intervals; None where the network is not linear between its activations.
    certified : float
        Share of the images whose prediction provably stays.
    reason : str
        Why there is no bound.
    """

    network: str
    approximation: str
    precision: float
    images: int
    layers: tuple[LayerError, ...]
    accuracy: dict[str, float]
    deviation: dict[str, float]
    flips: dict[str, float]
    margin: float
    bound: float | None
    certified: float
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def __str__(self) -> str:
        from .report import text

        return text(self)

    def save(self, path: str | Path) -> Path:
        """Write one self-contained HTML page with the figures in it, atomically."""
        from .report import save_page

        return save_page(self, Path(path))


def propagate(
    model: nn.Module,
    loader: Iterable[Batch],
    *,
    precision: float | None = None,
    interval: Interval = "per-layer",
    calibrate: Iterable[Batch] | Mapping[str, float] | None = None,
    approximation: Given = None,
    margin: float = MARGIN,
    samples: int = 4,
    seed: int = 0,
) -> Propagation:
    """Measure how the errors of polynomial activations travel through a network.

    Parameters
    ----------
    model : nn.Module
        Not converted; it is left as it was.
    loader : iterable of Tensor or (Tensor, labels)
        Images to measure on.
    precision, interval, calibrate, approximation, margin
        As for :func:`nn_bridge.convert`; by default ranges are those of the loader's own images.
    samples : int
        Vector–Jacobian products for each batch.
    seed : int
        Of the random signs and of the random errors.

    Returns
    -------
    Propagation

    Raises
    ------
    ArgumentError, ConversionError

    Examples
    --------
    >>> network = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2)).eval()
    >>> found = propagate(network, [torch.randn(50, 2)], precision=2**-6)
    >>> found.layers[0].site, 0 < found.deviation["all"] <= found.bound
    ('1', True)
    """
    if samples < 1:
        raise ArgumentError(f"samples is {samples!r}: give at least 1")
    check_weights(model, _DOING)
    data = list(batches(model, loader))
    with evaluation_mode(model), torch.no_grad():
        for number, (inputs, labels) in enumerate(data, 1):
            scores = logits_of(run(model, inputs, number, _DOING))
            if labels is not None:
                check_labels(labels, inputs, number)
                if scores.ndim == 2:
                    check_classes(labels, scores, number)
    converted = convert(
        model,
        precision=precision,
        interval=interval,
        calibrate=[inputs for inputs, _ in data] if calibrate is None else calibrate,
        improve=False,
        approximation=approximation,
        margin=margin,
    )
    with torch.no_grad():
        converted.eval()(data[0][0][:1])  # pools learn their windows
    replacement = cast(Report, converted.report).replacement
    activations = replacement.activations
    study = _Study(model, activations, samples, seed)
    with evaluation_mode(model), torch.no_grad():
        study.bound_deviations(data[0][0])
        for inputs, labels in data:
            study.batch(inputs, labels)
    return study.finish(replacement.evaluators.shared.error)


class _Study:
    def __init__(
        self, model: nn.Module, activations: dict[str, Activation], samples: int, seed: int
    ) -> None:
        self.model, self.activations, self.samples = model, activations, samples
        self.generator = torch.Generator().manual_seed(seed)
        self.layers: dict[str, LayerSums] = {}
        self.squares: dict[str, float] = {}
        self.flips: dict[str, int] = {}
        self.correct = {"exact": 0, "polynomial": 0}
        self.images = self.labelled = self.outputs = self.predictions = self.certified = 0
        self.margins: list[torch.Tensor] = []
        self.majorant: Majorant | None = None
        self.reason = ""

    def bound_deviations(self, inputs: torch.Tensor) -> None:
        """The rigorous bound, where there is one."""
        try:
            self.majorant = majorant(self.model, self.activations, inputs.shape[1:], inputs.dtype)
        except ConversionError as error:
            self.reason = str(error)

    def batch(self, inputs: torch.Tensor, labels: torch.Tensor | None) -> None:
        """Measure a batch."""
        logits, exact = exact_pass(self.model, inputs)
        self.images += len(inputs)
        self.outputs = logits[0].numel()
        self.predictions += len(_rows(logits))
        errors = self._own_errors(exact)
        replaced, path = replaced_pass(self.model, inputs, self.activations)
        for site, value in path.values.items():
            self._layer(site).carried += _squares(value - exact.values[site])
        self._note("all", replaced - logits)
        self._flip("all", logits, replaced)
        self._one_by_one(inputs, logits, errors)
        response = linear_response(self.model, inputs, errors)
        self._note("linear", torch.zeros_like(logits) if response is None else response)
        self._norms(inputs, errors)
        self._variants(inputs, logits)
        self._certify(logits, exact)
        top = _rows(logits).topk(min(2, logits.shape[1]), dim=1).values
        self.margins.append(top[:, 0] - top[:, -1])
        if labels is not None:
            if logits.ndim != 2:
                raise ArgumentError(
                    f"the network gives an output of shape {tuple(logits.shape[1:])} for each input, which labels of "
                    "one class number each do not judge: give inputs alone"
                )
            known = labels >= 0
            self.labelled += int(known.sum())
            self.correct["exact"] += int(((winners(logits) == labels) & known).sum())
            self.correct["polynomial"] += int(((winners(replaced) == labels) & known).sum())

    def _layer(self, site: str) -> LayerSums:
        return self.layers.setdefault(site, LayerSums())

    def _own_errors(self, exact: Recorded) -> dict[str, torch.Tensor]:
        """Error of each activation at the inputs of the exact network."""
        errors = {}
        for site, x in exact.inputs.items():
            activation = self.activations[site]
            errors[site] = activation(x) - exact.values[site]
            sums = self._layer(site)
            sums.errors(activation, x, exact.values[site], errors[site])
            sums.images += len(x)
        return errors

    def _one_by_one(
        self, inputs: torch.Tensor, logits: torch.Tensor, errors: dict[str, torch.Tensor]
    ) -> None:
        for site, error in errors.items():
            alone, _ = replaced_pass(self.model, inputs, self.activations, site.__eq__)
            sums = self._layer(site)
            response = linear_response(self.model, inputs, {site: error})
            if response is None:
                check_followed(site, alone, logits)
            sums.alone += _squares(alone - logits)
            sums.linear += 0.0 if response is None else _squares(response)

    def _norms(self, inputs: torch.Tensor, errors: dict[str, torch.Tensor]) -> None:
        norms = jacobian_norms(self.model, inputs, self.samples, self.generator)
        for site, error in errors.items():
            mean = error.double().square().flatten(1).mean(1)
            self._layer(site).norm += float((norms[site].double() * mean).sum())

    def _variants(self, inputs: torch.Tensor, logits: torch.Tensor) -> None:
        def one_sign(name: str) -> torch.Tensor:
            def change(site: str, x: torch.Tensor, error: torch.Tensor) -> torch.Tensor:
                if x.shape != error.shape:  # a pool has no sign
                    return error
                return torch.where(_SIGNS[name](x), error, torch.zeros_like(error))

            return replaced_pass(self.model, inputs, self.activations, change=change)[0]

        def shuffled(site: str, x: torch.Tensor, error: torch.Tensor) -> torch.Tensor:
            flat = error.flatten(1)
            order = torch.randperm(flat.shape[1], generator=self.generator)
            return flat[:, order].view_as(error)

        random = replaced_pass(self.model, inputs, self.activations, change=shuffled)[0]
        found = {"negative": one_sign("negative"), "positive": one_sign("positive"),
                 "random": random}  # fmt: skip
        for name, value in found.items():
            self._note(name, value - logits)
            self._flip(name, logits, value)

    def _certify(self, logits: torch.Tensor, exact: Recorded) -> None:
        if self.majorant is None:
            return
        inside = torch.ones(len(logits), dtype=torch.bool)
        for site, x in exact.inputs.items():
            x = x.double()
            reach = x.abs() + self.majorant.sites[site]
            inside &= (reach <= self.activations[site].limits(x)).flatten(1).all(1)
        rows, count = _rows(logits).double(), len(logits)
        bound = _rows(self.majorant.logits[None]).repeat(count, 1)
        winner = rows.argmax(1)[:, None]
        lead = rows.gather(1, winner) - rows
        needed = (bound.gather(1, winner) + bound).scatter(1, winner, -1.0)
        stays = (lead > needed).all(1).view(count, -1).all(1)
        self.certified += int((inside & stays).sum())

    def _note(self, name: str, deviation: torch.Tensor) -> None:
        self.squares[name] = self.squares.get(name, 0.0) + _squares(deviation)

    def _flip(self, name: str, logits: torch.Tensor, other: torch.Tensor) -> None:
        flipped = int((winners(_rows(logits)) != winners(_rows(other))).sum())
        self.flips[name] = self.flips.get(name, 0) + flipped

    def finish(self, precision: float) -> Propagation:
        """All statistics."""
        many = self.images * self.outputs
        layers, before = [], 0.0
        for site, sums in self.layers.items():
            found = sums.finish(site, self.activations[site], before, self.outputs)
            layers.append(found)
            before = found.carried
        deviation = {name: math.sqrt(total / many) for name, total in self.squares.items()}
        deviation["independent"] = math.sqrt(sum(layer.observed**2 for layer in layers))
        first = next(iter(self.activations.values()))
        return Propagation(
            network=type(self.model).__name__,
            approximation=repr(first.whole if isinstance(first, VectorActivation) else first.evaluator.approximation),
            precision=precision,
            images=self.images,
            layers=tuple(layers),
            accuracy={
                name: count / self.labelled for name, count in self.correct.items() if self.labelled
            },
            deviation=deviation,
            flips={name: count / self.predictions for name, count in self.flips.items()},
            margin=float(torch.cat(self.margins).median()),
            bound=None if self.majorant is None else float(self.majorant.logits.max()),
            certified=self.certified / self.images,
            reason=self.reason,
        )


def _squares(value: torch.Tensor) -> float:
    return float(value.double().square().sum())


def _rows(logits: torch.Tensor) -> torch.Tensor:
    """Classes (the second axis) last, a row for each prediction: one an image, or one a place of it."""
    return logits.movedim(1, -1).reshape(-1, logits.shape[1])
