# SPDX-License-Identifier: Apache-2.0
"""The index of the zoo: bound, cost and digest of every entry, shipped with the package."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import ArgumentError
from ..files import write_atomically
from .entries import entry

INDEX = Path(__file__).with_name("index.json")


@dataclass(frozen=True)
class Row:
    """What is known of an entry.

    Attributes
    ----------
    name, function, call : str
    interval : (float, float)
    structure : str
        As of the approximation; "bootstrapped" for a series inside the bootstrap.
    degrees : tuple of int
    error_bound : float
        Proven, absolute (relative where `relative`).
    bits : float
        −log2 of it in the unit of the precision, rounded down.
    relative : bool
    multiplications, constant_products : int or None
        Rule "published"; None for a series.
    levels, levels_standalone : int
        Under both rules; of a series, beyond those of a plain bootstrap.
    digest : str
        SHA-256 of the plan, or of the coefficients of a series.
    low, high : tuple of int or None
        Sampled error in even strips of the interval, in percent of the bound.
    """

    name: str
    function: str
    interval: tuple[float, float]
    call: str
    structure: str
    degrees: tuple[int, ...]
    error_bound: float
    bits: float
    relative: bool
    multiplications: int | None
    constant_products: int | None
    levels: int
    levels_standalone: int
    digest: str
    low: tuple[int | None, ...]
    high: tuple[int | None, ...]


def row_from(content: dict[str, Any]) -> Row:
    """A row from its JSON object."""
    lists = {"interval", "degrees", "low", "high"}
    given: dict[str, Any] = {one.name: content[one.name] for one in fields(Row)}
    given |= {key: tuple(given[key]) for key in lists}
    return Row(**given)


@cache
def rows() -> dict[str, Row]:
    """All rows by name.

    Examples
    --------
    >>> rows()["relu_-50_50_p9"].multiplications
    7
    """
    content = json.loads(INDEX.read_text(encoding="utf-8"))
    return {one["name"]: row_from(one) for one in content["tables"]}


def row(name: str) -> Row:
    """The row of a name.

    Raises
    ------
    ArgumentError
        With the nearest names.
    """
    return rows()[entry(name).name]


def search(
    text: str = "",
    *,
    interval: tuple[float, float] | None = None,
    bits: float | None = None,
    multiplications: int | None = None,
    levels: int | None = None,
) -> list[Row]:
    """Entries that serve a need, the cheapest first.

    Parameters
    ----------
    text : str
        In the name or the function.
    interval : (float, float), optional
        Lies within theirs.
    bits : float, optional
        At least so many, proven.
    multiplications, levels : int, optional
        At most so many (rule "published").

    Returns
    -------
    list of Row

    Raises
    ------
    ArgumentError
        If no entry has the text.

    Examples
    --------
    >>> search("gelu", interval=(-7, 7), bits=9)[0].name
    'gelu_-8_8_p12'
    """
    named = [one for one in rows().values() if text.lower() in one.name or text == one.function]
    if not named:
        functions = dict.fromkeys(one.function for one in rows().values())
        raise ArgumentError(f"the zoo has nothing of {text!r}; its functions are {', '.join(functions)}")
    found = [
        one
        for one in named
        if (interval is None or (one.interval[0] <= interval[0] and interval[1] <= one.interval[1]))
        and (bits is None or one.bits >= bits)
        and (multiplications is None or (one.multiplications or 0) <= multiplications)
        and (levels is None or one.levels <= levels)
    ]
    return sorted(found, key=lambda one: (one.multiplications or 0, one.levels, -one.bits))


def index_text(found: Iterable[Row]) -> str:
    """The index, one entry a line."""
    lines = ",\n".join(json.dumps(asdict(one), separators=(",", ":")) for one in found)
    return f'{{"format": "polyapprox zoo", "tables": [\n{lines}\n]}}\n'


def write_index(found: Iterable[Row], path: Path = INDEX) -> Path:
    """Write an index whole."""
    return write_atomically(path, index_text(found).encode())
