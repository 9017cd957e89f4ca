# SPDX-License-Identifier: Apache-2.0
"""What a reader finds in a file, before anything is proven about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar, get_args

import mpmath

from ..errors import ArgumentError, TableError
from ..numbers import ZERO
from ..plan.plan import Plan
from ..words import counted
from .numbers import number

Basis = Literal["chebyshev", "monomial", "monomial-odd"]
Order = Literal["low-to-high", "high-to-low"]
ORDERS = get_args(Order)
LARGEST_POWER = 10_000
BASES = get_args(Basis)
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
        Which table, where a file holds several: its name, NAME:LINE where two have the same, or
        several names with commas between, innermost first.
    path : str
        Of the file, for tables whose degrees are in a file beside it.
    order : {"low-to-high", "high-to-low"}
        Of the numbers of each row.
    powers : tuple of int
        Which power, or Chebyshev index, each number belongs to; empty: 0, 1, 2, …
    """

    basis: Basis | None = None
    degrees: tuple[int, ...] = ()
    name: str | None = None
    path: str = ""
    order: str = "low-to-high"
    powers: tuple[int, ...] = ()

    def renamed(self, name: str) -> Hints:
        """The same hints with another name of the table."""
        return replace(self, name=name)


_T = TypeVar("_T")


class NoTableError(TableError):
    """A file holds nothing that could be a table."""


def chosen(found: Sequence[tuple[str, int, _T]], hints: Hints, what: str = "table") -> list[_T]:
    """The tables that were asked for by their exact names, or the only one.

    Parameters
    ----------
    found : sequence of (name, line, table)
    hints : Hints
    what : str
        What they are called in sentences.

    Raises
    ------
    TableError
        Naming those that there are.
    """
    if not found:
        word = "list" if what == "table" else what
        raise NoTableError(f"holds no {word} of coefficients")
    counts = [name for name, _, _ in found]
    told = {
        (name if counts.count(name) == 1 else f"{name}:{line}"): table for name, line, table in found
    }
    names = ", ".join(repr(name) for name in told)
    if hints.name is None:
        if len(found) > 1:
            raise TableError(f"holds several {what}s ({names}); choose one by name=")
        return [found[0][2]]
    wanted = [hints.name] if hints.name in told else [part.strip() for part in hints.name.split(",")]
    for name in wanted:
        if name not in told:
            raise TableError(f"holds no {what} {name!r}; it holds {names}")
    return [told[name] for name in wanted]


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
        have = tuple(max((k for k, c in enumerate(row) if c), default=0) for row in contents.stages)
        if contents.plan is None and have != degrees:
            raise TableError(
                f"the stages have the degrees {have}, but the header says {degrees}: was the file "
                "cut off?"
            )
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


def is_own(lines: Iterable[str]) -> bool:
    """Whether lines are the header of an export of this package."""
    return any(_KEY.match(line) and "structure: " in line for line in lines)


def refuse_own(lines: Iterable[str]) -> None:
    """Raise where the header is that of an export, of which nothing else was recognised."""
    if is_own(lines):
        raise TableError(
            "has the header of an export of this package, but not its operations or stages: was it "
            "changed?"
        )


def arranged(contents: Contents, hints: Hints) -> Contents:
    """The contents with rows low to high and without gaps, as the hints say of them.

    Raises
    ------
    ArgumentError
        If the file itself says how it is to be read, or powers do not fit.
    """
    if hints.order == ORDERS[0] and not hints.powers:
        return contents
    if contents.plan is not None or contents.structure is not None:
        raise ArgumentError("order and powers are said by the file, an export; leave them out")
    rows = contents.stages
    if hints.order == ORDERS[1]:
        rows = tuple(row[::-1] for row in rows)
    if hints.powers:
        if contents.basis == "monomial-odd":
            raise ArgumentError("give either powers or basis='monomial-odd', not both")
        rows = tuple(_spread(row, hints.powers) for row in rows)
    return replace(contents, stages=rows)


def _spread(row: tuple[mpmath.mpf, ...], powers: tuple[int, ...]) -> tuple[mpmath.mpf, ...]:
    if len(row) != len(powers):
        raise ArgumentError(f"powers has {counted(len(powers), 'entry')}, but a row has {counted(len(row), 'number')}")
    found = dict(zip(powers, row, strict=True))
    return tuple(found.get(k, ZERO) for k in range(max(powers) + 1))
