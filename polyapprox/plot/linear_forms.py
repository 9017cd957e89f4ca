# SPDX-License-Identifier: Apache-2.0
"""A plan as products of linear forms: what is left of it when additions and constants are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..plan.plan import Plan

Form = dict[int, float]  # operation (an argument or a product) -> coefficient; −1: the constant
CONSTANT = -1


@dataclass(frozen=True)
class Product:
    """A product of two linear forms of arguments and earlier products.

    Attributes
    ----------
    index : int
        Operation of the plan.
    left, right : dict
        Factors: coefficient of each argument or product, of −1 the constant.
    """

    index: int
    left: Form
    right: Form

    @property
    def square(self) -> bool:
        """Whether both factors are the same."""
        return self.left == self.right


def linear_forms(plan: Plan) -> tuple[list[Product], Form]:
    """All products of a plan, in order, and the linear form of the result.

    Examples
    --------
    >>> from polyapprox.plan import PlanBuilder
    >>> from polyapprox.numbers import exact
    >>> builder = PlanBuilder()
    >>> (x,) = builder.arguments
    >>> square = builder.multiply(x, builder.double(x))
    >>> products, result = linear_forms(builder.finish(builder.shift(square, exact(-1))))
    >>> products[0].left, products[0].right, result
    ({0: 1.0}, {0: 2.0}, {2: 1.0, -1: -1.0})
    """
    forms: list[Form] = []
    products = []
    for index, (kind, left, right, constant) in enumerate(plan.operations):
        number = 0.0 if constant is None else float(constant)
        if kind == "input":
            form = {index: 1.0}
        elif kind == "multiply":
            products.append(Product(index, forms[left], forms[right]))
            form = {index: 1.0}
        elif kind == "scale":
            form = {key: number * value for key, value in forms[left].items()}
        elif kind == "double":
            form = {key: 2 * value for key, value in forms[left].items()}
        elif kind == "shift":
            form = _sum(forms[left], {CONSTANT: number}, 1.0)
        else:
            form = _sum(forms[left], forms[right], -1.0 if kind == "subtract" else 1.0)
        forms.append(form)
    return products, forms[plan.output]


def _sum(first: Form, second: Form, sign: float) -> Form:
    total = dict(first)
    for key, value in second.items():
        total[key] = total.get(key, 0.0) + sign * value
    return {key: value for key, value in total.items() if value}


def written(form: Form, name: Callable[[int], str], digits: int = 4) -> list[str]:
    """The terms of a linear form, latest product first, the constant last, with their signs.

    Examples
    --------
    >>> "".join(written({1: 1.0, 3: -0.5, -1: 2.0}, "p{}".format)).removeprefix("+")
    '−0.5·p3 + p1 + 2'
    """
    terms: list[str] = []
    for key in sorted(form, key=lambda k: (k == CONSTANT, -k)):
        size = abs(form[key])
        value = f"{size:.{digits}g}"
        text = value if key == CONSTANT else name(key) if size == 1 else f"{value}·{name(key)}"
        sign = "−" if form[key] < 0 else "+"
        terms.append(f" {sign} {text}" if terms else text if sign == "+" else f"−{text}")
    return terms or ["0"]
