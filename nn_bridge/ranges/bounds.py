"""The interval [−B, B] of each activation, and of each of its channels, from measured ranges."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from ..activations.activation import read_bound
from ..channels.foldable import foldings
from ..errors import ArgumentError, ConversionError
from .ranges import Ranges

Interval = float | str | Mapping[str, "float | Sequence[float] | torch.Tensor"]
WORDS = ("per-layer", "global", "per-channel", "per-channel-shared")
MARGIN = 1.25
"""Default factor on measured ranges: new inputs reach beyond the largest of those that were seen."""
FLOOR = 1 / 16
"""Least B of a channel, as a share of its layer's: one that stays silent while measured may not."""


def read_margin(margin: object) -> float:
    """A positive finite number, or a sentence."""
    good = isinstance(margin, (int, float)) and not isinstance(margin, bool)
    if not good or not 0 < margin < math.inf:  # type: ignore[operator]
        raise ArgumentError(f"margin is {margin!r}: give a positive finite number, such as 1.1")
    return float(margin)  # type: ignore[arg-type]


def read_bounds(value: Any, name: str) -> torch.Tensor:
    """Positive finite numbers, shape (n,), float64, or a sentence."""
    try:
        bounds = torch.as_tensor(value, dtype=torch.float64).reshape(-1).cpu()
    except (TypeError, ValueError, RuntimeError):
        bounds = torch.tensor([math.nan])
    if not len(bounds) or not bool(((bounds > 0) & torch.isfinite(bounds)).all()):
        raise ArgumentError(
            f"{name} is {value!r}: give a positive finite number, or one for each channel"
        )
    return bounds


def bounds_of(
    interval: Interval, measured: Mapping[str, float] | None, margin: float
) -> tuple[dict[str, float], float | None]:
    """Bound of each known call site, and of the unknown ones (None: they are refused).

    Where each channel has its own bound, the largest.
    """
    if isinstance(interval, Mapping):
        return {
            site: _bound(bound, f"interval[{site!r}]") for site, bound in interval.items()
        }, None
    if not isinstance(interval, str):
        bound = read_bound(interval, "interval")
        return dict.fromkeys(measured or {}, bound), bound
    if interval not in WORDS:
        raise ArgumentError(
            f"interval is {interval!r}: give a number, 'per-channel', 'per-channel-shared', "
            "'per-layer', 'global' or a dict by call site"
        )
    if measured is None:
        raise ArgumentError(
            f"interval={interval!r} needs measured ranges: give calibrate=loader, or a number as "
            "interval"
        )
    positive = [value for value in measured.values() if value > 0]
    if measured and not positive:
        raise ArgumentError("all inputs of all layers are zero: calibrate with other data")
    if interval == "global":
        bound = margin * max(positive, default=1.0)
        return dict.fromkeys(measured, bound), bound
    smallest = min(positive, default=1.0)
    return {site: margin * (value or smallest) for site, value in measured.items()}, None


def _bound(value: object, name: str) -> float:
    if isinstance(value, (int, float)):
        return read_bound(value, name)
    return float(read_bounds(value, name).max())


def channel_bounds(
    model: nn.Module,
    ranges: Ranges,
    bounds: Mapping[str, float],
    margin: float,
    quantile: float | None,
    shared: bool,
) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Bounds of the channels of each ReLU that can be folded, and what is to be said of each ReLU.

    Parameters
    ----------
    model : nn.Module
    ranges : Ranges
        By channel.
    bounds : dict of str to float
        Of the layers.
    margin, quantile
        As for :func:`nn_bridge.convert`.
    shared : bool
        Whether channels that a shortcut adds get the largest bound of them.

    Raises
    ------
    ArgumentError
        If the ranges do not tell channels apart.
    """
    measured = ranges.per_channel if quantile is None else ranges.per_channel_quantile(quantile)
    try:
        found = foldings(model, ranges.input_shape, share=shared)
    except ConversionError as error:
        relus = [site for site, call in ranges.calls.items() if call.name == "relu"]
        return {}, dict.fromkeys(relus, f"scales by itself: {error}")
    wanted = {
        site: (margin * measured[site]).clamp(min=FLOOR * bounds[site])
        for site in found.scales
        if site in measured
    }
    if set(wanted) != set(found.scales):
        left = next(site for site in found.scales if site not in measured)
        raise ArgumentError(f"{left} has no range: calibrate with data that reach it")
    return found.settle(wanted), {site: str(one) for site, one in found.sites.items()}
