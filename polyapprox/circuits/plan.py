# SPDX-License-Identifier: Apache-2.0
"""The evaluation plan of a circuit, on an interval [-W, W], without one level too many.

The last constant c_n and the width W are folded into the scaling of the input: with u = σ_0 x the
nodes are N_1 = u² − σ_1 and N_i = 2^f_i (N_{i−1} + …)(N_{i−1} + …), and the last node enters the
sum with the constant 1 or −1. The factors 2^f_i are doublings, which cost nothing; they keep the
nodes near size 1. So a circuit of m multiplications has m levels when the scaling of the input is
done by the layer before, and m + 1 standing alone. All constants are rounded once, to doubles;
what is then proven is proven of the rounded plan.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from ..errors import ArgumentError
from ..functions.kin import KIN, inputs_of
from ..numbers import dyadic, exact
from ..plan.builder import PlanBuilder
from ..plan.plan import Plan
from ..plan.two_arguments import closed, opened
from .shape import Circuit

FUNCTIONS = ("abs", "relu", "maximum", "minimum")
_HALF = dyadic(1, -1)
_SMALLEST, _LARGEST = 1e-290, 1e290
_LARGEST_POWER = 0.0  # σ_i <= 1
_ROUNDS = 60  # each halves the error of the scales at least


@dataclass(frozen=True)
class Scaling:
    """Every constant of a plan, as the doubles that enter it.

    Attributes
    ----------
    steepness : float
        Of the input: u = steepness · x (general circuits: 2σ_1/(b − a)).
    sizes : tuple of float
        σ_i, with N_i = σ_i n_i but for rounding; the constant of N_1 is σ_1.
    doublings : tuple of int
        f_i.
    left, right : tuple of tuples of float
        Of the factors of N_2, N_3, …, as in the circuit.
    output : tuple of float
        Of N_0 … N_{n−1} in the sum; N_n enters with the sign of c_n.
    negative : bool
        Whether that is −1.
    """

    steepness: float
    sizes: tuple[float, ...]
    doublings: tuple[int, ...]
    left: tuple[tuple[float, ...], ...]
    right: tuple[tuple[float, ...], ...]
    output: tuple[float, ...]
    negative: bool


def scaling_of(circuit: Circuit, function: str, width: float) -> Scaling:
    """The constants of :func:`circuit_plan`."""
    if function == "sign":
        sizes, doublings = odd_scales(circuit)
        share = 1 / math.sqrt(2 * sizes[1])
    else:
        share = width * float(KIN[function].share)
        sizes, doublings = node_scales(circuit, share)
    return scaled(circuit, math.sqrt(2 * sizes[1]) / width, share, sizes, doublings)


def scaled(
    circuit: Circuit,
    steepness: float,
    share: float,
    sizes: Sequence[float],
    doublings: Sequence[int],
) -> Scaling:
    """The constants of share · Σ c_j n_j in terms of N_i = σ_i n_i."""

    def rows(table: Sequence[Sequence[float]]) -> tuple[tuple[float, ...], ...]:
        return tuple(
            (row[0] * sizes[i - 1], *(row[j] * sizes[i - 1] / sizes[j] for j in range(1, i - 1)))
            for i, row in enumerate(table, start=2)
        )

    last = len(circuit.output) - 1
    output = (
        share * circuit.output[0],
        *(share * circuit.output[j] / sizes[j] for j in range(1, last)),
    )
    return Scaling(
        steepness, tuple(sizes), tuple(doublings), rows(circuit.left), rows(circuit.right), output,
        circuit.output[last] < 0,
    )  # fmt: skip


def circuit_plan(circuit: Circuit, function: str, width: float) -> Plan:
    """The operations that compute a function of the absolute value, or the sign.

    Parameters
    ----------
    circuit : Circuit
        Even, for |x| on [-1, 1]; odd for the sign.
    function : {"abs", "relu", "maximum", "minimum", "sign"}
        Maximum and minimum take two arguments whose difference lies in [-W, W].
    width : float
        W.

    Raises
    ------
    ArgumentError
        If the circuit is of another family, or the width is not positive and finite.

    Examples
    --------
    >>> circuit = Circuit("even", (), (), (), (0.5625, 0.5))
    >>> from polyapprox.plan import count
    >>> plan = circuit_plan(circuit, "relu", 8.0)
    >>> float(plan.run(8.0)), count(plan).multiplications, count(plan).levels
    (8.25, 1, 1)
    """
    if function not in (*FUNCTIONS, "sign"):
        raise ArgumentError(f"function must be one of {(*FUNCTIONS, 'sign')}; got {function!r}")
    family = "odd" if function == "sign" else "even"
    if circuit.family != family:
        raise ArgumentError(
            f"{function!r} needs a circuit of the family {family!r}; got {circuit.family!r}"
        )
    if not (width > 0 and math.isfinite(width)):
        raise ArgumentError(f"width must be positive and finite; got {width!r}")
    builder, argument = opened(inputs_of(function))
    scaling = scaling_of(circuit, function, width)
    steepness = scaling.steepness
    unit = builder.scale(argument, exact(steepness))
    square = builder.shift(builder.multiply(unit, unit), exact(-scaling.sizes[1]))
    value = series(builder, square, scaling)
    if function == "sign":
        value = builder.multiply(unit, value)
    else:
        value = closed(builder, KIN[function], value, unit, exact(0.5 / steepness))
    return builder.finish(value)


def series(builder: PlanBuilder, first: int, scaling: Scaling) -> int:
    """Index of share · Σ c_j n_j, from that of σ_1 n_1 (undoubled)."""
    last = len(scaling.sizes) - 1
    nodes = [-1, _doubled(builder, first, scaling.doublings[1])]
    for i in range(2, last + 1):
        sides = [_sum(builder, nodes, row[i - 2]) for row in (scaling.left, scaling.right)]
        nodes.append(_doubled(builder, builder.multiply(*sides), scaling.doublings[i]))
    value = nodes[last]
    rest: int | None = None
    for j in range(1, last):
        if scaling.output[j]:
            term = builder.scale(nodes[j], exact(scaling.output[j]))
            rest = term if rest is None else builder.add(rest, term)
    constant = exact(scaling.output[0])
    if not scaling.negative:
        value = value if rest is None else builder.add(rest, value)
        return builder.shift(value, constant)
    if rest is None:
        return builder.shift(builder.scale(value, dyadic(-1, 0)), constant)
    return builder.subtract(builder.shift(rest, constant), value)


def _is_square(value: float) -> bool:
    """Whether the square root is a float; a doubling at the end may make it one."""
    root = math.sqrt(value)
    return Fraction(root) ** 2 == Fraction(value)


def _sum(builder: PlanBuilder, nodes: Sequence[int], row: Sequence[float]) -> int:
    """N_{i−1} + Σ k_j N_j."""
    value = nodes[-1]
    for j in range(1, len(row)):
        if row[j]:
            value = builder.add(value, builder.scale(nodes[j], exact(row[j])))
    return builder.shift(value, exact(row[0]))


def _doubled(builder: PlanBuilder, value: int, times: int) -> int:
    for _ in range(times):
        value = builder.double(value)
    return value


def node_scales(
    circuit: Circuit, share: float, fixed: Sequence[int] | None = None
) -> tuple[list[float], list[int]]:
    """σ_i with N_i = σ_i n_i, and f_i: σ_n = share · |c_n|, σ_i = 2^(f_i − e_i) σ_{i−1}².

    Raises
    ------
    ArgumentError
        If the last constant is zero, or the scales leave what doubles can hold.
    """
    last = len(circuit.output) - 1
    sizes, doublings = [1.0] * (last + 1), list(fixed or [0] * (last + 1))
    sizes[last] = share * abs(circuit.output[last])
    if not _SMALLEST < sizes[last] < _LARGEST:
        raise ArgumentError("the last constant of the circuit, times the width, is out of range")
    for i in range(last, 1, -1):
        power = math.log2(sizes[i]) + circuit.shifts[i - 2]
        if fixed is None:
            doublings[i] = max(0, math.ceil(power - _LARGEST_POWER))
        sizes[i - 1] = math.sqrt(sizes[i] * 2.0 ** (circuit.shifts[i - 2] - doublings[i]))
    if last == 1 and circuit.family == "even" and not _is_square(2 * sizes[1]):
        sizes[1], doublings[1] = sizes[1] / 2, 1  # half of it may be a square
    return sizes, doublings


def odd_scales(circuit: Circuit) -> tuple[list[float], list[int]]:
    """The same for x · Σ c_j n_j: the factor σ_0 of the last product by σ_0 x is part of them."""
    sizes, doublings = node_scales(circuit, 1.0)
    for _ in range(_ROUNDS):
        sizes, _ = node_scales(circuit, 1 / math.sqrt(2 * sizes[1]), doublings)
    return sizes, doublings
