"""Makes the tables of the page on functions: ``python docs/made/functions_tables.py`` (``--check``)."""

from __future__ import annotations

import sys

from page_tables import DOCS, grid, main

import polyapprox
from polyapprox.expression import parse
from polyapprox.functions import NAMED, Symmetry
from polyapprox.interpreters import to_sympy

PAGE = DOCS / "functions.md"
SPLIT = (
    ("gelu", 30, 8.0),
    ("silu", 30, 8.0),
    ("softplus", 14, 8.0),
    ("softplus", 30, 8.0),
    ("gelu_tanh", 30, 8.0),
    ("hardswish", 30, 8.0),
    ("sigmoid", 31, 8.0),
    ("normcdf", 31, 4.0),
)
_LOPSIDED = 2.0**-30  # a domain that is not symmetric: nothing is taken out


def names() -> str:
    """All names, what they mean and their symmetry."""
    rows = [
        [f"`{name}`", f"`{to_sympy(parse(name))}`", _words(NAMED[name].symmetry)]
        for name in sorted(NAMED)
    ]
    return grid(["name", "in SymPy", "symmetry"], rows)


def _words(known: Symmetry | None) -> str:
    if known is None:
        return ""
    line = f"{known.slope} x + " if known.slope else ""
    line += f"{known.constant} + " if known.constant != "0" else ""
    return f"{line}{known.parity}" + (f" about {known.centre}" if known.centre else "")


def split() -> str:
    """What it saves to take the line or the constant out."""
    rows = []
    for name, degree, end in SPLIT:
        made = polyapprox.minimax(name, degree, domain=(-end, end))
        general = polyapprox.minimax(name, degree, domain=(-end, end * (1 + _LOPSIDED)))
        rows.append([f"`{name}`", degree, end, general.multiplications, made.multiplications])
    headings = ["function", "degree", "B", "multiplications of a general one", "taken out"]
    return grid(headings, rows)


TABLES = {"names": names, "split": split}


if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
