"""Which line or constant the competitors of a polynomial are made with, by what f is proven to be."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from flint import arb

from ..interpreters import ball_function
from ..targets import Target


@dataclass(frozen=True)
class Line:
    """f(x) = constant + slope · x + a function of that parity, shown by the form of f.

    Attributes
    ----------
    parity : {"even", "odd"}
    slope : Fraction
        Zero where the rest is odd.
    constant : arb
        In the current precision; zero where the rest is even.
    words : str
        "x/2 plus " and the like, empty where there is neither.
    """

    parity: Literal["even", "odd"]
    slope: Fraction
    constant: arb
    words: str


def line_of(target: Target) -> Line | None:
    """The line or constant of a function; None where none is known."""
    found = target.symmetry
    if found is None:
        return None
    constant = ball_function(found.constant)(arb(0))
    words = ""
    if found.slope:
        words = "x/2 plus " if found.slope == Fraction(1, 2) else f"{found.slope} x plus "
    elif not found.plain:
        words = "a constant plus "
    return Line("odd" if found.parity == "odd" else "even", found.slope, constant, words)
