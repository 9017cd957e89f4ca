# SPDX-License-Identifier: Apache-2.0
"""A small builder of plans: records operations, shares equal ones, folds trivial constants."""

from __future__ import annotations

import mpmath

from ..numbers import add, multiply
from .plan import Operation, Plan


class PlanBuilder:
    """Collects operations; methods return the index of the value they make."""

    def __init__(self, inputs: int = 1) -> None:
        self.inputs = inputs
        self.operations: list[Operation] = []
        self._known: dict[Operation, int] = {}
        self.arguments = tuple(
            self._record(Operation("input", number)) for number in range(inputs)
        )

    def _record(self, operation: Operation) -> int:
        if operation not in self._known:
            self._known[operation] = len(self.operations)
            self.operations.append(operation)
        return self._known[operation]

    def multiply(self, left: int, right: int) -> int:
        """Ciphertext times ciphertext."""
        return self._record(Operation("multiply", min(left, right), max(left, right)))

    def add(self, left: int, right: int) -> int:
        """Ciphertext plus ciphertext."""
        if left == right:
            return self.double(left)
        return self._record(Operation("add", min(left, right), max(left, right)))

    def subtract(self, left: int, right: int) -> int:
        """Ciphertext minus ciphertext."""
        return self._record(Operation("subtract", left, right))

    def double(self, value: int) -> int:
        """Ciphertext plus itself."""
        return self._record(Operation("double", value))

    def scale(self, value: int, constant: mpmath.mpf) -> int:
        """Ciphertext times constant; 1 and 2 cost no product, chained constants merge
        (but the scaling of an argument stays one operation of its own)."""
        if constant == 1:
            return value
        if constant == 2:
            return self.double(value)
        before = self.operations[value]
        source_is_input = before.kind == "scale" and before.left in self.arguments
        if before.kind == "scale" and before.constant is not None and not source_is_input:
            return self.scale(before.left, multiply(before.constant, constant))
        return self._record(Operation("scale", value, -1, constant))

    def shift(self, value: int, constant: mpmath.mpf) -> int:
        """Ciphertext plus constant; zero costs nothing, chained constants merge."""
        if not constant:
            return value
        before = self.operations[value]
        if before.kind == "shift" and before.constant is not None:
            return self.shift(before.left, add(before.constant, constant))
        return self._record(Operation("shift", value, -1, constant))

    def finish(self, output: int) -> Plan:
        """The plan, without the operations that the output does not need."""
        needed = {output, *self.arguments}
        for index in range(len(self.operations) - 1, -1, -1):
            operation = self.operations[index]
            if index in needed and operation.kind != "input":
                needed.update(used for used in (operation.left, operation.right) if used >= 0)
        place = {old: new for new, old in enumerate(sorted(needed))}
        kept = []
        for old in sorted(needed):
            kind, left, right, constant = self.operations[old]
            if kind != "input":
                left, right = place[left], place.get(right, -1)
            kept.append(Operation(kind, left, right, constant))
        return Plan(tuple(kept), place[output], self.inputs)
