# SPDX-License-Identifier: Apache-2.0
"""The one rule of bits and precision: whether a function scales with its interval.

f scales where f(λx) = λ f(x) for every λ > 0: |x|, ReLU, the maximum, the minimum and what is made
of them without constants. There the error is measured on the interval scaled to [-1, 1], in units of
B, the larger end. The values of every other function (sign, sigmoid, exp, 1/x, GELU, …) do not
grow with the interval, and the error is measured as it is; so is a weighted or relative error.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

from .errors import ExpressionError
from .expression import Node, parse
from .functions.kin import inputs_of

_KEPT = ("neg", "abs", "relu", "min", "max", "Min", "Max", "minimum", "maximum")


@lru_cache(maxsize=1024)
def scales_with_interval(function: str, weight: str = "1") -> bool:
    """Whether precision and bits of a function are those of the interval scaled to [-1, 1].

    Parameters
    ----------
    function : str
        Name or expression, as in :attr:`polyapprox.Approximation.function`. What cannot be read (a
        callable) does not scale.
    weight : str
        Of the error; "1" for the absolute error.

    Examples
    --------
    >>> scales_with_interval("relu"), scales_with_interval("relu(x) - relu(-x)/100")
    (True, True)
    >>> scales_with_interval("gelu"), scales_with_interval("sign"), scales_with_interval("x**2")
    (False, False, False)
    """
    if weight != "1":
        return False
    if inputs_of(function) == 2:
        return True
    try:
        return homogeneity(parse(function)) == 1
    except ExpressionError:
        return False


def homogeneity(node: Node) -> Fraction | None:
    """k where the tree is positively homogeneous of degree k by its form, else None."""
    if node.op == "x":
        return Fraction(1)
    if not node.args:
        return Fraction(0)
    degrees = [homogeneity(arg) for arg in node.args]
    if None in degrees:
        return None
    first, *others = (degree for degree in degrees if degree is not None)
    if node.op == "**":
        exponent = node.args[1].value
        return first * exponent if exponent is not None else None if any((first, *others)) else first
    if node.op in ("*", "/"):
        (second,) = others
        return first + second if node.op == "*" else first - second
    if node.op in ("+", "-", *_KEPT):
        return first if all(other == first for other in others) else None
    if node.op == "sqrt":
        return first / 2
    if node.op in ("sign", "step"):
        return Fraction(0)
    return None if any(degrees) else Fraction(0)


def unit_of(function: str, domain: Sequence[tuple[float, float]], weight: str = "1") -> float:
    """What precision is measured in on a domain: its larger end, or 1.

    Examples
    --------
    >>> unit_of("relu", [(-50.0, 8.0)]), unit_of("sigmoid", [(-50.0, 8.0)])
    (50.0, 1.0)
    """
    if not scales_with_interval(function, weight):
        return 1.0
    return max(abs(domain[0][0]), abs(domain[-1][1]))
