# SPDX-License-Identifier: Apache-2.0
"""What a scheme does when a plan runs: every product, rescale and addition, with its level.

The steps are those of :mod:`polyapprox.plan.schedule`, which rescales as late as possible.
"""

from __future__ import annotations

from typing import NamedTuple

from ..errors import ArgumentError
from ..plan.count import Rule, count
from ..plan.plan import Plan
from ..plan.schedule import schedule
from ..words import counted

KINDS = ("multiply", "rescale", "scale", "add", "shift")
_PRICED = {
    "multiply": ("multiply",), "square": ("multiply",), "rescale": ("rescale",),
    "scale": ("scale",), "accumulate": ("scale", "add"), "plus": ("add",), "minus": ("add",),
    "double": ("add",), "shift": ("shift",),
}  # fmt: skip
_SCALE_BITS = 50


class Step(NamedTuple):
    """One operation of the scheme.

    `kind` is "multiply" (ciphertexts, with relinearisation, without the rescale), "rescale",
    "scale" (by a constant), "add" or "shift" (a constant added); `level` is how many levels its
    operands still have.
    """

    kind: str
    level: int


def steps(
    plan: Plan, levels: int | None = None, *, rule: Rule = "standalone"
) -> tuple[Step, ...]:
    """All operations of the scheme that a plan needs, in order.

    Parameters
    ----------
    plan : Plan
    levels : int, optional
        Levels that the input has; by default as many as the plan uses.
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
    >>> [(kind, level) for kind, level in steps(plan) if kind == "multiply"]
    [('multiply', 2), ('multiply', 1)]
    """
    needed = count(plan, rule).levels
    levels = needed if levels is None else levels
    if levels < needed:
        raise ArgumentError(
            f'the plan needs {counted(needed, "level")} (rule "{rule}") and the input has {levels}; give more'
        )
    made = schedule(plan, _primes(levels), _SCALE_BITS, fold_input=rule == "published")
    left: dict[int, int] = {}  # levels left of each slot
    found: list[Step] = []
    for name, slot, *rest in made.steps:
        if name == "load":
            left[slot] = levels
        elif name in ("reduce", "scale"):
            left[slot] = left[rest[0]] - rest[1]
        elif name == "copy":
            left[slot] = left[rest[0]]
        elif name in ("multiply", "square"):
            left[slot] = min(left[one] for one in rest)
        elif name == "rescale":
            left[slot] = left[rest[0]]  # of its operand, while it is priced
        found += [Step(kind, left[slot]) for kind in _PRICED.get(name, ())]
        if name == "rescale":
            left[slot] -= 1
    return tuple(found)


def _primes(levels: int) -> list[int]:
    """Odd numbers near 2^50 that keep the scale there, each another, as a context's primes do."""
    unit, scale, found = 1 << _SCALE_BITS, float(1 << _SCALE_BITS), []
    for k in range(levels):
        found.append(round(scale * scale / unit) + (-1) ** k * (k + 1) * (1 << 16) | 1)
        scale = scale * scale / found[-1]
    return found
