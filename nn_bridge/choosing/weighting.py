# SPDX-License-Identifier: Apache-2.0
"""Approximations weighted by what the inputs of each activation were: ranges in, a dict out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch

from polyapprox.approximation import Approximation
from polyapprox.weighted import weighted_relu
from polyapprox.weighted.relu import CAP, MOST
from polyapprox.words import counted

from ..activations.default import network_relu
from ..errors import ArgumentError
from ..ranges.bounds import MARGIN, Interval, bounds_of, by_channel, read_margin
from ..ranges.ranges import Ranges, SiteRange

_BINS = 4096
Histogram = tuple[np.ndarray, np.ndarray]


def weighted(
    ranges: Ranges,
    *,
    precision: float | None = None,
    multiplications: int | Mapping[str, int] | None = None,
    interval: Interval = "per-layer",
    margin: float = MARGIN,
    cap: float = CAP,
    shared: bool = False,
    constants: int | Mapping[str, int | None] | None = None,
) -> dict[str, Approximation]:
    """For each ReLU an approximation with the least error where its inputs were.

    Parameters
    ----------
    ranges : Ranges
        With histograms, from :func:`nn_bridge.measure` on training images.
    precision : float, optional
        The cost is that of the default at this precision
        (:func:`nn_bridge.activations.default.network_relu`), under the rule "published". The proven bound may
        be up to `cap` times that of the minimax circuit of this cost.
    multiplications : int or dict, optional
        The cost itself, in place of a precision; a dict holds that of each call site.
    interval, margin
        As they are given to :func:`nn_bridge.convert`; a dict may hold the B of each channel.
    cap : float
        See :func:`polyapprox.weighted_relu`.
    shared : bool
        One approximation for all call sites, from the mean of their distributions of x/B.
    constants : int or dict, optional
        Most products with constants: see :func:`polyapprox.weighted_relu`.

    Returns
    -------
    dict
        Call site to an approximation on [−1, 1], for ``convert(…, approximation=…)``.

    Raises
    ------
    ArgumentError
        If an argument cannot be used, there is no ReLU, or the ranges hold no histograms.

    Examples
    --------
    >>> import nn_bridge
    >>> from torch import nn
    >>> from nn_bridge.ranges.calibration import measure
    >>> network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> ranges = measure(network, [torch.randn(100, 4)])
    >>> found = weighted(ranges, precision=2**-5, margin=1.25)
    >>> found["1"].multiplications
    4
    >>> converted = nn_bridge.convert(
    ...     network, approximation=found, calibrate=ranges, margin=1.25
    ... )
    >>> converted.report.multiplications
    4
    """
    m = _read_cost(precision, multiplications)
    histograms = unit_histograms(ranges, interval, read_margin(margin))
    if shared:
        edges = next(iter(histograms.values()))[0]
        mean = np.mean([counts for _, counts in histograms.values()], axis=0)
        if isinstance(m, Mapping) or isinstance(constants, Mapping):
            raise ArgumentError("shared=True takes one number of multiplications and of constants")
        one = weighted_relu(multiplications=m, histogram=(edges, mean), cap=cap, constants=constants)
        return dict.fromkeys(histograms, one)
    return {
        site: weighted_relu(
            multiplications=_at(site, m, "multiplications"), histogram=histogram, cap=cap,
            constants=_at(site, constants, "constants"),
        )
        for site, histogram in histograms.items()
    }  # fmt: skip


def _at(site: str, given: Any, name: str) -> Any:
    """One for all call sites, or the entry of a dict."""
    if not isinstance(given, Mapping):
        return given
    if site not in given:
        raise ArgumentError(f"{name} has no entry for {site}: give one for each ReLU")
    return given[site]


def unit_histograms(ranges: Ranges, interval: Interval, margin: float) -> dict[str, Histogram]:
    """Edges in [−1, 1] and shares of x/B at each ReLU.

    Parameters
    ----------
    ranges : Ranges
    interval, margin
        As for :func:`weighted`.

    Returns
    -------
    dict
        Call site to (edges, shares): arrays of shapes (4097,) and (4096,). Inputs outside
        [−B, B] are left out.
    """
    if by_channel(interval):
        raise ArgumentError(
            f"interval is {interval!r}: give a dict with the B of each channel, such as "
            "{site.site: site.channels or site.bound for site in converted.report.sites}"
        )
    relus = [site for site, call in ranges.calls.items() if call.name == "relu"]
    if not relus:
        raise ArgumentError("the ranges hold no ReLU: there is nothing to weigh")
    bounds = bounds_of(interval, ranges.largest, margin)
    found: dict[str, Histogram] = {}
    for site in relus:
        bound = bounds.channels.get(site, bounds.of(site))
        if bound is None:
            raise ArgumentError(f"interval has no B for {site}: give one for each ReLU")
        found[site] = _unit_histogram(site, ranges.sites[site], bound)
    return found


def _unit_histogram(
    site: str, measured: SiteRange, bound: float | torch.Tensor
) -> Histogram:
    edges = np.linspace(-1.0, 1.0, _BINS + 1)
    if isinstance(bound, float):
        own, counts = measured.histogram()
        return edges, _shares(own.numpy() / bound, counts.numpy(), edges)
    bounds = bound.numpy()
    if len(bounds) != measured.channels:
        raise ArgumentError(
            f"interval[{site!r}] has {counted(len(bounds), 'channel')}, the ranges have {measured.channels}: "
            "measure with nn_bridge.measure(model, loader, channels=True)"
        )
    half = measured.counts.shape[1] // 2
    steps = np.arange(-half, half + 1) / max(half, 1)
    total = np.zeros(_BINS)
    for width, exponent, counts in zip(
        bounds, measured.exponents.tolist(), measured.counts.numpy(), strict=True
    ):
        total += _shares(np.ldexp(steps, exponent) / width, counts, edges)
    return edges, total


def _shares(own: np.ndarray, counts: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Counts over some edges, taken to others; inputs are spread evenly inside a bin."""
    below = np.concatenate([[0.0], np.cumsum(counts, dtype=np.float64)])
    total = max(float(below[-1]), 1.0)
    return cast("np.ndarray", np.diff(np.interp(edges, own, below)) / total)


def _read_cost(
    precision: float | None, multiplications: int | Mapping[str, int] | None
) -> int | Mapping[str, int]:
    if (precision is None) == (multiplications is None):
        raise ArgumentError(
            "give exactly one of precision, such as 2**-6, and multiplications; got "
            f"precision={precision!r}, multiplications={multiplications!r}"
        )
    if multiplications is not None:
        return multiplications
    default = network_relu(precision=precision)  # type: ignore[arg-type]
    if default.structure != "circuit" or default.multiplications > MOST:
        raise ArgumentError(
            f"precision={precision!r} needs more than the {MOST} multiplications that weighted "
            "approximations have at most: ask for less"
        )
    return default.multiplications
