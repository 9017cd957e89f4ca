# SPDX-License-Identifier: Apache-2.0
"""Choosing one option for each activation: errors that add up or cancel, against a total cost."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def frontier(variances: Sequence[Sequence[float]], prices: Sequence[int]) -> dict[int, list[int]]:
    """For every total cost, the choice with the smallest sum of variances: a dynamic program.

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


def variance(products: np.ndarray, choice: Sequence[int]) -> float:
    """Mean square of the sum of the chosen responses.

    Parameters
    ----------
    products : ndarray, shape (activations, options, activations, options)
        Mean products of the responses of two activations with an option each.
    choice : one option an activation
    """
    sites = np.arange(len(choice))
    chosen = np.asarray(choice)
    return float(products[sites, chosen][:, sites, chosen].sum())


def exchanged(products: np.ndarray, prices: Sequence[int], choice: Sequence[int]) -> list[int]:
    """Change one or two options at a time, as long as the variance falls at no higher cost.

    Parameters
    ----------
    products
        As for :func:`variance`.
    prices : one number an option
    choice : where to start

    Examples
    --------
    Two errors of opposite sign cancel, which no sum of variances knows:

    >>> responses = np.array([[[2.0], [1.0]], [[-2.0], [1.0]]])
    >>> products = np.einsum("aon,bpn->aobp", responses, responses)
    >>> exchanged(products, [1, 2], [1, 0]), exchanged(products, [1, 2], [1, 1])
    ([0, 0], [0, 0])
    """
    chosen, price = np.asarray(choice), np.asarray(prices)
    many, options = products.shape[:2]
    sites = np.arange(many)
    own = products[sites[:, None], np.arange(options), sites[:, None], np.arange(options)]
    flat = products.reshape(many * options, many * options)
    while True:
        held = products[:, :, sites, chosen]  # (activation, option, other activation)
        apart = held.sum(2) - held[sites, :, sites]  # products with all other activations
        single = own + 2 * apart
        gain = (single - single[sites, chosen][:, None]).reshape(-1)
        dearer = (price[None, :] - price[chosen][:, None]).reshape(-1)
        # both changed: the product of the two changes comes in twice
        corner = flat[:, (sites * options + chosen)].repeat(options, axis=1)
        both = flat - corner - corner.T
        both += products[sites, chosen][:, sites, chosen].repeat(options, 0).repeat(options, 1)
        total = gain[:, None] + gain[None, :] + 2 * both
        same = np.kron(np.eye(many, dtype=bool), np.ones((options, options), dtype=bool))
        total[same | (dearer[:, None] + dearer[None, :] > 0)] = np.inf
        alone = np.where(dearer > 0, np.inf, gain)
        scale = 1e-9 * abs(variance(products, chosen.tolist()))
        if min(float(total.min()), float(alone.min())) >= -scale:
            return [int(option) for option in chosen]
        chosen = chosen.copy()
        moves = (
            [int(alone.argmin())]
            if alone.min() <= total.min()
            else list(divmod(int(total.argmin()), many * options))
        )
        for move in moves:
            chosen[move // options] = move % options


def best_choices(
    products: np.ndarray, prices: Sequence[int], limit: int, tries: int = 20, seed: int = 0
) -> dict[int, list[int]]:
    """For every total cost up to a limit, the choice of the smallest variance that was found.

    The exact frontier of independent errors is where it starts; exchanges use what cancels, from
    there, from the best choice of the cost before, and from random changes of these.

    Parameters
    ----------
    products, prices
        As for :func:`exchanged`.
    limit : int
        Largest total cost.
    tries : int
        Random changes for each cost.
    seed : int

    Returns
    -------
    dict
        As from :func:`frontier`.
    """
    many, options = products.shape[:2]
    diagonal = [[float(products[i, o, i, o]) for o in range(options)] for i in range(many)]
    rng = np.random.default_rng(seed)
    found: dict[int, list[int]] = {}
    last: list[int] | None = None
    smallest = math.inf
    for total, start in frontier(diagonal, prices).items():
        if total > limit:
            break
        starts = [start] if last is None else [start, last]
        for _ in range(tries):
            changed = list(starts[-1])
            for site in rng.integers(many, size=3):
                changed[site] = int(rng.integers(options))
            if sum(prices[option] for option in changed) <= total:
                starts.append(changed)
        candidates = [exchanged(products, prices, choice) for choice in starts]
        last = min(candidates, key=lambda choice: variance(products, choice))
        reached = variance(products, last)
        if reached < smallest:
            found[sum(prices[option] for option in last)] = last
            smallest = reached
    return dict(sorted(found.items()))
