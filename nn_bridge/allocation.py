"""`allocate`: a precision for each activation, so that all together cost least."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

import polyapprox
from polyapprox.approximation import Approximation

from .activation import PolynomialActivation
from .batches import batches
from .calibration import measure
from .conversion import Interval, bounds_of, convert
from .errors import ArgumentError
from .evaluation import evaluate
from .evaluator import Evaluator
from .propagation.passes import exact_pass, jacobian_norms

Cost = Literal["multiplications", "depth"]


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
    accuracy, exact : float
        With polynomials, with ReLU itself, on the images that were used.
    deviation : float
        Predicted rms of the deviation of a logit.
    """

    approximations: dict[str, Approximation]
    bounds: dict[str, float]
    cost: int
    uniform: int
    accuracy: float
    exact: float
    deviation: float

    @property
    def saving(self) -> float:
        """Share of the uniform cost that is saved."""
        return 1 - self.cost / self.uniform


def allocate(
    model: nn.Module,
    loader: Iterable[Any],
    *,
    loss: float = 0.005,
    options: Sequence[Approximation] | None = None,
    cost: Cost = "multiplications",
    interval: Interval = "per-layer",
    margin: float = 1.0,
    images: int = 500,
    samples: int = 4,
    seed: int = 0,
) -> Allocation:
    """Choose a precision for each activation, of least total cost at a given loss of accuracy.

    The deviation of the logits is predicted activation by activation, ‖J_l‖²·mean(e_l²), for each
    option; a dynamic program finds, for every total cost, the choice with the smallest sum of
    them, exactly; and bisection over the cost finds the smallest that keeps the accuracy.

    Parameters
    ----------
    model : nn.Module
    loader : iterable of (Tensor, labels)
        Images to judge by; ranges are measured on them too.
    loss : float
        Accuracy that may be lost (0.005: half a point).
    options : sequence of Approximation, optional
        Of ReLU on [−1, 1]; by default the circuits of 2 to 9 multiplications.
    cost : {"multiplications", "depth"}
        What is to be saved (rule "published").
    interval, margin
        As for :func:`nn_bridge.convert`.
    images : int
        How many images sensitivities are measured on.
    samples : int
        Vector–Jacobian products for each batch.
    seed : int

    Raises
    ------
    ArgumentError
        If even the most precise option loses more, or an argument cannot be used.

    References
    ----------
    AutoFHE (Ao and Boddeti, USENIX Security 2024) searches such choices by evolution.

    Examples
    --------
    >>> network = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2)).eval()
    >>> x = torch.randn(64, 2)
    >>> found = allocate(network, [(x, network(x).argmax(1))], loss=0.05)
    >>> found.accuracy >= 0.95 and found.cost <= found.uniform
    True
    """
    if not 0 <= loss < 1:
        raise ArgumentError(f"loss is {loss!r}: give a share of the images, such as 0.005")
    if cost not in ("multiplications", "depth"):
        raise ArgumentError(f"cost is {cost!r}: choose 'multiplications' or 'depth'")
    data = list(batches(model, loader))
    known = sorted(options or _circuits(), key=lambda option: (getattr(option, cost), -option.bits))
    if not known:
        raise ArgumentError("options is empty: give at least one approximation")
    measurement = measure(model, [inputs for inputs, _ in data])
    bounds, _ = bounds_of(interval, measurement.largest, margin)
    relus = [site for site, call in measurement.calls.items() if call.name == "relu"]
    sensitivity = _sensitivity(model, data, relus, bounds, known, images, samples, seed)
    prices = [getattr(option, cost) for option in known]
    exact = evaluate(model, data).accuracy

    def judge(choice: Sequence[int]) -> float:
        chosen = {site: known[index] for site, index in zip(relus, choice, strict=True)}
        twin = convert(model, approximation=chosen, interval=bounds)
        return evaluate(twin, data).accuracy

    goal = exact - loss
    uniform = _least_uniform(judge, known, len(relus), goal)
    choice, accuracy = _cheapest(
        judge, frontier(sensitivity, prices), prices, goal, uniform
    )
    variance = sum(row[index] for row, index in zip(sensitivity, choice, strict=True))
    return Allocation(
        {site: known[index] for site, index in zip(relus, choice, strict=True)},
        bounds,
        sum(prices[index] for index in choice),
        prices[uniform] * len(relus),
        accuracy,
        exact,
        math.sqrt(variance),
    )


def frontier(variances: Sequence[Sequence[float]], prices: Sequence[int]) -> dict[int, list[int]]:
    """For every total cost, the choice with the smallest sum of variances: a dynamic program.

    Parameters
    ----------
    variances : one row an activation, one number an option
    prices : one number an option

    Returns
    -------
    dict
        Total cost to the index of the option of each activation; costs whose best sum is no
        better than that of a smaller cost are left out.

    Examples
    --------
    >>> frontier([[4.0, 1.0], [9.0, 0.0]], [1, 2])
    {2: [0, 0], 3: [0, 1], 4: [1, 1]}
    """
    best: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}
    for row in variances:
        following: dict[int, tuple[float, tuple[int, ...]]] = {}
        for total, (variance, choice) in best.items():
            for index, (price, added) in enumerate(zip(prices, row, strict=True)):
                candidate = (variance + added, (*choice, index))
                if candidate[0] < following.get(total + price, (math.inf,))[0]:
                    following[total + price] = candidate
        best = following
    found, smallest = {}, math.inf
    for total in sorted(best):
        variance, choice = best[total]
        if variance < smallest:
            found[total], smallest = list(choice), variance
    return found


def _cheapest(
    judge: Any, choices: Mapping[int, list[int]], prices: Sequence[int], goal: float, uniform: int
) -> tuple[list[int], float]:
    """The cheapest choice of the frontier that reaches the goal: bisection over the cost."""
    many = len(next(iter(choices.values())))
    limit = prices[uniform] * many
    totals = [total for total in choices if total <= limit]
    low, high = 0, len(totals) - 1
    best = ([uniform] * many, judge([uniform] * many))
    while low <= high:
        middle = (low + high) // 2
        accuracy = judge(choices[totals[middle]])
        if accuracy >= goal:
            best, high = (choices[totals[middle]], accuracy), middle - 1
        else:
            low = middle + 1
    return best


def _least_uniform(judge: Any, known: Sequence[Approximation], many: int, goal: float) -> int:
    for index in range(len(known)):
        if judge([index] * many) >= goal:
            return index
    raise ArgumentError(
        f"even {known[-1]!r} for all activations loses more than that: allow a larger loss, or "
        "give more precise options"
    )


def _circuits() -> list[Approximation]:
    return [polyapprox.circuit("relu", multiplications=m) for m in range(2, 10)]


def _sensitivity(
    model: nn.Module,
    data: Sequence[tuple[torch.Tensor, Any]],
    relus: Sequence[str],
    bounds: Mapping[str, float],
    known: Sequence[Approximation],
    images: int,
    samples: int,
    seed: int,
) -> list[list[float]]:
    """Predicted variance of a logit, for each activation and each option."""
    evaluators = [Evaluator(option) for option in known]
    totals = [[0.0] * len(known) for _ in relus]
    generator = torch.Generator().manual_seed(seed)
    seen = logits = 0
    with torch.no_grad():
        for inputs, _ in data:
            if seen >= images:
                break
            found, exact = exact_pass(model, inputs)
            logits = found.shape[1]
            norms = jacobian_norms(model, inputs, samples, generator)
            seen += len(inputs)
            for row, site in enumerate(relus):
                x, value = exact.inputs[site], exact.values[site]
                for column, evaluator in enumerate(evaluators):
                    error = PolynomialActivation(evaluator, bounds[site])(x) - value
                    squares = error.double().square().flatten(1).mean(1)
                    totals[row][column] += float((squares * norms[site].double()).sum())
    return [[total / (seen * logits) for total in row] for row in totals]
