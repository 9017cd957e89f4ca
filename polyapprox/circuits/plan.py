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
from fractions import Fraction

from ..errors import ArgumentError
from ..numbers import dyadic, exact
from ..plan.builder import PlanBuilder
from ..plan.plan import Plan
from .shape import Circuit

FUNCTIONS = ("abs", "relu", "maximum", "minimum")
_HALF = dyadic(1, -1)
_SMALLEST, _LARGEST = 1e-290, 1e290
_LARGEST_POWER = 0.0  # σ_i <= 1
_ROUNDS = 60  # each halves the error of the scales at least


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

    Returns
    -------
    Plan

    Raises
    ------
    ArgumentError
        If the circuit is of another family, or the width is not positive and finite.

    Examples
    --------
    >>> circuit = Circuit("even", (), (), (), (0.5625, 0.5))
    >>> from polyapprox.plan import count
    >>> plan = circuit_plan(circuit, "relu", 8.0)
    >>> float(plan.run(8.0)), count(plan).multiplications, count(plan).depth
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
    two = function in ("maximum", "minimum")
    builder = PlanBuilder(2 if two else 1)
    argument = builder.subtract(*builder.arguments) if two else builder.arguments[0]
    if function == "sign":
        sizes, doublings = odd_scales(circuit)
        share = 1 / math.sqrt(2 * sizes[1])
    else:
        share = width if function == "abs" else width / 2
        sizes, doublings = node_scales(circuit, share)
    steepness = math.sqrt(2 * sizes[1]) / width
    unit = builder.scale(argument, exact(steepness))
    value = _series(builder, unit, circuit, share, sizes, doublings)
    if function == "sign":
        value = builder.multiply(unit, value)
    if function == "relu":
        value = builder.add(value, builder.scale(unit, exact(0.5 / steepness)))
    if two:
        middle = builder.scale(builder.add(*builder.arguments), _HALF)
        join = builder.add if function == "maximum" else builder.subtract
        value = join(middle, value)
    return builder.finish(value)


def _series(
    builder: PlanBuilder,
    unit: int,
    circuit: Circuit,
    share: float,
    sizes: Sequence[float],
    doublings: Sequence[int],
) -> int:
    """Index of share · Σ c_j n_j; the unit is σ_0 x, and σ_0² W² is 2σ_1 but for rounding."""
    last = len(circuit.output) - 1
    square = builder.multiply(unit, unit)
    nodes = [-1, _doubled(builder, builder.shift(square, exact(-sizes[1])), doublings[1])]
    for i in range(2, last + 1):
        sides = [
            _sum(builder, nodes, sizes, row, i) for row in (circuit.left[i - 2], circuit.right[i - 2])
        ]
        nodes.append(_doubled(builder, builder.multiply(*sides), doublings[i]))
    value = nodes[last]
    negative = circuit.output[last] < 0
    rest: int | None = None
    for j in range(1, last):
        if circuit.output[j]:
            constant = exact(share * circuit.output[j] / sizes[j])
            term = builder.scale(nodes[j], constant)
            rest = term if rest is None else builder.add(rest, term)
    constant = exact(share * circuit.output[0])
    if not negative:
        value = value if rest is None else builder.add(rest, value)
        return builder.shift(value, constant)
    if rest is None:
        value = builder.shift(builder.scale(value, dyadic(-1, 0)), constant)
    else:
        value = builder.subtract(builder.shift(rest, constant), value)
    return value


def _is_square(value: float) -> bool:
    """Whether the square root is a float; a doubling at the end may make it one."""
    root = math.sqrt(value)
    return Fraction(root) ** 2 == Fraction(value)


def _sum(
    builder: PlanBuilder, nodes: Sequence[int], sizes: Sequence[float], row: Sequence[float], i: int
) -> int:
    """N_{i−1} + Σ a_ij σ_{i−1}/σ_j N_j."""
    value = nodes[i - 1]
    for j in range(1, i - 1):
        if row[j]:
            constant = exact(row[j] * sizes[i - 1] / sizes[j])
            value = builder.add(value, builder.scale(nodes[j], constant))
    return builder.shift(value, exact(row[0] * sizes[i - 1]))


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
