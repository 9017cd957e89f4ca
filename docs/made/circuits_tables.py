"""Makes the tables of the page on circuits: ``python docs/made/circuits_tables.py`` (``--check``)."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from functools import cache
from itertools import product

from page_tables import DOCS, grid, main

import polyapprox
from polyapprox.circuits.library import ARCCOSINE, FILES, Shipped, shipped_for
from polyapprox.errors import PolyApproxError
from polyapprox.outward import bits_of, lower_places, upper_places
from polyapprox.plan.chebyshev import chebyshev_cost

PAGE = DOCS / "circuits.md"
RESTS = {"gelu": "-x/2", "silu": "-x/2", "softplus": "-x/2", "sigmoid": "-1/2"}
SHOWN = range(4, 9)
HIGHEST = 64  # degree of the minimax polynomials beside which a circuit is shown
STAGES = (3, 5, 7, 9, 11, 13, 15)


def bits(error: float) -> str:
    """Proven bits of an error, rounded down."""
    return lower_places(bits_of(error), 2)


def above(error: float) -> str:
    """Bits that nobody passes (of a lower bound), rounded up."""
    return upper_places(-math.log2(error), 2)


def ends(interval: Sequence[float]) -> str:
    """An interval in words."""
    return "[" + ", ".join(end_of(value) for value in interval) + "]"


def end_of(value: float) -> str:
    """A number, small powers of two as such."""
    power = math.log2(value) if value > 0 else 0.5
    return f"2^{power:.0f}" if power == round(power) and power < -1 else f"{value:g}"


def groups(function: str, weighted: bool = False) -> dict[tuple[float, float], dict[int, Shipped]]:
    """Shipped circuits by interval and multiplications: for the absolute error, or weighted ones."""
    found: dict[tuple[float, float], dict[int, Shipped]] = {}
    for one in shipped_for(function):
        if (one.problem.weight != "1") != weighted:
            continue
        found.setdefault(one.problem.interval, {})[one.multiplications] = one
    return found


def named(name: str, weighted: bool, interval: Sequence[float]) -> tuple[str, str]:
    """What stands for a function and an interval."""
    return f"`{'relu' if name == 'abs' else name}`{', relative' if weighted else ''}", ends(interval)


def shipped() -> str:
    """All bits."""
    names = [name for name in FILES if name != ARCCOSINE]  # on the page on bootstrapping
    most = max(one.multiplications for name in names for one in shipped_for(name))
    rows = []
    for name, weighted in ((name, weighted) for name in names for weighted in (False, True)):
        for interval, known in groups(name, weighted).items():
            cells = [lower_places(known[m].bits, 2) if m in known else "" for m in range(1, most + 1)]
            rows.append((*named(name, weighted, interval), *cells))
    return grid(("function", "interval", *map(str, range(1, most + 1))), rows, keys=2)


def largest_degree(multiplications: int) -> int:
    """ks with k − 1 products for the powers and s − 1 for the blocks."""
    return max(k * (multiplications + 2 - k) for k in range(1, multiplications + 2))


@cache
def least_error(function: str, degree: int, interval: tuple[float, float]) -> float | None:
    """Proven lower bound of every polynomial of that degree; None where none is at hand."""
    try:
        return polyapprox.minimax(function, degree, domain=interval).error_lower_bound
    except PolyApproxError:
        return None


def means() -> str:
    """Circuits, Paterson and Stockmeyer, and the limit."""
    rows = []
    for name in FILES:
        if name in ("abs", "sign", ARCCOSINE):
            continue
        for interval, known in groups(name).items():
            rest = RESTS.get(name, "")
            expression = f"{name}(x){rest}" if rest else name
            family = next(iter(known.values())).problem.family
            ours, theirs, limits = [], [], []
            for m in SHOWN:
                ours.append(bits(known[m].bound) if m in known else "")
                least = least_error(expression, competitor(family, m), interval)
                theirs.append("" if m not in known or least is None else above(least))
                power = 1 << (m - 1 if family == "odd" else m)
                degree = power + 1 if family == "odd" else power
                limit = None if degree > HIGHEST else least_error(expression, degree, interval)
                limits.append("" if m not in known or limit is None else above(limit))
            place = named(name, False, interval)
            rows += [
                (*place, "circuit", *(f"**{cell}**" if cell else "" for cell in ours)),
                ("", "", "Paterson–Stockmeyer", *theirs),
                ("", "", "limit", *limits),
            ]
    return grid(("function", "interval", "bits of", *(f"m = {m}" for m in SHOWN)), rows)


def competitor(family: str, multiplications: int) -> int:
    """The degree Paterson and Stockmeyer reach, in x² where there is a parity."""
    if family == "even":
        return 2 * largest_degree(multiplications - 1)
    if family == "odd":
        return 2 * largest_degree(multiplications - 2) + 1
    return largest_degree(multiplications)


def composites(most: int) -> list[tuple[int, ...]]:
    """Lists of odd degrees with at most so many multiplications that no other list contains."""
    cost = {d: chebyshev_cost(d, "odd")[0] for d in STAGES}
    found = [
        degrees
        for stages in range(1, most // 2 + 1)
        for degrees in product(STAGES, repeat=stages)
        if sum(cost[d] for d in degrees) <= most
    ]
    found.sort(key=lambda degrees: -math.prod(degrees))
    return found[:8]


def signs() -> str:
    """Circuits and composites."""
    rows = []
    for interval, known in groups("sign").items():
        ours, theirs = [], []
        for m in SHOWN:
            ours.append(f"**{bits(known[m].bound)}**" if m in known else "")
            best = min((sign_error(d, interval[0]) for d in composites(m)), default=1.0)
            theirs.append(bits(best) if m in known else "")
        rows += [(ends(interval), "circuit", *ours), ("", "composite", *theirs)]
    return grid(("interval", "bits of", *(f"m = {m}" for m in SHOWN)), rows)


@cache
def sign_error(degrees: tuple[int, ...], threshold: float) -> float:
    """Proven error of a composite; 1 where it is not proven."""
    try:
        return polyapprox.sign(degrees=list(degrees), threshold=threshold).error_bound
    except PolyApproxError:
        return 1.0


def large() -> str:
    """Circuits with constants above 16."""
    rows = [
        (
            f"`{name}`", ends(one.problem.interval), one.multiplications,
            f"{one.circuit.largest_constant:.1f}", f"{one.circuit.largest_node():.2f}",
        )
        for name in FILES for one in shipped_for(name) if one.circuit.largest_constant > 16
    ]  # fmt: skip
    return grid(("function", "interval", "m", "largest constant", "largest node"), rows)


TABLES = {"shipped": shipped, "means": means, "signs": signs, "large": large}


if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
