# SPDX-License-Identifier: Apache-2.0
"""One named function: its values in every arithmetic, its symmetry, and where it is not smooth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

Values = Callable[..., Any]
HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Symmetry:
    """f(centre + t) = constant + slope · t + a function of t that is even, or odd.

    Attributes
    ----------
    parity : {"even", "odd"}
        Of what is left without the line; an even rest holds the constant, an odd one the slope.
    slope : Fraction
        Zero where the rest is odd.
    constant : str
        An expression without x; "0" where the rest is even.
    centre : Fraction
    """

    parity: Literal["even", "odd"]
    slope: Fraction = Fraction(0)
    constant: str = "0"
    centre: Fraction = Fraction(0)


EVEN, ODD = Symmetry("even"), Symmetry("odd")
HALF_LINE = Symmetry("even", slope=HALF)  # x/2 plus an even function
HALF_CONSTANT = Symmetry("odd", constant="1/2")  # 1/2 plus an odd function


@dataclass(frozen=True)
class Named:
    """A function that has a name.

    Attributes
    ----------
    name : str
    floats : callable
        On float64 arrays; NaN where undefined. Neither overflows nor cancels.
    mpmath : callable
        At the precision of the ``mpmath`` context.
    ball : callable
        On balls, wide ones too: contains the value at every point where there is one.
    series : callable
        On power series of balls (``arb_series``); raises ``ZeroDivisionError`` across a kink.
    sympy : callable
        Takes the module ``sympy`` and the argument.
    symmetry : Symmetry, optional
        Proven, by the formula.
    kink : bool
        Whether it is not smooth where its argument is 0.
    expansion : str, optional
        The same function by others that are not smooth: where its kinks and its pieces are.
    """

    name: str
    floats: Values
    mpmath: Values
    ball: Values
    series: Values
    sympy: Values
    symmetry: Symmetry | None = None
    kink: bool = False
    expansion: str | None = None
