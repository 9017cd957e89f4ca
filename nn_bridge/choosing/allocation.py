# SPDX-License-Identifier: Apache-2.0
"""`allocate`: a precision for each activation, so that all together cost least."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

import polyapprox
from polyapprox.approximation import Approximation

from ..activations.evaluator import Evaluator
from ..calls.inputs import Batch
from ..calls.running import batches, evaluation_mode
from ..conversion.evaluation import evaluate
from ..conversion.network import convert
from ..errors import ArgumentError
from ..propagation.responses import mean_products
from ..ranges.bounds import MARGIN, Interval, bounds_of
from ..ranges.calibration import measure
from .budget import best_choices, variance

Cost = Literal["multiplications", "levels", "depth"]
Judge = Callable[[Sequence[int]], float]
"""The index of an option for each site, to the accuracy."""


@dataclass(frozen=True)
class Allocation:
    """A choice of an approximation for each ReLU.

    Attributes
    ----------
    approximations : dict
        By call site: for ``convert(…, approximation=…)``.
    bounds : dict
        B by call site: for ``convert(…, interval=…)``.
    cost : int
        Of all activations (rule "published").
    uniform : int
        Least cost of one approximation for all activations that loses no more.
    one : Approximation
        That one approximation.
    accuracy, exact : float
        With polynomials, with ReLU itself, on the images that were used.
    deviation : float
        Predicted rms of the deviation of a logit from the mean of the logits.
    """

    approximations: dict[str, Approximation]
    bounds: dict[str, float]
    cost: int
    uniform: int
    one: Approximation
    accuracy: float
    exact: float
    deviation: float

    @property
    def saving(self) -> float:
        """Share of the uniform cost that is saved."""
        return 1 - self.cost / self.uniform


def allocate(
    model: nn.Module,
    loader: Iterable[Batch],
    *,
    loss: float = 0.005,
    options: Sequence[Approximation] | None = None,
    cost: Cost = "multiplications",
    interval: Interval = "per-layer",
    calibrate: Iterable[Batch] | Mapping[str, float] | None = None,
    margin: float = MARGIN,
    images: int = 500,
    rounds: int = 2,
    seed: int = 0,
    judge: Callable[[dict[str, Approximation]], float] | None = None,
) -> Allocation:
    """Choose a precision for each activation, of least total cost at a given loss of accuracy.

    What each option does to the logits is computed image by image to first order, with the error
    as it is, for all activations at once. These responses add up or cancel; the choice with the
    smallest sum is sought for every total cost: first exactly as if the errors were independent
    (a dynamic program), then by exchanges that know what cancels. Bisection over the cost finds
    the smallest that keeps the accuracy, and a second round repeats it around that choice.

    Parameters
    ----------
    model : nn.Module
    loader : iterable of (Tensor, labels)
        Images to judge by: not those that the accuracy is reported on afterwards.
    loss : float
        Accuracy that may be lost (0.005: half a point).
    options : sequence of Approximation, optional
        Of ReLU on [−1, 1]; by default the circuits of 2 to 9 multiplications.
    cost : {"multiplications", "levels"}
        What is to be saved (rule "published"); "depth" is the former word for "levels".
    interval, calibrate, margin
        As for :func:`nn_bridge.convert`; by default ranges are those of the loader's own images.
    images : int
        How many images the responses are computed on.
    rounds : int
        How often; from the second on around the best choice so far.
    seed : int
    judge : callable, optional
        Dict of approximations by call site to an accuracy; by default that on the loader.

    Raises
    ------
    ArgumentError
        If even the most precise option loses more, or an argument cannot be used.

    References
    ----------
    AutoFHE (Ao and Boddeti, USENIX Security 2024) searches such choices by evolution.

    Examples
    --------
    >>> import torch
    >>> network = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2)).eval()
    >>> x = torch.randn(64, 2)
    >>> found = allocate(network, [(x, network(x).argmax(1))], loss=0.05)
    >>> found.accuracy >= 0.95 and found.cost <= found.uniform
    True
    """
    if not 0 <= loss < 1:
        raise ArgumentError(f"loss is {loss!r}: give a share of the images, such as 0.005")
    cost = "levels" if cost == "depth" else cost
    if cost not in ("multiplications", "levels"):
        raise ArgumentError(f"cost is {cost!r}: choose 'multiplications' or 'levels'")
    if images < 1 or rounds < 1:
        raise ArgumentError(f"images is {images!r}, rounds {rounds!r}: give at least 1 of each")
    if isinstance(interval, str) and interval.startswith("per-channel"):
        raise ArgumentError(
            f"interval is {interval!r}: allocate has one B for an activation, give 'per-layer', "
            "'global', a number or a dict by call site"
        )
    known = _sorted(_circuits() if options is None else options, cost)
    data = list(batches(model, loader))
    ranges = [inputs for inputs, _ in data] if calibrate is None else calibrate
    bounds, sites = _sites(model, data, ranges, interval, margin)
    exact = evaluate(model, data).accuracy
    prices = [getattr(option, cost) for option in known]

    def accuracy(choice: Sequence[int]) -> float:
        chosen = {site: known[index] for site, index in zip(sites, choice, strict=True)}
        if judge is not None:
            return judge(chosen)
        return evaluate(convert(model, approximation=chosen, interval=bounds), data).accuracy

    goal = exact - loss
    uniform, reached = _least_uniform(accuracy, known, len(sites), goal)
    best = [uniform] * len(sites)
    evaluators = [Evaluator(option) for option in known]
    around, deviation = None, 0.0
    for _ in range(rounds):
        products = _products(model, data, sites, bounds, evaluators, images, around)
        limit = sum(prices[index] for index in best)
        choices = best_choices(products, prices, limit, seed=seed)
        best, reached = _cheapest(accuracy, choices, (best, reached), goal)
        around, deviation = best, math.sqrt(variance(products, best))
    return Allocation(
        {site: known[index] for site, index in zip(sites, best, strict=True)},
        bounds,
        sum(prices[index] for index in best),
        prices[uniform] * len(sites),
        known[uniform],
        reached,
        exact,
        deviation,
    )


def _sorted(options: Sequence[Approximation], cost: Cost) -> list[Approximation]:
    if not options:
        raise ArgumentError("options is empty: give at least one approximation")
    return sorted(options, key=lambda option: (getattr(option, cost), -option.bits))


def _circuits() -> list[Approximation]:
    return [polyapprox.circuit("relu", multiplications=m) for m in range(2, 10)]


def _sites(
    model: nn.Module, data: Sequence[Any], ranges: Any, interval: Interval, margin: float
) -> tuple[dict[str, float], list[str]]:
    """B of every activation, and the call sites of ReLU."""
    calls = measure(model, [data[0][0]], bins=0).calls
    measured = (
        {str(site): float(value) for site, value in ranges.items()}
        if isinstance(ranges, Mapping)
        else measure(model, ranges, bins=0).largest
    )
    bounds = dict(bounds_of(interval, measured, margin).layers)
    sites = [site for site, call in calls.items() if call.name == "relu"]
    missing = [site for site in sites if site not in bounds]
    if missing or not sites:
        raise ArgumentError(
            f"there is no interval for the ReLU at {missing[0]!r}: calibrate with this network"
            if missing
            else "the network calls no ReLU: there is nothing to allocate"
        )
    return bounds, sites


def _products(
    model: nn.Module,
    data: Sequence[Any],
    sites: Sequence[str],
    bounds: Mapping[str, float],
    options: Sequence[Evaluator],
    images: int,
    around: Sequence[int] | None,
) -> Any:
    with evaluation_mode(model):
        return mean_products(model, data, sites, bounds, options, images, around)


def _cheapest(
    judge: Judge,
    choices: Mapping[int, list[int]],
    best: tuple[list[int], float],
    goal: float,
) -> tuple[list[int], float]:
    """The cheapest choice that reaches the goal: bisection over the cost."""
    totals = sorted(choices)
    low, high = 0, len(totals) - 1
    while low <= high:
        middle = (low + high) // 2
        accuracy = judge(choices[totals[middle]])
        if accuracy >= goal:
            best, high = (choices[totals[middle]], accuracy), middle - 1
        else:
            low = middle + 1
    return best


def _least_uniform(
    judge: Judge, known: Sequence[Approximation], many: int, goal: float
) -> tuple[int, float]:
    for index in range(len(known)):
        accuracy = judge([index] * many)
        if accuracy >= goal:
            return index, accuracy
    raise ArgumentError(
        f"even {known[-1]!r} for all activations loses more than that: allow a larger loss, or "
        "give more precise options"
    )
