# SPDX-License-Identifier: Apache-2.0
"""All ways to a function next to a bootstrap: a series inside it, or the circuit or composite after it.

Levels are those of the whole chain but for the ones left for use, by OpenFHE's counts; seconds are
forecasts of the refresh (:mod:`polyapprox.refresh.latency`) and of the plan.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import PolyApproxError
from ..outward import bits_of
from ..recipes.circuits import circuit
from ..recipes.pareto import Front
from ..targets import ARCCOSINE
from .depth import functional_depth, plain_depth
from .latency import refresh_model
from .recipe import bootstrapped

_LEFT = 5  # levels for use, in the forecasts
_EARLY = 2  # a functional bootstrap leaves so many beyond those that its count says
_CIRCUITS = range(1, 13)


@dataclass(frozen=True)
class RefreshWay:
    """One way, the refresh included.

    Attributes
    ----------
    way : str
    levels : int
        Of refresh and plan together, by OpenFHE's counts.
    chain : int
        Levels of a chain that leaves five for use afterwards.
    seconds : float
        Forecast (an estimate), in that chain.
    bits : float
        −log2 of the proven error in the unit of bits.
    """

    way: str
    levels: int
    chain: int
    seconds: float
    bits: float


def beside_refresh(front: Front) -> tuple[RefreshWay, ...]:
    """The ways of a front after a plain bootstrap, and those inside one; fewest levels first.

    Examples
    --------
    >>> import polyapprox
    >>> found = beside_refresh(polyapprox.pareto("relu", precision=2**-7))
    >>> found[0].way, found[0].levels, found[0].levels < found[-1].levels
    ('series of degree 13', 19, True)
    """
    ring = front.model.ring_dimension
    ways = [_after(f"bootstrap, then {way}", way.levels, way.seconds, way.bits, ring) for way in front.rows]
    if front.rows[0].approximation.inputs == 1:
        ways += _inside(front, ring)
    return tuple(sorted(ways, key=lambda one: (one.levels, one.seconds)))


def _after(name: str, levels: int, seconds: float, bits: float, ring: int) -> RefreshWay:
    whole = plain_depth() + levels
    refresh = refresh_model().seconds("plain", whole + _LEFT, ring)
    return RefreshWay(name, whole, whole + _LEFT, refresh + seconds, bits)


def _inside(front: Front, ring: int) -> list[RefreshWay]:
    model, ways = refresh_model(), []
    try:
        series = bootstrapped(front.function, precision=front.precision, interval=front.interval)
    except PolyApproxError:  # none is as precise
        series = None
    if series is not None:
        levels = functional_depth(series.degree)
        chain = levels + _LEFT - _EARLY
        name = f"series of degree {series.degree}"
        ways.append(RefreshWay(name, levels, chain, model.seconds("series", chain, ring), series.bits))
    share = 2.0 if front.function == "relu" else 1.0
    low, high = front.interval
    for m in _CIRCUITS:
        found = circuit(ARCCOSINE, multiplications=m)
        if low == -high and found.error_bound / share <= front.precision * 0.999:
            levels = functional_depth(1) + m
            seconds = model.seconds("cosine", levels + _LEFT, ring)
            seconds += front.model.forecast(found.plan, rule="published")
            name = f"refresh to cos, then circuit of degree {found.degrees[0]}"
            bits = bits_of(found.error_bound, share)
            ways.append(RefreshWay(name, levels, levels + _LEFT, seconds, bits))
            break
    return ways


def table(ways: tuple[RefreshWay, ...]) -> str:
    """The ways as lines of text."""
    model = refresh_model()
    head = (
        f"next to a bootstrap (levels by OpenFHE's counts, budget 3, 2; seconds forecast: OpenFHE "
        f"{model.version}, {_LEFT} levels left)"
    )
    rows = [f"{'':52s}  levels  chain  seconds  bits"]
    rows += [
        f"{one.way:52.52s}  {one.levels:6d}  {one.chain:5d}  {one.seconds:7.3f}  {one.bits:.3f} (proven)"
        for one in ways
    ]
    return "\n".join([head, *rows])
