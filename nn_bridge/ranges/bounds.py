# SPDX-License-Identifier: Apache-2.0
"""The interval [−B, B] of each activation, and of each of its channels, from measured ranges."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from ..activations.activation import read_bound
from ..activations.vectors import VECTOR_ACTIVATIONS, Box
from ..channels.foldable import foldings
from ..errors import ArgumentError, ConversionError
from . import MARGIN as MARGIN
from .ranges import Ranges, SiteRange

Interval = float | str | Mapping[str, "float | Sequence[float] | torch.Tensor"]
WORDS = ("per-layer", "global", "per-channel", "per-channel-shared")
FLOOR = 1 / 16
"""Least B of a channel, as a share of its layer's: one that stays silent while measured may not."""


@dataclass(frozen=True)
class Bounds:
    """The interval [−B, B] of each call site, and of its channels where each has its own.

    Attributes
    ----------
    layers : dict of str to float
        B of each known call site; the largest, where channels have their own.
    default : float or None
        B of a call site that is not known; None refuses it.
    channels : dict of str to Tensor, shape (channels,)
        B of each channel, of the call sites that have several.
    notes : dict of str to str
        What :class:`nn_bridge.channels.foldable.SiteFolding` says of call sites, or why it says nothing.
    boxes : dict of str to Box
        Of the call sites that are functions of vectors.

    Examples
    --------
    >>> bounds = Bounds({"1": 4.0}, default=8.0).at("2", torch.tensor([1.0, 3.0]))
    >>> bounds.of("1"), bounds.of("2"), bounds.of("3"), bounds.channels["2"].tolist()
    (4.0, 3.0, 8.0, [1.0, 3.0])
    """

    layers: Mapping[str, float] = field(default_factory=dict)
    default: float | None = None
    channels: Mapping[str, torch.Tensor] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    boxes: Mapping[str, Box] = field(default_factory=dict)

    def of(self, site: str) -> float | None:
        """B of a call site, the largest of its channels; None if it has none."""
        return self.layers.get(site, self.default)

    def at(self, site: str, interval: torch.Tensor) -> Bounds:
        """With another interval at one call site: shape (1,), or (channels,)."""
        return self.renewed(
            Bounds(
                {site: float(interval.max())},
                channels={site: interval} if len(interval) > 1 else {},
                notes={site: self.notes[site]} if site in self.notes else {},
                boxes={site: self.boxes[site]} if site in self.boxes else {},
            )
        )

    def boxed(self, site: str, box: Box) -> Bounds:
        """With another box at one call site."""
        return replace(self, boxes={**self.boxes, site: box})

    def renewed(self, by: Bounds) -> Bounds:
        """With the intervals of others at the call sites that these know."""

        def renewed(own: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
            return {site: own[site] for site in own if site not in by.layers} | dict(others)

        return Bounds(
            {**self.layers, **by.layers},
            self.default if by.default is None else by.default,
            renewed(self.channels, by.channels),
            renewed(self.notes, by.notes),
            {**self.boxes, **by.boxes},
        )


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
) -> Bounds:
    """Intervals of call sites, from what was given and what was measured."""
    if isinstance(interval, Mapping):
        return Bounds(
            {site: _bound(bound, f"interval[{site!r}]") for site, bound in interval.items()},
            channels={
                site: read_bounds(value, f"interval[{site!r}]")
                for site, value in interval.items()
                if not isinstance(value, (int, float))
            },
        )
    if not isinstance(interval, str):
        bound = read_bound(interval, "interval")
        return Bounds(dict.fromkeys(measured or {}, bound), bound)
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
        return Bounds(dict.fromkeys(measured, bound), bound)
    smallest = min(positive, default=1.0)
    return Bounds({site: margin * (value or smallest) for site, value in measured.items()})


def _bound(value: object, name: str) -> float:
    if isinstance(value, (int, float)):
        return read_bound(value, name)
    return float(read_bounds(value, name).max())


def by_channel(interval: object) -> bool:
    """Whether an interval is a word that asks for channels of their own."""
    return isinstance(interval, str) and interval.startswith("per-channel")


def network_bounds(
    model: nn.Module,
    ranges: Ranges,
    interval: Interval,
    margin: float,
    quantile: float | None = None,
) -> Bounds:
    """As :func:`bounds_of`; by channel, where that is asked for and weights can take the scales in.

    Parameters
    ----------
    model : nn.Module
    ranges : Ranges
        Of channels, where the interval is one by channel.
    interval, margin, quantile
        As for :func:`nn_bridge.convert`.

    Raises
    ------
    ArgumentError
        If the ranges do not tell channels apart.
    """
    largest = ranges.largest if quantile is None else ranges.quantile(quantile)
    found = replace(bounds_of(interval, largest, margin), boxes=_boxes(ranges, margin))
    if not by_channel(interval) or not largest:
        return found
    shared = interval == "per-channel-shared"
    channels, notes = _channel_bounds(model, ranges, found.layers, margin, quantile, shared)
    return replace(found, channels=channels, notes=notes)


def _boxes(ranges: Ranges, margin: float) -> dict[str, Box]:
    return {site: box_of(one, margin) for site, one in ranges.sites.items() if one.call.name in VECTOR_ACTIVATIONS}


def box_of(found: SiteRange, margin: float) -> Box:
    """The box of a function of vectors: mean squares by the margin squared, scores and sums by a share.

    What is measured of scores and of the logarithms of their sums is widened to `margin` times its width, the
    latter by log(margin) at each end too.
    """
    if found.call.name != "softmax":
        ends = torch.tensor([[found.lowest / margin**2, found.highest * margin**2]], dtype=torch.float64)
        return Box(ends, found.length)
    halves = found.sums.shape[1] // 2 - 1
    low = torch.stack([found.low, *(found.sums[:, 2 * k] for k in range(halves))], 1)
    high = torch.stack([found.high, *(found.sums[:, 2 * k + 1] for k in range(halves))], 1)
    more = (high - low) * (margin - 1) / 2
    more[:, 1:] += math.log(margin)
    ends = torch.stack([low - more, high + more], 2).flatten(1)
    return Box(ends, found.length, bool(found.sums[:, -1].any()))


def _channel_bounds(
    model: nn.Module, ranges: Ranges, bounds: Mapping[str, float], margin: float,
    quantile: float | None, shared: bool,
) -> tuple[dict[str, torch.Tensor], dict[str, str]]:  # fmt: skip
    """Bounds of the channels of each ReLU that can be folded, and what is to be said of each ReLU."""
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
