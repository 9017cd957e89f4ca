# SPDX-License-Identifier: Apache-2.0
"""|x| and its kin: ReLU, the maximum and the minimum are a share of |x| and a line.

With d = x, or a − b of two arguments a and b, and s the sum of the arguments

=======  ======  =====  ====  ====  =========================
name     inputs  share  line  sign  value
=======  ======  =====  ====  ====  =========================
abs      1       1      0     +     |x|
relu     1       1/2    1/2   +     x/2 + |x|/2
maximum  2       1/2    1/2   +     (a + b)/2 + |a − b|/2
minimum  2       1/2    1/2   −     (a + b)/2 − |a − b|/2
=======  ======  =====  ====  ====  =========================
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Kin:
    """A function that is sign · share · |d| + line · s.

    Attributes
    ----------
    name : str
    inputs : int
        Arguments.
    share : Fraction
        Of |d|, 1 or 1/2.
    line : Fraction
        Of the sum of the arguments, 0 or 1/2.
    sign : {1, -1}
    along : str
        The function of d that it is along b = 0.
    """

    name: str
    inputs: int
    share: Fraction
    line: Fraction
    sign: int
    along: str

    @property
    def halved(self) -> bool:
        """Whether it takes half of |d|."""
        return self.share != 1

    @property
    def lined(self) -> bool:
        """Whether half the argument itself is added: ReLU."""
        return self.inputs == 1 and self.line != 0

    def difference(self, *x: Any) -> Any:
        """d."""
        return x[0] if self.inputs == 1 else x[0] - x[1]


    def floats(self, *x: Any) -> np.ndarray:
        """Values on floats, exact."""
        if self.inputs == 2:
            return np.asarray(np.maximum(*x) if self.sign > 0 else np.minimum(*x))
        return np.asarray(np.maximum(x[0], 0.0) if self.lined else np.abs(x[0]))

    def join(self, value: Any, line: Any) -> Any:
        """The function, of what stands for share · |d| and for line · s."""
        if not self.line:
            return value
        return line + value if self.sign > 0 else line - value


_HALF = Fraction(1, 2)
KIN = {
    kin.name: kin
    for kin in (
        Kin("relu", 1, _HALF, _HALF, 1, "relu"),
        Kin("abs", 1, Fraction(1), Fraction(0), 1, "abs"),
        Kin("maximum", 2, _HALF, _HALF, 1, "relu"),
        Kin("minimum", 2, _HALF, _HALF, -1, "-relu(-x)"),
    )
}


def inputs_of(function: str) -> int:
    """How many arguments a function takes."""
    return KIN[function].inputs if function in KIN else 1
