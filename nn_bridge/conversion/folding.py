# SPDX-License-Identifier: Apache-2.0
"""`fold`: a network whose weights have taken in the scales of its activations."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import torch
from torch import nn

from polyapprox.words import counted

from ..activations.activation import PolynomialActivation
from ..calls.answering import answer, answering, remove
from ..calls.site import Switch
from ..channels.foldable import Folding, foldings
from ..errors import ArgumentError
from ..ranges.bounds import read_bounds
from .report import Replacement, Report, replacement_of

Network = TypeVar("Network", bound=nn.Module)


def fold(
    model: Network,
    bounds: Mapping[str, float | Sequence[float] | torch.Tensor] | None = None,
    *,
    shape: Sequence[int] | None = None,
) -> Network:
    """A network whose weights take in the scales of its activations.

    It computes the same. Of a converted network, each activation that can be folded is r on
    [−1, 1] afterwards, without a scale; the others keep theirs, and ``report`` says why. A network
    that is not converted gets inputs of ReLU within [−1, 1], if `bounds` are theirs. Meant for
    inference: batch normalisation whose inputs are scaled would train otherwise.

    Parameters
    ----------
    model : nn.Module
        Left as it is.
    bounds : dict of str to float or sequence, optional
        B, or the B of each channel, by call site; of a converted network, its own.
    shape : sequence of int, optional
        Of one input, without the axis of the batch. A network that was converted with a loader or
        :class:`nn_bridge.ranges.ranges.Ranges` knows it.

    Returns
    -------
    nn.Module
        A copy.

    Raises
    ------
    ArgumentError
        If bounds or shape are missing or cannot be used.
    ConversionError
        If torch.fx cannot trace the network.

    Examples
    --------
    >>> from nn_bridge import convert
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> x = torch.linspace(-1, 1, 40).reshape(10, 4)
    >>> converted = convert(model, precision=2**-9, calibrate=[x], interval="per-channel")
    >>> folded = fold(converted)
    >>> folded.report.sites[0].bound, folded.report.sites[0].folding
    (1.0, 'folded into 0 and 2')
    >>> bool((folded(x) - converted(x)).abs().max() < 1e-5)
    True
    """
    asking = answering(model)
    replacement = asking.handler if asking is not None else None
    if isinstance(replacement, Replacement):
        if bounds is not None:
            raise ArgumentError("bounds: a converted network has its own, leave them out")
        return _fold_converted(model, replacement, shape)
    if not bounds:
        raise ArgumentError(
            "bounds are missing: give those of Ranges.largest or Ranges.per_channel, or convert "
            "the network first"
        )
    known = {site: read_bounds(value, f"bounds[{site!r}]") for site, value in bounds.items()}
    folded = copy.deepcopy(model)
    _fold_into(folded, model, _shape(shape), known)
    return folded


def _fold_into(
    target: nn.Module, model: nn.Module, shape: Sequence[int], bounds: dict[str, torch.Tensor]
) -> tuple[Folding, dict[str, torch.Tensor]]:
    """Fold what can be folded into the weights of `target`; what, and its bounds by channel."""
    found = foldings(model, shape)
    wide = {
        site: _widened(bounds[site], len(numbers), site)
        for site, numbers in found.scales.items()
        if site in bounds
    }
    found = foldings(model, shape, bounds=wide)
    wide = {site: wide[site] for site in found.scales}
    found.apply(target, wide)
    return found, wide


def _fold_converted(
    model: Network, replacement: Replacement, shape: Sequence[int] | None
) -> Network:
    plain = copy.deepcopy(model)
    asking, twin = replacement_of(plain)
    known = asking.calls if isinstance(asking, Switch) else None
    remove(plain)
    bounds = {
        site: torch.tensor([activation.bound], dtype=torch.float64)
        if activation.channels is None
        else activation.channels
        for site, activation in twin.activations.items()
        if isinstance(activation, PolynomialActivation) and activation.evaluator.homogeneous
    }
    found, wide = _fold_into(plain, model, _shape(shape or _input_shape(replacement)), bounds)
    for site, scales in wide.items():
        twin.unscale(site, scales)
    notes = {site: str(folding) for site, folding in found.sites.items()}
    twin.bounds = replace(twin.bounds, notes=notes)
    own = not isinstance(model.report, Report)
    answer(plain, twin, {} if own else {"report": Report}, known)
    return plain


def _input_shape(replacement: Replacement) -> tuple[int, ...]:
    return replacement.ranges.input_shape if replacement.ranges is not None else ()


def _shape(shape: Sequence[int] | None) -> tuple[int, ...]:
    if not shape:
        raise ArgumentError(
            "the shape of an input is not known: give shape=, without the axis of the batch"
        )
    return tuple(shape)


def _widened(bounds: torch.Tensor, channels: int, site: str) -> torch.Tensor:
    if len(bounds) not in (1, channels):
        raise ArgumentError(
            f"{site} has {counted(channels, 'channel')} and {counted(len(bounds), 'bound')}: give one, or one a channel"
        )
    return bounds.expand(channels).double()
