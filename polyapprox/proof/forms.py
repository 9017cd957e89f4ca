# SPDX-License-Identifier: Apache-2.0
"""A plan run on polynomials: what every operation computes, as a polynomial of one variable v.

A value is A(v) + x · C(v), with C = 0 for most: the last stage of a composite is of first degree in
the argument x. Values of a higher degree than is looked for, and values that depend on more, are
not expanded, so that no plan, however large its degree, costs more than the polynomials wanted.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from flint import arb, arb_poly

from ..numbers import ball
from ..plan.plan import Operation, Plan

_NOTHING = arb_poly([])


class Form(NamedTuple):
    """A(v) + x · C(v)."""

    plain: arb_poly
    times: arb_poly = _NOTHING

    @property
    def degree(self) -> int:
        """The larger degree of both in v."""
        return max(self.plain.degree(), self.times.degree())


Forms: TypeAlias = "list[Form | None]"


def constant_form(value: arb) -> Form:
    """A constant."""
    return Form(arb_poly([value]))


def run_on_forms(plan: Plan, argument: Form, known: dict[int, Form], highest: int) -> Forms:
    """What every operation computes, None where it is not of the form or above a degree.

    Parameters
    ----------
    plan : Plan
    argument : Form
        x (the first of two arguments; the second is 0).
    known : dict of int to Form
        Operations whose form is given: they are not looked into.
    highest : int
        Values of a higher degree in v are left out.
    """
    forms: Forms = []
    for index, operation in enumerate(plan.operations):
        if index in known:
            forms.append(known[index])
        elif operation.kind == "input":
            forms.append(constant_form(arb(0)) if operation.left else argument)
        else:
            forms.append(_formed(operation, forms, highest))
    return forms


def _formed(operation: Operation, forms: Forms, highest: int) -> Form | None:
    kind, left, right, constant = operation
    first = forms[left]
    second = forms[right] if right >= 0 else first
    if first is None or second is None:
        return None
    if kind == "multiply":
        return _product(first, second, highest)
    if kind == "scale":
        factor = ball(constant or 0)
        return Form(first.plain * factor, first.times * factor)
    if kind == "shift":
        return Form(first.plain + ball(constant or 0), first.times)
    if kind == "subtract":
        return Form(first.plain - second.plain, first.times - second.times)
    return Form(first.plain + second.plain, first.times + second.times)


def _product(first: Form, second: Form, highest: int) -> Form | None:
    if first.degree + second.degree > highest or (len(first.times) and len(second.times)):
        return None
    if len(second.times):
        first, second = second, first
    return Form(first.plain * second.plain, first.times * second.plain)


def size_on(polynomial: arb_poly, radius: arb) -> arb:
    """Upper bound of |q| on [-radius, radius]: Σ |c_k| radius^k."""
    total, power = arb(0), arb(1)
    for coefficient in polynomial.coeffs():
        total += abs(coefficient) * power
        power *= radius
    return total.upper() if total.is_finite() else arb("inf")
