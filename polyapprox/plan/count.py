# SPDX-License-Identifier: Apache-2.0
"""Counting: what is a multiplication, and what uses a level.

Two rules, the same but for the scaling of the input:

``published``
    The rule of the published tables (Lee et al., eprint 2020/834, tables in func.cpp): a
    *multiplication* is ciphertext times ciphertext (the final product by x included); a *level*
    is used by each ciphertext-ciphertext product and by each product with a constant that is not
    free; additions, doublings, negations and constants added are free. The scaling of the input
    by a constant is done by the layer before and uses none.
``standalone``
    The same, and the scaling of the input uses its level too.

Free constants are the integers up to 2^15 in size: at most 15 doublings and as many additions make
such a product, or a product of the ciphertext with the integer itself, and nothing is rescaled. It
takes log2 |c| bits of the modulus, never more than one level of the smallest scale in use (15 bits).
A larger integer is encoded, multiplied and rescaled as any other number is: that a double beyond
2^52 happens to be an integer makes it no cheaper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import mpmath

from ..given import former, word
from .plan import Plan

Rule = Literal["published", "standalone"]
RULES: tuple[Rule, ...] = get_args(Rule)
FREE_BITS = 15  # integers up to 2^FREE_BITS are free


@dataclass(frozen=True)
class Counts:
    """What a plan costs under a named rule."""

    multiplications: int
    constant_products: int
    additions: int
    levels: int
    rule: Rule

    depth = former("levels")


def count(plan: Plan, rule: Rule = "published") -> Counts:
    """Count the operations and levels of a plan.

    Parameters
    ----------
    plan : Plan
    rule : {"published", "standalone"}
        Counting rule, see the module's documentation.
    """
    word("rule", rule, RULES)
    kinds, using = [kind for kind, *_ in plan.operations], rescales(plan, rule)
    multiplications, scaled = kinds.count("multiply"), kinds.count("scale")
    additions = len(kinds) - kinds.count("input") - multiplications - scaled
    used = levels(plan, rule, using)[plan.output]
    return Counts(multiplications, sum(using) - multiplications, additions, used, rule)


def rescales(plan: Plan, rule: Rule = "standalone") -> tuple[bool, ...]:
    """Whether each operation uses a level: a product of ciphertexts, or with a constant that is not free."""
    folded = input_scaling(plan) if rule == "published" else None
    return tuple(
        kind == "multiply" or (kind == "scale" and index != folded and not is_free(constant))
        for index, (kind, _, _, constant) in enumerate(plan.operations)
    )


def levels(
    plan: Plan, rule: Rule = "standalone", using: Sequence[bool] | None = None,
    starts: Sequence[int] | None = None,
) -> tuple[int, ...]:  # fmt: skip
    """Levels used up to and including each operation.

    Parameters
    ----------
    plan : Plan
    rule : {"published", "standalone"}
    using : sequence of bool, optional
        Which operations use a level, in place of what the rule says.
    starts : sequence of int, optional
        Levels that the arguments have used; none unless given.

    Examples
    --------
    >>> from polyapprox import circuit
    >>> plan = circuit("relu", multiplications=3).plan
    >>> levels(plan)[plan.output] == count(plan, "standalone").levels
    True
    """
    found: list[int] = []
    begin = starts or (0,) * plan.inputs
    for (kind, left, right, _), uses in zip(
        plan.operations, using or rescales(plan, rule), strict=True
    ):
        before = begin[left] if kind == "input" else max(found[left], found[right] if right >= 0 else 0)
        found.append(before + uses)
    return tuple(found)


def is_free(constant: mpmath.mpf | float | None) -> bool:
    """Whether a product with this constant uses no level: an integer up to 2^15 in size.

    Examples
    --------
    >>> [is_free(c) for c in (25, -(2**15), 2**15 + 1, 2.0**60, 0.5)]
    [True, True, False, False, False]
    """
    return constant is not None and abs(constant) <= 1 << FREE_BITS and constant == int(constant)


def input_scaling(plan: Plan) -> int | None:
    """Index of the operation that scales the input, if that is the input's only use."""
    uses = [
        index
        for index, operation in enumerate(plan.operations)
        if operation.kind != "input" and 0 in (operation.left, operation.right)
    ]
    if plan.inputs == 1 and len(uses) == 1 and plan.operations[uses[0]].kind == "scale":
        return uses[0]
    return None
