"""What a scheme does when a plan runs: every product, rescale and addition, with its level.

A product leaves a value that still has to be rescaled. An *eager* executor rescales it at once; a
*lazy* one waits until the value enters another product, so that a sum of products is rescaled
once (as OpenFHE's automatic modes do). Values of unlike levels are brought together before they
are added or multiplied: by a product with a constant and a rescale.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from ..errors import ArgumentError
from ..plan.count import Rule, count, input_scaling
from ..plan.plan import Plan

Rescaling = Literal["lazy", "eager"]
KINDS = ("multiply", "rescale", "scale", "add", "shift")


class Step(NamedTuple):
    """One operation of the scheme.

    `kind` is "multiply" (ciphertexts, with relinearisation, without the rescale), "rescale",
    "scale" (by a constant), "add" or "shift" (a constant added); `level` is how many levels its
    operands still had; `operation` is the index in the plan.
    """

    kind: str
    level: int
    operation: int


class _State(NamedTuple):
    level: int
    pending: bool  # a rescale is due


def steps(
    plan: Plan,
    levels: int | None = None,
    *,
    rescaling: Rescaling = "lazy",
    rule: Rule = "standalone",
) -> tuple[Step, ...]:
    """All operations of the scheme that a plan needs, in order.

    Parameters
    ----------
    plan : Plan
    levels : int, optional
        Levels that the input has; by default as many as the plan uses.
    rescaling : {"lazy", "eager"}
    rule : {"standalone", "published"}
        Whether the scaling of the input is done here, or by the layer before.

    Raises
    ------
    ArgumentError
        If the plan needs more levels than there are.

    Examples
    --------
    >>> from polyapprox.plan import PlanBuilder
    >>> builder = PlanBuilder()
    >>> (x,) = builder.arguments
    >>> square = builder.multiply(x, x)
    >>> plan = builder.finish(builder.multiply(square, builder.add(square, x)))
    >>> [(step.kind, step.level) for step in steps(plan, rescaling="eager")]
    [('multiply', 2), ('rescale', 2), ('scale', 2), ('rescale', 2), ('add', 1), ('multiply', 1), ('rescale', 1)]
    """
    needed = count(plan, rule).depth
    levels = needed if levels is None else levels
    if levels < needed:
        raise ArgumentError(
            f'the plan needs {needed} levels (rule "{rule}") and the input has {levels}; give more'
        )
    walk = _Walk(levels, rescaling)
    folded = input_scaling(plan) if rule == "published" else None
    states: list[_State] = []
    for index, (kind, left, right, constant) in enumerate(plan.operations):
        walk.index = index
        if kind == "input":
            states.append(_State(levels, False))
        elif index == folded:
            states.append(states[left])
        elif kind == "multiply":
            states.append(walk.product(states[left], states[right], same=left == right))
        elif kind == "scale":
            whole = constant is not None and constant == int(constant)
            states.append(walk.scaled(states[left], whole))
        elif kind == "shift":
            walk.done("shift", states[left].level)
            states.append(states[left])
        else:
            states.append(walk.sum(states[left], states[right] if right >= 0 else states[left]))
    return tuple(walk.steps)


class _Walk:
    """Records steps; methods take and return states of values."""

    def __init__(self, levels: int, rescaling: Rescaling) -> None:
        self.levels, self.eager = levels, rescaling == "eager"
        self.steps: list[Step] = []
        self.index = 0

    def done(self, kind: str, level: int) -> None:
        self.steps.append(Step(kind, level, self.index))

    def fresh(self, state: _State) -> _State:
        """The value rescaled, if that is due."""
        if not state.pending:
            return state
        self.done("rescale", state.level)
        return _State(state.level - 1, False)

    def after_product(self, level: int) -> _State:
        state = _State(level, True)
        return self.fresh(state) if self.eager else state

    def product(self, left: _State, right: _State, same: bool) -> _State:
        left = self.fresh(left)
        right = left if same else self.fresh(right)
        level = self.lowered(left, right)
        self.done("multiply", level)
        return self.after_product(level)

    def scaled(self, value: _State, whole: bool) -> _State:
        if whole:
            self.done("scale", value.level)
            return value
        value = self.fresh(value)
        self.done("scale", value.level)
        return self.after_product(value.level)

    def sum(self, left: _State, right: _State) -> _State:
        if left == right:
            self.done("add", left.level)
            return left
        left, right = sorted((left, right), key=lambda s: (s.level - s.pending, s.level))
        # the lower one stays as it is, the higher one is brought to it
        if left.level == right.level:  # the lower one has a rescale due
            self.done("scale", right.level)
        elif right == _State(left.level + 1, True):
            self.fresh(right)
        else:
            self.fresh(right)
            self.done("scale", right.level - right.pending)
            if not left.pending:
                self.done("rescale", left.level + 1)
        self.done("add", left.level)
        return left

    def lowered(self, left: _State, right: _State) -> int:
        """Bring two values that are rescaled to the lower one's level."""
        low, high = sorted((left.level, right.level))
        if low != high:
            self.done("scale", high)
            self.done("rescale", low + 1)
        return low
