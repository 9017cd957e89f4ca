# SPDX-License-Identifier: Apache-2.0
"""Plans over vectors: what is done slot by slot, rotations, and the sums that they make.

The slots of a ciphertext hold vectors of n numbers side by side. A sum over a vector, left in all
of its slots, is a tree of rotations and additions: it uses no level.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import mpmath
import numpy as np

from ..errors import ArgumentError
from ..plan.count import Rule, count, is_free, levels
from ..plan.plan import Plan
from ..words import counted

Kind = Literal["input", "apply", "multiply", "scale", "add", "subtract", "shift", "sum", "rotate"]


class VectorOperation(NamedTuple):
    """One operation on vectors; `left` and `right` are indices of earlier ones.

    ==========  ==========================================================================
    input       the vector
    apply       a plan, slot by slot (of one argument, or of two)
    multiply    left · right, slot by slot
    scale       constant · left
    add         left + right
    subtract    left − right
    shift       left + constant
    sum         the sum over the n slots, in each of them
    rotate      the slots moved on by `right`, around within the n
    ==========  ==========================================================================
    """

    kind: Kind
    left: int = -1
    right: int = -1
    constant: mpmath.mpf | None = None
    plan: Plan | None = None


@dataclass(frozen=True)
class VectorCounts:
    """What a plan over vectors costs under a named rule."""

    multiplications: int
    constant_products: int
    rotations: int
    levels: int
    rule: Rule


@dataclass(frozen=True)
class VectorPlan:
    """An immutable list of operations; the last one is the result.

    Parameters
    ----------
    operations : tuple of VectorOperation
    length : int
        n.
    """

    operations: tuple[VectorOperation, ...]
    length: int

    def run(self, x: Any) -> Any:
        """Evaluate on vectors along the last axis.

        Parameters
        ----------
        x : array, shape (..., n)
            Of NumPy (float64, or mpmath numbers as objects), or a tensor of PyTorch.

        Raises
        ------
        ArgumentError
            If the last axis is not n long.
        """
        shape = getattr(x, "shape", ())
        if not shape or shape[-1] != self.length:
            raise ArgumentError(
                f"x must be an array of vectors of {counted(self.length, 'number')} along its last axis; got "
                f"the shape {tuple(shape)}"
            )
        return self.evaluated(x)

    def evaluated(self, x: Any, made: Callable[[int, Any], Any] | None = None) -> Any:
        """As :meth:`run`, on vectors of any length: shorter ones, where the box allows them.

        `made` is called with the index and the value of each operation as it is made; later operations
        use what it returns. A sum is held once for a vector: shape (..., 1).
        """
        exact = getattr(getattr(x, "dtype", None), "kind", "") == "O"
        lift: Callable[[mpmath.mpf], Any] = (lambda c: c) if exact else float
        values: list[Any] = []
        for index, operation in enumerate(self.operations):
            value = self._one(operation, values, x, lift)
            values.append(value if made is None else made(index, value))
        return values[-1] if values[-1].shape == x.shape else values[-1] + x * 0

    def _one(
        self, o: VectorOperation, values: list[Any], x: Any, lift: Callable[[mpmath.mpf], Any]
    ) -> Any:
        if o.kind == "input":
            return x
        left = values[o.left]
        if o.kind == "apply":
            plan = o.plan
            if plan is None:
                raise ArgumentError("an operation 'apply' needs a plan")
            given = (left,) if o.right < 0 else (left, values[o.right])
            return plan.run(*given, lift=lift)
        if o.kind == "sum":
            return left.sum(axis=-1, keepdims=True)
        if o.kind == "rotate":
            return _rotated(left, o.right)
        if o.kind in ("scale", "shift"):
            constant = lift(o.constant if o.constant is not None else mpmath.mpf(0))
            return left * constant if o.kind == "scale" else left + constant
        right = values[o.right]
        return left * right if o.kind == "multiply" else left + right if o.kind == "add" else left - right

    def counts(self, rule: Rule = "published") -> VectorCounts:
        """Products, rotations and levels, by the rules of :mod:`polyapprox.plan.count`."""
        folded = self._folded() if rule == "published" else -1
        level: list[int] = []
        products = constants = rotations = 0
        for index, o in enumerate(self.operations):
            below = max([level[k] for k in (o.left, o.right) if k >= 0 and o.kind != "rotate"], default=0)
            if o.kind == "rotate":
                below = level[o.left]
                rotations += 1
            elif o.kind == "sum":
                rotations += tree_rotations(self.length)
            elif o.kind == "apply" and o.plan is not None:
                used = [level[k] for k in (o.left, o.right) if k >= 0]
                below, found, more = _plan_costs(o.plan, used)
                products, constants = products + found, constants + more
            elif o.kind == "multiply":
                below, products = below + 1, products + 1
            elif o.kind == "scale" and index != folded and not is_free(o.constant):
                below, constants = below + 1, constants + 1
            level.append(below)
        return VectorCounts(products, constants, rotations, level[-1], rule)

    def _folded(self) -> int:
        """The scaling of the input, if that is the input's only use."""
        uses = [k for k, o in enumerate(self.operations) if o.kind != "input" and o.left == 0]
        one = len(uses) == 1 and self.operations[uses[0]].kind == "scale"
        return uses[0] if one else -1


def _rotated(value: Any, steps: int) -> Any:
    if isinstance(value, np.ndarray):
        return np.roll(value, steps, axis=-1)
    return value.roll(steps, -1)


def _plan_costs(plan: Plan, starts: Sequence[int]) -> tuple[int, int, int]:
    """Level of the result, products and products with constants, the scaling of the input counted."""
    found = count(plan, "standalone")
    return levels(plan, starts=starts)[plan.output], found.multiplications, found.constant_products


def tree_rotations(length: int) -> int:
    """Rotations of a sum over n slots: a doubling for each bit of n, one more for each bit that is set.

    Examples
    --------
    >>> tree_rotations(128), tree_rotations(768), tree_rotations(1)
    (7, 10, 0)
    """
    return length.bit_length() - 1 + length.bit_count() - 1


class VectorBuilder:
    """Collects operations; methods return the index of the value they make."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.operations = [VectorOperation("input")]

    def record(self, kind: Kind, left: int, right: int = -1, **more: Any) -> int:
        """Append an operation."""
        self.operations.append(VectorOperation(kind, left, right, **more))
        return len(self.operations) - 1

    def scale(self, value: int, constant: mpmath.mpf) -> int:
        """A product with a constant; 1 costs nothing."""
        return value if constant == 1 else self.record("scale", value, constant=constant)

    def finish(self) -> VectorPlan:
        """The plan; its result is the last operation."""
        return VectorPlan(tuple(self.operations), self.length)
