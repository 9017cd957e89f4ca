# SPDX-License-Identifier: Apache-2.0
"""What the error of each activation does to the logits, to first order, for many options at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from ..activations.activation import PolynomialActivation
from ..activations.evaluator import Evaluator
from ..calls.functions import Call
from .passes import check_followed, exact_pass, replaced_pass, run


def responses(
    model: nn.Module,
    inputs: torch.Tensor,
    sites: Sequence[str],
    bounds: Mapping[str, float],
    options: Sequence[Evaluator],
    around: Sequence[int] | None = None,
) -> np.ndarray:
    """J_l·e_l for each activation l and option, image by image, by vector–Jacobian products.

    Parameters
    ----------
    model : nn.Module
        Not converted, in evaluation mode.
    inputs : Tensor
        A batch.
    sites : sequence of str
        Call sites of ReLU.
    bounds : dict
        B by call site.
    options : sequence of Evaluator
        Of ReLU.
    around : sequence of int, optional
        An option for each site: derivatives are taken in the network with these in place, and its
        own deviation is shared out among the sites; by default in the network as it is.

    Returns
    -------
    ndarray, shape (sites, options, images, classes)
        Their sum over the sites, an option each, is the deviation of the logits to first order
        (less its mean over the classes, which changes no prediction).

    Raises
    ------
    ConversionError
        If an activation reaches the logits, but not by operations that can be differentiated.

    Examples
    --------
    >>> import polyapprox
    >>> network = nn.Sequential(nn.ReLU(), nn.Linear(3, 2)).eval()
    >>> x = torch.linspace(-1, 1, 12).reshape(4, 3)
    >>> options = [Evaluator(polyapprox.circuit("relu", multiplications=m)) for m in (2, 3)]
    >>> found = responses(network, x, ["0"], {"0": 1.0}, options)
    >>> found.shape
    (1, 2, 4, 2)
    >>> bool(abs(found[0, 1]).max() < abs(found[0, 0]).max())
    True
    """
    layers = {site: [PolynomialActivation(e, bounds[site]) for e in options] for site in sites}
    leaves: dict[str, torch.Tensor] = {}
    seen: dict[str, torch.Tensor] = {}
    values: dict[str, torch.Tensor] = {}

    def rule(site: str, call: Call, x: torch.Tensor, exact: torch.Tensor) -> torch.Tensor:
        if site not in layers:
            return exact
        value = exact if around is None else layers[site][around[sites.index(site)]](x)
        seen[site], values[site] = x.detach().clone(), value.detach()
        leaves[site] = torch.zeros_like(value).requires_grad_()
        return value + leaves[site]

    with torch.enable_grad():
        logits = run(model, inputs, rule)
        rows = [_gradients(logits[:, k].sum(), [leaves[s] for s in sites]) for k in range(logits.shape[1])]
    exact = exact_pass(model, inputs)[0].detach()
    found = np.empty((len(sites), len(options), *logits.shape))
    with torch.no_grad():
        for place, site in enumerate(sites):
            if all(row[place] is None for row in rows):
                alone, _ = replaced_pass(model, inputs, {site: layers[site][0]}, site.__eq__)
                check_followed(site, alone, exact)
            none = torch.zeros_like(leaves[site])
            jacobian = torch.stack([(none if (g := row[place]) is None else g).flatten(1) for row in rows], 1)
            for column, layer in enumerate(layers[site]):
                error = (layer(seen[site]) - values[site]).flatten(1)
                found[place, column] = torch.einsum("nkc,nc->nk", jacobian, error).numpy()
        if around is not None:
            found += (logits - exact).numpy() / len(sites)
    return cast("np.ndarray", found - found.mean(-1, keepdims=True))


def _gradients(value: torch.Tensor, leaves: list[torch.Tensor]) -> tuple[torch.Tensor | None, ...]:
    """Of a number by all leaves; None by those from which no derivative leads to it."""
    if not value.requires_grad:
        return (None,) * len(leaves)
    return torch.autograd.grad(value, leaves, retain_graph=True, allow_unused=True)


def mean_products(
    model: nn.Module,
    data: Iterable[tuple[torch.Tensor, Any]],
    sites: Sequence[str],
    bounds: Mapping[str, float],
    options: Sequence[Evaluator],
    images: int,
    around: Sequence[int] | None = None,
) -> np.ndarray:
    """Mean over images and logits of the products of two responses.

    Parameters
    ----------
    model, sites, bounds, options, around
        As for :func:`responses`.
    data : iterable of (Tensor, labels)
    images : int
        How many at most, the first ones.

    Returns
    -------
    ndarray, shape (sites, options, sites, options)
        For :func:`nn_bridge.choosing.budget.variance`.
    """
    many, total, seen = len(sites) * len(options), 0.0, 0
    for inputs, _ in data:
        for part in inputs[: images - seen].split(50):
            found = responses(model, part, sites, bounds, options, around)
            flat = found.reshape(many, -1)
            total = total + flat @ flat.T / found.shape[-1]
            seen += len(part)
        if seen >= images:
            break
    return np.asarray(total / seen).reshape(len(sites), len(options), len(sites), len(options))
