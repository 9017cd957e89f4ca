# SPDX-License-Identifier: Apache-2.0
"""What the page asks for, as calls of the library, and its results as files."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..approximation import Approximation
from ..zoo.making import MAKERS

OWN = ("relu", "abs")  # with a function of the library each
FUNCTIONS = {  # and the interval to begin with
    "relu": (-8.0, 8.0),
    "abs": (-8.0, 8.0),
    "gelu": (-8.0, 8.0),
    "silu": (-8.0, 8.0),
    "sigmoid": (-8.0, 8.0),
    "tanh": (-4.0, 4.0),
    "softplus": (-8.0, 8.0),
    "erf": (-4.0, 4.0),
    "exp": (-8.0, 0.0),
    "1/x": (1.0, 16.0),
    "1/sqrt(x)": (1.0, 16.0),
}
OBJECTIVES = ("balanced", "levels", "multiplications")


@dataclass(frozen=True)
class Asked:
    """One wish.

    Attributes
    ----------
    function : str
    low, high : float
    power : int or None
        k of the precision 2^-k.
    multiplications : int or None
        In place of it: at most so many.
    objective : str
    relative : bool
        Of smooth functions.
    """

    function: str
    low: float
    high: float
    power: int | None = 9
    multiplications: int | None = None
    objective: str = "balanced"
    relative: bool = False

    @property
    def arguments(self) -> dict[str, Any]:
        """Keywords of the call."""
        found: dict[str, Any] = {"interval": (self.low, self.high)}
        if self.function not in OWN:
            found = {"function": self.function, **found}
        if self.power is None:
            found["multiplications"] = self.multiplications
        else:
            found |= {"precision": 2.0**-self.power, "objective": self.objective}
        if self.relative and self.function not in OWN:
            found["relative"] = True
        return found

    @property
    def maker(self) -> str:
        """The function of the library that answers."""
        return self.function if self.function in OWN else "approximate"

    @property
    def call(self) -> str:
        """As one writes it in Python."""
        said = ", ".join(
            f"{key}=2**-{self.power}" if key == "precision" else f"{key}={value!r}"
            for key, value in self.arguments.items()
        )
        return f"polyapprox.{self.maker}({said})"

    def answer(self) -> Approximation:
        """Make it.

        Raises
        ------
        PolyApproxError
            A sentence for the page.

        Examples
        --------
        >>> Asked("relu", -8, 8, power=7).answer().multiplications
        5
        """
        found: Approximation = MAKERS[self.maker](**self.arguments)
        return found


def exported(approximation: Approximation, format: str) -> tuple[str, bytes]:
    """Name and content of a file: the table, or what a framework reads.

    Raises
    ------
    PolyApproxError
        If the format does not hold it.

    Examples
    --------
    >>> exported(Asked("gelu", -8, 8, power=6).answer(), "csv")[0]
    'gelu.csv'
    """
    from ..export import find_format

    word = "".join(letter if letter.isalnum() else "_" for letter in approximation.function)
    with tempfile.TemporaryDirectory() as folder:
        if format == "table":
            path = approximation.save(Path(folder) / f"{word}.json")
        else:
            path = approximation.export(format, Path(folder) / f"{word}{find_format(format).suffix}")
        return path.name, path.read_bytes()
