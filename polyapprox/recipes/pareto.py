# SPDX-License-Identifier: Apache-2.0
"""All ways that no other beats: multiplications, levels and latency at one precision."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from ..approximation import Approximation
from ..composite.relu_search import pareto_relu
from ..cost.latency import LatencyModel, latency_model
from ..errors import ArgumentError, ProofError
from ..functions.kin import inputs_of
from ..given import word
from ..plan.count import Rule
from ..precision import one_at_a_time
from ..provenance import Provenance, call
from ..published.costs import Published, published_points
from .absolute import AbsoluteWish
from .arguments import Ends
from .composites import PROOF_SHARE
from .guard import DEFAULT_GUARD
from .limits import Limits, limits
from .options import (
    Option,
    circuit_options,
    composite_option,
    direct_option,
    general_option,
    published_skeleton,
    thin_options,
)
from .wish import DEFAULT_BACKEND, Where

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FUNCTIONS = ("relu", "abs", "maximum", "minimum")
RULE: Rule = "published"
CIRCUITS = 4  # of the fewest multiplications and of up to three more


@dataclass(frozen=True)
class Way:
    """One approximation and what it costs, rule "published".

    Attributes
    ----------
    structure : {"direct", "composite", "circuit"}
    degrees : tuple of int
        Of the components, innermost first; of the whole for a circuit.
    multiplications, levels, constant_products : int
    seconds : float
        Forecast by the latency model (an estimate), the input scaled by the layer before.
    bits : float
        −log2 of the proven error on the interval scaled to [-1, 1].
    approximation : Approximation
    """

    structure: str
    degrees: tuple[int, ...]
    multiplications: int
    levels: int
    constant_products: int
    seconds: float
    bits: float
    approximation: Approximation

    def __str__(self) -> str:
        degrees = ", ".join(map(str, self.degrees))
        if self.structure == "circuit":
            return f"circuit of degree {degrees}"
        return f"{self.structure} {degrees}"


@dataclass(frozen=True)
class Front:
    """What no other way beats in multiplications, levels and latency.

    Attributes
    ----------
    function : str
    precision : float
        Error on the interval scaled to [-1, 1].
    interval : (float, float)
    model : LatencyModel
        Whose forecasts the seconds are.
    rows : tuple of Way
        Levels ascending; none is beaten by another in all three.
    others : tuple of Way
        Made too, and beaten.
    published : tuple of Published
        For the same precision, with published costs.
    published_seconds : tuple of float
        Their forecasts by the same model, by baby steps and giant steps.
    limits : Limits
        The proven limit for every polynomial program.
    """

    function: str
    precision: float
    interval: tuple[float, float]
    model: LatencyModel
    rows: tuple[Way, ...]
    others: tuple[Way, ...]
    published: tuple[Published, ...]
    published_seconds: tuple[float, ...]
    limits: Limits

    def undominated(self) -> tuple[Published, ...]:
        """Published points that no row beats: no fewer levels and multiplications, one fewer."""
        return tuple(p for p in self.published if not any(_beats(row, p) for row in self.rows))

    def table(self) -> str:
        """The front, the published points and the limit, as text."""
        from ..plot.front import front_table

        return front_table(self)

    def plot(self, path: str | Path | None = None) -> Figure:
        """Draw the front with the published points and the proven limit.

        See :func:`polyapprox.plot.front.front_figure`.
        """
        from ..plot.front import front_figure

        return front_figure(self, path)


def _beats(row: Way, point: Published) -> bool:
    own, other = (row.levels, row.multiplications), (point.levels, point.multiplications)
    return own != other and own[0] <= other[0] and own[1] <= other[1]


@one_at_a_time
def pareto(
    function: str,
    *,
    precision: float,
    interval: Ends = (-1, 1),
    offset: bool = True,
    backend: Where = None,
    guard: float = DEFAULT_GUARD,
) -> Front:
    """Every way to a precision that no other beats in multiplications, levels and latency.

    Parameters
    ----------
    function : {"relu", "abs", "maximum", "minimum"}
        One of relu, abs, maximum, minimum.
    precision : float
        Error on the interval scaled to [-1, 1], such as 2**-9.
    interval : (float, float)
        Where the input lies.
    offset : bool
        Whether a constant may be added; without one there are only composites.
    backend : str, Path or LatencyModel, optional
        Whose times: as for :func:`polyapprox.relu`.
    guard : float
        By how much of B inputs may leave the interval, as for :func:`polyapprox.relu`.

    Returns
    -------
    Front
        One polynomial, composites of every cost, and circuits, each proven for the interval.

    Raises
    ------
    ArgumentError, ProofError

    Examples
    --------
    >>> front = pareto("relu", precision=2**-7)
    >>> front.rows[0].multiplications, front.rows[0].levels, front.limits.levels
    (5, 5, 5)
    >>> front.undominated()
    ()
    """
    word("function", function, FUNCTIONS)
    model = latency_model(DEFAULT_BACKEND if backend is None else backend)
    wish = AbsoluteWish(
        function, precision=precision, interval=interval, offset=offset, backend=model, guard=guard
    )
    low, high = wish.ends
    if inputs_of(function) == 1 and not low < 0 < high:
        raise ArgumentError(
            f"interval={interval!r} lies on one side of 0, where {function} is a line; "
            "there is nothing to choose"
        )
    command = call(
        "pareto", function, precision=precision, interval=wish.ends, offset=offset,
        backend=backend, guard=wish.guard,
        leave_out={
            "interval": (-1.0, 1.0), "offset": True, "backend": None, "guard": DEFAULT_GUARD,
        },
    )  # fmt: skip
    made = [way for option in _options(wish) for way in _made(wish, option, model)]
    if not made:
        raise ProofError(f"nothing could be proven at precision={precision!r}; ask for another one")
    rows = _front(made)
    others = tuple(way for way in made if way not in rows)
    points = _published(function, precision)
    return Front(
        function=function,
        precision=precision,
        interval=wish.ends,
        model=model,
        rows=_with_command(rows, f"{command}.rows"),
        others=_with_command(others, f"{command}.others"),
        published=points,
        published_seconds=tuple(
            model.forecast(
                published_skeleton(function, point.degrees, wish.half_width), rule=RULE
            )
            for point in points
        ),
        limits=limits(function, precision=precision),
    )


def _with_command(ways: tuple[Way, ...], place: str) -> tuple[Way, ...]:
    """Each way with the command that makes it."""
    return tuple(
        replace(
            way,
            approximation=replace(
                way.approximation,
                provenance=Provenance.of(f"{place}[{number}].approximation"),
            ),
        )
        for number, way in enumerate(ways)
    )


def _published(function: str, precision: float) -> tuple[Published, ...]:
    """Published points are those of ReLU: of twice the precision for |x|, whose error is twice."""
    bits = -math.log2(precision) + (function != "relu")
    return published_points(math.ceil(bits - 1e-9))


def _options(wish: AbsoluteWish) -> Iterable[Option]:
    yield from islice(circuit_options(wish), CIRCUITS)
    yield from thin_options(wish)
    for option in (direct_option(wish), general_option(wish)):
        if option is not None:
            yield option
    error = min(0.24, wish.unit_error * PROOF_SHARE)
    for choice in pareto_relu(error, offset=wish.offset, refine=True, guard=wish.guard):
        yield composite_option(wish, choice)


def _made(wish: AbsoluteWish, option: Option, model: LatencyModel) -> Iterable[Way]:
    try:
        result = option.make()
    except ProofError:
        return
    if not wish.meets(result):
        return
    counts = result.counts(RULE)
    yield Way(
        structure=result.structure,
        degrees=result.degrees,
        multiplications=counts.multiplications,
        levels=counts.levels,
        constant_products=counts.constant_products,
        seconds=model.forecast(result.plan, rule=RULE),
        bits=result.bits,
        approximation=result,
    )


def _front(made: list[Way]) -> tuple[Way, ...]:
    def costs(way: Way) -> tuple[float, float, float]:
        return way.levels, way.multiplications, way.seconds

    kept: list[Way] = []
    for way in sorted(made, key=costs):  # whatever beats a way comes before it
        if not any(all(a <= b for a, b in zip(costs(o), costs(way), strict=True)) for o in kept):
            kept.append(way)
    return tuple(kept)
