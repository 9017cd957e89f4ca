# SPDX-License-Identifier: Apache-2.0
"""The approximations that experiments compare, by name."""

from __future__ import annotations

import math

from torch import nn

from polyapprox import Polynomial, relu
from polyapprox.approximation import Approximation
from polyapprox.composite.refine import sampled_error
from polyapprox.numbers import ZERO, exact
from polyapprox.proof.prove import certified
from polyapprox.provenance import Provenance
from polyapprox.published.composites import ALPHAS, published_composite, published_plan

from ..activations.default import network_relu
from ..errors import ArgumentError
from ..ranges.bounds import Interval, by_channel, network_bounds
from ..ranges.ranges import Ranges
from .weighting import weighted

APPROXIMATIONS = ("ours", "zero", "with-constant", "published")
WEIGHTED = "weighted"
"""Made for a network by :func:`make_weighted`, not by :func:`make`."""
_SAMPLES = 100_000


def published_relu(
    *, precision: float, interval: tuple[float, float] = (-1.0, 1.0)
) -> Approximation:
    """The published composite r_alpha, alpha = −log2 of the precision, with a bound proven here.

    Lee et al., arXiv 2105.10879; coefficients from :mod:`polyapprox.published.composites`.

    Raises
    ------
    ArgumentError
        If the precision is not 2^-4, 2^-5, …, 2^-14, or the interval is not symmetric.

    Examples
    --------
    >>> published_relu(precision=2**-7).degrees
    (7, 7)
    """
    alpha = round(-math.log2(precision)) if precision > 0 else 0
    if alpha not in ALPHAS or 2.0**-alpha != precision:
        raise ArgumentError(
            f"precision is {precision!r}: published composites exist for 2^-{ALPHAS[0]} to "
            f"2^-{ALPHAS[-1]}"
        )
    low, high = exact(interval[0]), exact(interval[1])
    if low + high != 0 or high <= 0:
        raise ArgumentError(f"interval is {interval!r}: give a symmetric one, such as (-1, 1)")
    composite = published_composite(alpha)
    components = []
    for index, stage in enumerate(composite.stages):
        coefficients = [0.0] * (2 * len(stage))
        coefficients[1::2] = [float(c) for c in stage]
        domain = (low, high) if index == 0 else (-1, 1)
        components.append(Polynomial.from_floats(coefficients, domain, "odd"))
    return certified(
        Approximation(
            function="relu",
            domain=((low, high),),
            structure="composite",
            components=tuple(components),
            plan=published_plan(components),
            offset=ZERO,
            weight="1",
            error_estimate=sampled_error(composite, points=_SAMPLES) * float(high),
            certificate=None,
            margins=(),
            provenance=Provenance.of(f"published r_{alpha}, arXiv 2105.10879"),
        )
    )


def make(name: str, power: int) -> Approximation:
    """An approximation of ReLU on [−1, 1] with error 2^-power by one of the names.

    Parameters
    ----------
    name : {"ours", "zero", "with-constant", "published"}
        "ours" is the default of :func:`nn_bridge.convert`; "zero" is the composite with r(0) = 0
        and the fewest levels; "with-constant" is what :func:`polyapprox.relu` chooses by itself.
    power : int

    Raises
    ------
    ArgumentError
    """
    if name == "ours":
        return network_relu(precision=2.0**-power)
    if name == "with-constant":
        return relu(precision=2.0**-power)
    if name == "zero":
        return relu(precision=2.0**-power, offset=False, objective="levels")
    if name == "published":
        return published_relu(precision=2.0**-power)
    raise ArgumentError(
        f"the approximation {name!r} is unknown: choose one of {', '.join(APPROXIMATIONS)}"
    )


def make_weighted(
    model: nn.Module, ranges: Ranges, power: int, interval: str | float, margin: float, cap: float
) -> dict[str, Approximation]:
    """For each ReLU an approximation at the cost of "ours", weighted by its inputs.

    Parameters
    ----------
    model : nn.Module
    ranges : Ranges
        With histograms; of channels, where the interval is one by channel.
    power : int
        The cost is that of precision 2^-power.
    interval, margin
        As for :func:`nn_bridge.convert`.
    cap : float
        See :func:`polyapprox.weighted_relu`.

    Raises
    ------
    ArgumentError
    """
    chosen: Interval = interval
    if by_channel(interval):
        found = network_bounds(model, ranges, interval, margin)
        chosen = {**found.layers, **found.channels}
    return weighted(ranges, precision=2.0**-power, interval=chosen, margin=margin, cap=cap)
