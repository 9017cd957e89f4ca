# SPDX-License-Identifier: Apache-2.0
"""A plan turned into few passes over memory: fused, in place, with reused registers.

The operations of a :class:`polyapprox.plan.plan.Plan` are regrouped, not changed: every value that
is multiplied, or used twice, is one linear combination

    constant + sum of c·x + sum of c·(x·y)

of earlier values, and each term is one pass (``torch.add`` with ``alpha``, ``torch.addcmul`` with
``value``). Doubling, scaling, shifting and adding cost no pass of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from polyapprox.plan.plan import Plan

Term = tuple[float, int, int]
"""(c, x, y): c · x · y, or c · x when y is −1; x and y are registers."""
Call = Callable[[], Any]
"""One pass over memory."""


@dataclass(frozen=True)
class Step:
    """target = constant + sum of terms, where target is a register no term reads."""

    target: int
    constant: float
    terms: tuple[Term, ...]


@dataclass(frozen=True)
class Program:
    """Steps over `registers` registers; register 0 holds the argument at the start."""

    steps: tuple[Step, ...]
    registers: int

    @property
    def passes(self) -> int:
        """How often memory is traversed."""
        return sum(max(1, len(step.terms)) for step in self.steps)

    def times(self, gain: float) -> Program:
        """The program of gain times the value (at no cost)."""
        last = self.steps[-1]
        terms = tuple((c * gain, x, y) for c, x, y in last.terms)
        step = Step(last.target, last.constant * gain, terms)
        return Program((*self.steps[:-1], step), self.registers)

    def scalars(self, dtype: torch.dtype, device: torch.device) -> list[torch.Tensor]:
        """The constant of each step as a tensor without dimensions."""
        constants = [step.constant for step in self.steps]
        return list(torch.tensor(constants, dtype=dtype, device=device).unbind())

    def calls(
        self, registers: Sequence[torch.Tensor], scalars: Sequence[torch.Tensor]
    ) -> list[Call]:
        """The passes of all steps but the last, bound to registers: to be called in this order.

        Parameters
        ----------
        registers : sequence of Tensor, all of one shape and type
            As many as `registers`, the first holding the argument when the passes are called, which
            overwrite them.
        scalars : sequence of Tensor
            From :meth:`scalars`.
        """
        return [
            call
            for step, scalar in zip(self.steps[:-1], scalars[:-1], strict=True)
            for call in _combine(registers[step.target], step, scalar, registers)
        ]

    def last_calls(
        self,
        registers: Sequence[torch.Tensor],
        scalars: Sequence[torch.Tensor],
        result: torch.Tensor,
    ) -> list[Call]:
        """The passes of the last step, which write the value of the plan into `result`.

        It may be a view of the tensor that the argument came from, not a register.
        """
        return _combine(result, self.steps[-1], scalars[-1], registers)


def _combine(
    target: torch.Tensor, step: Step, scalar: torch.Tensor, registers: Sequence[torch.Tensor]
) -> list[Call]:
    if not step.terms:
        return [partial(target.fill_, step.constant)]
    calls: list[Call] = []
    factor, left, right = step.terms[0]
    if right >= 0:
        calls.append(
            partial(torch.addcmul, scalar, registers[left], registers[right], value=factor,
                    out=target)
        )  # fmt: skip
    elif step.constant:
        calls.append(partial(torch.add, scalar, registers[left], alpha=factor, out=target))
    else:
        calls.append(partial(torch.mul, registers[left], factor, out=target))
    for factor, left, right in step.terms[1:]:
        if right >= 0:
            calls.append(partial(target.addcmul_, registers[left], registers[right], value=factor))
        else:
            calls.append(partial(target.add_, registers[left], alpha=factor))
    return calls


@dataclass(frozen=True)
class _Combination:
    """constant + sum of c·x·y over *operations* of the plan (not registers)."""

    constant: float
    terms: tuple[Term, ...]

    def scaled(self, factor: float) -> _Combination:
        terms = tuple((c * factor, x, y) for c, x, y in self.terms)
        return _Combination(self.constant * factor, terms)

    def plus(self, other: _Combination) -> _Combination:
        return _Combination(self.constant + other.constant, self.terms + other.terms)


def compile_plan(plan: Plan) -> Program:
    """Regroup a plan of one argument.

    Examples
    --------
    >>> from polyapprox.plan.builder import PlanBuilder
    >>> builder = PlanBuilder()
    >>> x = builder.arguments[0]
    >>> plan = builder.finish(builder.multiply(x, x))
    >>> compile_plan(plan).steps
    (Step(target=1, constant=0.0, terms=((1.0, 0, 0),)),)
    """
    combinations = _linear_combinations(plan)
    order = sorted(combinations)
    last_read = {0: -1}
    for position, index in enumerate(order):
        for operand in _operands(combinations[index]):
            last_read[operand] = position
    register = {0: 0}
    free: list[int] = []
    steps = []
    count = 1
    for position, index in enumerate(order):
        if free:
            target = free.pop()
        else:
            target, count = count, count + 1
        combination = combinations[index]
        terms = tuple(
            (c, register[x], register[y] if y >= 0 else -1) for c, x, y in combination.terms
        )
        steps.append(Step(target, combination.constant, terms))
        register[index] = target
        for operand in _operands(combination):
            if last_read[operand] == position:
                free.append(register[operand])
    return Program(tuple(steps), count)


def _operands(combination: _Combination) -> set[int]:
    return {operand for _, x, y in combination.terms for operand in (x, y) if operand >= 0}


def _linear_combinations(plan: Plan) -> dict[int, _Combination]:
    """The values that must exist in memory, by index of operation, in terms of each other."""
    uses = [0] * len(plan.operations)
    factors = {plan.output}
    for kind, left, right, _ in plan.operations:
        if kind == "input":
            continue
        for operand in (left, right):
            if operand >= 0:
                uses[operand] += 1
                if kind == "multiply":
                    factors.add(operand)
    stored: dict[int, _Combination] = {}
    inputs = {i: i for i, operation in enumerate(plan.operations) if operation.kind == "input"}
    pending: dict[int, _Combination] = {}

    def read(index: int) -> _Combination:
        if index in inputs or index in stored:
            return _Combination(0.0, ((1.0, index, -1),))
        return pending.pop(index)

    for index, (kind, left, right, constant) in enumerate(plan.operations):
        if kind == "input":
            continue
        number = 0.0 if constant is None else float(constant)
        if kind == "multiply":
            value = _Combination(0.0, ((1.0, left, right),))
        elif kind == "add":
            value = read(left).plus(read(right))
        elif kind == "subtract":
            value = read(left).plus(read(right).scaled(-1.0))
        elif kind == "double":
            value = read(left).scaled(2.0)
        elif kind == "scale":
            value = read(left).scaled(number)
        else:
            value = read(left).plus(_Combination(number, ()))
        if index in factors or uses[index] > 1:
            stored[index] = value
        else:
            pending[index] = value
    if plan.output in inputs:
        stored[len(plan.operations)] = _Combination(0.0, ((1.0, plan.output, -1),))
    return stored
