# SPDX-License-Identifier: Apache-2.0
"""Plans and series as graphs of the engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from polyapprox.approximation import Approximation
from polyapprox.encrypted.frameworks.lattigo_graph import Lowering
from polyapprox.encrypted.frameworks.lattigo_model import INPUT, Graph
from polyapprox.encrypted.series import Series, chebyshev_series
from polyapprox.plan import Plan
from polyapprox.plan.count import count
from polyapprox.plan.schedule import schedule

from .chain import SCALE_BITS

_KINDS = {"mult": "product", "quad": "product", "polynomial": "constant", "add": "sum"}


@dataclass(frozen=True)
class Lowered:
    """A graph, and what its input and its result are to be multiplied with.

    Attributes
    ----------
    graph : Graph
    output : str
    before, after : float
        The result counted at the scale 2^SCALE_BITS, whatever the engine calls its scale.
    """

    graph: Graph
    output: str
    before: float
    after: float

    @property
    def work(self) -> Counter[tuple[str, int]]:
        """Products of ciphertexts, products with constants and sums, by the levels used before."""
        used = {INPUT: 0}
        found: Counter[tuple[str, int]] = Counter()
        sources: dict[str, list[str]] = {}
        for edge in self.graph.edges:
            sources.setdefault(edge["dst"], []).append(edge["src"])
        for node in self.graph.nodes[1:]:
            level = max(used[name] for name in sources[node["name"]])
            found[_KINDS[node["op"]], level] += 1
            used[node["name"]] = level + (node["op"] != "add")
        return found


def lower(plan: Plan, primes: Sequence[int]) -> Lowered:
    """A plan, operation by operation, on the primes that it divides by, the first one first."""
    steps = schedule(plan, primes, SCALE_BITS)
    made = Lowering(steps, primes, SCALE_BITS)
    after = 2.0**SCALE_BITS / (made.result.factor * steps.scale)
    return Lowered(made.graph, made.result.name, steps.factors[0], after)


@lru_cache(maxsize=256)
def lowered(plan: Plan) -> Lowered:
    """The same on primes that all are 2^SCALE_BITS nearly: for its operations."""
    levels = count(plan, "published").levels
    return lower(plan, [(1 << SCALE_BITS) + 1 + (k << 20) for k in range(levels + 1)])


def series_of(approximation: Approximation) -> Series | None:
    """The series of a composite that the engine evaluates by itself; None where only its plan will do.

    The engine's own evaluation rescales sums, where our graph of a plan rescales every product.
    """
    if not approximation.components:
        return None
    made = chebyshev_series(approximation)
    levels = sum((len(one) - 1).bit_length() for one in made.series) + made.final_product
    same = levels == count(approximation.plan, "published").levels
    return made if same and not made.shift and not made.offset else None


def lower_series(series: Series, primes: Sequence[int]) -> Lowered:
    """Series one after another, and the product with the input; primes as for :func:`lower`."""
    graph, value = Graph(), INPUT
    for one in series.series:
        value = graph.polynomial(value, one, "chebyshev")
    after = series.factor
    if series.final_product:  # its scale is 2^SCALE_BITS twice, divided by the prime that is due
        value = graph.multiply(value, INPUT)
        due = sum((len(one) - 1).bit_length() for one in series.series)
        after *= primes[due] / 2.0**SCALE_BITS
    return Lowered(graph, value, series.slope, after)
