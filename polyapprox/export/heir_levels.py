# SPDX-License-Identifier: Apache-2.0
"""Levels that HEIR itself uses: its order of products, and its evaluator of Chebyshev polynomials.

HEIR spends a level on every product, with a constant or not. Before it counts, its pass
``operation-balancer`` takes a product of products that nothing else uses apart, and multiplies the
factors in a balanced tree, constants first, as if all had the same depth.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from ..plan.plan import Plan
from .chain import Chain

PUBLIC = -1  # an operand that is a constant


@dataclass
class Dag:
    """Products and sums of earlier values; value 0 … inputs − 1 are the arguments.

    Attributes
    ----------
    operations : list of (is a product, left, right)
        Operands are indices, or :data:`PUBLIC`.
    """

    operations: list[tuple[bool, int, int]] = field(default_factory=list)

    def argument(self) -> int:
        """Another argument."""
        return self._made(False, PUBLIC, PUBLIC)

    def product(self, left: int, right: int = PUBLIC) -> int:
        """Index of the product of two values, or of one and a constant."""
        return self._made(True, left, right)

    def sum(self, left: int, right: int = PUBLIC) -> int:
        """Index of their sum or difference."""
        return self._made(False, left, right)

    def _made(self, is_product: bool, left: int, right: int) -> int:
        self.operations.append((is_product, left, right))
        return len(self.operations) - 1

    def levels(self, result: int) -> int:
        """Levels of the result, products balanced as HEIR does it."""
        uses = Counter([result])
        for _, left, right in self.operations:
            uses.update((left, right))
        found: dict[int, int] = {PUBLIC: PUBLIC}
        for index, (is_product, left, right) in enumerate(self.operations):
            if is_product:
                factors = [found[one] for one in self._factors(index, uses)]
                found[index] = _balanced(sorted(factors, key=lambda level: level != PUBLIC))
            else:
                found[index] = max(found[left], found[right], 0)
        return max(found[result], 0)

    def _factors(self, root: int, uses: Counter[int]) -> list[int]:
        found: list[int] = []
        left = [root]
        while left:
            one = left.pop()
            apart = one >= 0 and self.operations[one][0] and (one == root or uses[one] == 1)
            if apart:
                left += self.operations[one][:0:-1]
            else:
                found.append(one)
        return found


def _balanced(levels: list[int]) -> int:
    """Level of the product of factors with these levels."""
    if len(levels) == 1:
        return levels[0]
    middle = 2 if len(levels) == 3 else len(levels) // 2
    first, second = _balanced(levels[:middle]), _balanced(levels[middle:])
    return PUBLIC if first == second == PUBLIC else max(first, second, 0) + 1


def plan_levels(plan: Plan) -> int:
    """Levels of a plan in HEIR.

    Examples
    --------
    >>> from polyapprox import minimax
    >>> plan = minimax("tanh", 31, interval=(-4, 4)).plan
    >>> plan_levels(plan), plan_levels(ordered(plan))
    (7, 6)
    """
    dag = Dag()
    arguments = [dag.argument() for _ in range(plan.inputs)]
    return dag.levels(add_plan(dag, plan, arguments))


def add_plan(dag: Dag, plan: Plan, arguments: list[int]) -> int:
    """The operations of a plan; the index of its value."""
    found: list[int] = []
    for kind, left, right, _ in plan.operations:
        if kind == "input":
            found.append(arguments[left])
        elif kind in ("multiply", "scale"):
            found.append(dag.product(found[left], found[right] if right >= 0 else PUBLIC))
        else:
            other = left if kind == "double" else right
            found.append(dag.sum(found[left], found[other] if other >= 0 else PUBLIC))
    return found[plan.output]


def ordered(plan: Plan) -> Plan:
    """The plan with a product that nothing else uses before the other factor: it stays first."""
    uses = Counter([plan.output])
    for kind, left, right, _ in plan.operations:
        uses.update((left, left if kind == "double" else right))

    def alone(index: int) -> bool:
        return plan.operations[index].kind in ("multiply", "scale") and uses[index] == 1

    operations = tuple(
        one._replace(left=one.right, right=one.left)
        if one.kind == "multiply" and alone(one.right) and not alone(one.left)
        else one
        for one in plan.operations
    )
    return replace(plan, operations=operations)


def chain_levels(chain: Chain) -> int:
    """Levels of a chain of Chebyshev series in HEIR, by its own evaluator."""
    dag = Dag()
    x = value = dag.argument()
    for stage in chain.stages:
        low, high = (float(end) for end in stage.domain)
        value = add_series(dag, value, [float(c) for c in stage.coefficients], (low, high))
    return dag.levels(dag.product(x, value) if chain.final == "gate" else value)


def add_series(dag: Dag, x: int, coefficients: list[float], domain: tuple[float, float]) -> int:
    """HEIR's evaluation of a Chebyshev series by ``pscheb``; the index of its value.

    Source: ``lib/Utils/Polynomial/ChebyshevPatersonStockmeyer.h`` of HEIR, of 2026.
    """
    low, high = domain
    u = x if high - low == 2 else dag.product(x)
    u = u if high + low == 0 else dag.sum(u)
    bits = (len(coefficients) - 1).bit_length()
    split = 1 << _split(bits)
    powers: dict[int, int] = {0: PUBLIC, 1: u}
    steps = [_baby_step(dag, row, u, powers) for row in _decomposed(coefficients, split)]
    for degree in range(1, split + 1):
        _chebyshev(dag, degree, powers)
    giant = powers[split]
    while True:
        steps = [_joined(dag, steps[i : i + 2], giant) for i in range(0, len(steps), 2)]
        if len(steps) == 1:
            return PUBLIC if steps[0] is None else steps[0]
        giant = dag.product(giant, giant)


def _split(bits: int) -> int:
    half = bits >> 1
    one = (1 << half) + (1 << (bits - half)) + bits - half - 3
    other = (1 << (half + 1)) + (1 << (bits - half - 1)) + bits - half - 4
    return half + (one > other)


def _chebyshev(dag: Dag, degree: int, powers: dict[int, int]) -> int:
    """T_degree = 2 T_a T_b − T_(a−b)."""
    if degree not in powers:
        power_of_two = degree & (degree - 1) == 0
        a = degree // 2 if power_of_two else (1 << ((degree - 1).bit_length() - 1)) - 1
        b = degree - a
        product = dag.product(_chebyshev(dag, a, powers), _chebyshev(dag, b, powers))
        twice = dag.sum(product, product)
        powers[degree] = dag.sum(twice, _chebyshev(dag, abs(a - b), powers))
    return powers[degree]


def _baby_step(dag: Dag, row: list[float], u: int, powers: dict[int, int]) -> int | None:
    total: int | None = None
    for degree, number in enumerate(row):
        if number == 0.0:
            continue
        value = _chebyshev(dag, degree, powers)
        term = value if degree == 0 or number == 1.0 else dag.product(value)
        total = term if total is None else dag.sum(total, term)
    return total


def _joined(dag: Dag, pair: list[int | None], giant: int) -> int | None:
    if len(pair) == 1 or pair[1] is None:
        return pair[0]
    product = dag.product(pair[1], giant)
    return product if pair[0] is None else dag.sum(pair[0], product)


def _decomposed(coefficients: list[float], split: int) -> list[list[float]]:
    """Rows p_i of sum p_i T_split^i, each of degree below split."""
    rows, p = [], list(coefficients)
    while p:
        quotient = [0.0] * max(len(p) - split, 0)
        for i in range(len(p) - 1, split - 1, -1):
            if i == split:
                quotient[0] = p[i]
            elif p[i]:
                quotient[i - split] = 2.0 * p[i]
                p[abs(i - 2 * split)] -= p[i]
                p[i] = 0.0
        rows.append(p[:split])
        p = quotient
    return rows
