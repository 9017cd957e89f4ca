"""What `approximate` chooses against every structure called by hand: functions that nobody named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polyapprox as pa
from polyapprox.errors import PolyApproxError

# function, interval, precision, relative
FUNCTIONS: tuple[tuple[str, tuple[float, float], float, bool], ...] = (
    ("exp(-x**2)", (-3, 3), 2**-10, False),
    ("log(1+x)", (0, 7), 2**-12, False),
    ("sqrt(1+x**2)", (-4, 4), 2**-12, False),
    ("1/(1+25*x**2)", (-1, 1), 2**-9, False),
    ("sin(x)", (-9, 9), 2**-12, False),
    ("cos(3*x)", (-2, 2), 2**-14, False),
    ("x*tanh(x)", (-5, 5), 2**-10, False),
    ("atan(x)", (-6, 6), 2**-10, False),
    ("exp", (-40, 0), 2**-14, False),
    ("exp", (-5, 2), 2**-10, True),
    ("exp", (-100, 0), 2**-10, False),
    ("1/x", (0.03, 1), 2**-10, True),
    ("1/x", (2, 500), 2**-8, True),
    ("1/x", (0.2, 3), 2**-12, False),
    ("1/sqrt(x)", (0.2, 12), 2**-14, True),
    ("1/sqrt(x)", (0.01, 30), 2**-9, True),
    ("1/sqrt(x)", (0.5, 2), 2**-20, False),
    ("sqrt(x)", (0.01, 1), 2**-10, False),
    ("gelu", (-11, 13), 2**-12, False),
    ("silu", (-15, 15), 2**-10, False),
    ("softplus", (-6, 6), 2**-12, False),
    ("sigmoid", (-7, 7), 2**-10, False),
    ("tanh", (-4, 4), 2**-9, False),
    ("tanh", (-2, 2), 2**-10, True),
    ("erf", (-3, 3), 2**-11, False),
    ("x**(-3/2)", (0.1, 2), 2**-8, True),
    ("log(x)", (0.05, 1), 2**-10, False),
    ("x**3-x", (-1.5, 1.5), 2**-20, False),
    ("relu", (-6, 5), 2**-8, False),
    ("abs", (-1, 1), 2**-6, False),
)
MOST = 12  # multiplications of circuits tried by hand


@dataclass(frozen=True)
class Hand:
    """A structure called by hand."""

    called: str
    multiplications: int
    levels: int
    bound: float

    def dominates(self, other: pa.Approximation) -> bool:
        """Whether it costs no more in either, and less in one."""
        own, cost = (self.multiplications, self.levels), (other.multiplications, other.levels)
        return own != cost and own[0] <= cost[0] and own[1] <= cost[1]


def by_hand(
    function: str, interval: tuple[float, float], wanted: float, relative: bool
) -> list[Hand]:
    """Every structure that is as precise; `wanted` is an absolute (relative) error."""
    calls: list[tuple[str, Any]] = [
        ("minimax", lambda: pa.minimax(function, tolerance=wanted, interval=interval, relative=relative))
    ]
    for m in range(1, MOST + 1):
        given = {"relative": True} if relative else {}
        calls.append(
            (f"circuit {m}", lambda m=m, given=given: pa.circuit(
                function, multiplications=m, interval=interval, **given))
        )  # fmt: skip
    if function == "1/x":
        least = wanted if relative else wanted * interval[0]
        calls.append(("reciprocal", lambda: pa.reciprocal(interval=interval, precision=least)))
    if function in ("relu", "abs"):
        recipe = pa.relu if function == "relu" else pa.abs
        for objective in ("balanced", "levels", "multiplications"):
            calls.append(
                (objective, lambda o=objective: recipe(tolerance=wanted, interval=interval, objective=o))
            )
    found = []
    for name, make in calls:
        try:
            made = make()
        except PolyApproxError:
            continue
        bound = made.error_bound
        if name == "reciprocal" and not relative:
            bound /= interval[0]
        if bound <= wanted:
            found.append(Hand(name, made.multiplications, made.levels, bound))
    return found
