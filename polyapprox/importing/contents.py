"""What a reader finds in a file, before anything is proven about it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import mpmath

from ..errors import TableError
from ..numbers import ZERO
from ..plan.plan import Plan
from .numbers import number

Basis = Literal["chebyshev", "monomial", "monomial-odd"]
BASES = ("chebyshev", "monomial", "monomial-odd")
Interval = tuple[mpmath.mpf, mpmath.mpf]


@dataclass(frozen=True)
class Contents:
    """Numbers of a file, exactly as they stand there, and what the file says about them.

    Attributes
    ----------
    stages : tuple of rows
        Coefficients of each stage, innermost first, low to high, c_0 as it is.
    basis : str or None
        Of the rows; None if neither format nor file says it.
    intervals : tuple of intervals
        Where each stage is expanded; empty: [-1, 1] for all (the first: the domain).
    halved : bool
        Whether the last stage is (1 + s)/2 rather than s.
    plan : Plan or None
        Where the file holds operations instead.
    function, structure : str or None
    domain : tuple of intervals
        Empty if the file does not say it.
    offset : mpmath.mpf
    notes : tuple of str
        What a reader did to the numbers, for the provenance.
    degrees : tuple of int
        Of the stages, as the header of an export says them: a file that was cut off is noticed.
    """

    stages: tuple[tuple[mpmath.mpf, ...], ...] = ()
    basis: Basis | None = None
    intervals: tuple[Interval, ...] = ()
    halved: bool = False
    plan: Plan | None = None
    function: str | None = None
    structure: str | None = None
    domain: tuple[Interval, ...] = ()
    offset: mpmath.mpf = ZERO
    notes: tuple[str, ...] = ()
    degrees: tuple[int, ...] = ()


@dataclass(frozen=True)
class Hints:
    """What the caller says about a file.

    Attributes
    ----------
    basis : str or None
    degrees : tuple of int
        Of the stages, where numbers are in one column.
    name : str or None
        Which table, where a file holds several.
    path : str
        Of the file, for tables whose degrees are in a file beside it.
    """

    basis: Basis | None = None
    degrees: tuple[int, ...] = ()
    name: str | None = None
    path: str = ""


_KEY = re.compile(r"^\W*(function|interval|structure|degrees): (.+?)\s*$")
_PAIR = re.compile(r"\[([^,\]]+), ([^,\]]+)\]")


def with_header(contents: Contents, lines: Iterable[str]) -> Contents:
    """The contents with function, domain and structure from the header of an export."""
    found: dict[str, str] = {}
    for line in lines:
        match = _KEY.match(line)
        if match and match[1] not in found:
            found[match[1]] = match[2].strip('",')
    if "structure" not in found:
        return contents
    try:
        pairs = _PAIR.findall(found["interval"])
        domain = tuple((number(low), number(high)) for low, high in pairs)
        degrees = tuple(int(part) for part in found["degrees"].split(","))
        return replace(
            contents,
            function=found["function"],
            structure=found["structure"],
            domain=domain,
            degrees=degrees,
        )
    except KeyError as missing:
        raise TableError(f"the header does not say the {missing}; was the file cut off?") from None
    except ValueError:
        raise TableError("the header's degrees are no whole numbers; was the file cut off?") from None
