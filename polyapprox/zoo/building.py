# SPDX-License-Identifier: Apache-2.0
"""The zoo as a folder: table, picture and exports of each entry, and a page; resumable, on any runner."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from typing import Any

from ..approximation import Approximation
from ..circuits.search.runner import Runner, serial
from ..errors import FalseClaimError, PolyApproxError
from ..export import FORMATS, find_format
from ..files import write_atomically
from ..refresh.table import verify as verify_series
from ..refresh.value import Bootstrapped
from ..verification import verify as verify_table
from ..wholes.whole import Whole
from ..wholes.writing import save_whole
from .entries import Entry
from .index import Row, index_text, row, row_from
from .making import made, row_of

PAGE = Path(__file__).with_name("page")
LAST_BITS = 1e-9
"""How far a bound may be, relative to it, from that of the same entry made on another processor."""


def build(
    wanted: Sequence[Entry],
    folder: Path,
    *,
    runner: Runner = serial,
    report: Callable[[str], None] = lambda line: None,
) -> list[Row]:
    """Make entries and write their files; what is finished is not made again.

    Parameters
    ----------
    wanted : sequence of Entry
    folder : Path
        Gets ``NAME/table.json``, ``NAME/error.svg`` and a file for every format (``NAME/plan.json``
        for a function of vectors, which has no table), and
        ``index.json`` and ``index.html`` over all that is finished there.
    runner : callable
        See :mod:`polyapprox.circuits.search.runner`.
    report : callable
        Told the name of each entry when it is finished.

    Returns
    -------
    list of Row
    """
    missing = [one for one in wanted if not (folder / one.name / "row.json").exists()]
    for name in runner([(build_one, (one, folder)) for one in missing]):
        report(name)
    found = [json.loads(path.read_text()) for path in sorted(folder.glob("*/row.json"))]
    rows = [row_from(one) for one in found]
    write_atomically(folder / "index.json", index_text(rows).encode())
    write_page(found, folder)
    return rows


def build_one(one: Entry, folder: Path) -> str:
    """Make an entry and write its files; its row comes last, and means that it is finished."""
    result = made(one)
    here = folder / one.name
    if isinstance(result, Whole):
        files = [save_whole(result, here / "plan.json").name]
    else:
        files = [result.save(here / "table.json").name, *sorted(_exported(result, here))]
    if isinstance(result, Approximation):
        result.plot(here / "error.svg")
    content = {**asdict(row_of(one, result)), "files": files}
    write_atomically(here / "row.json", json.dumps(content).encode())
    return one.name


def _exported(result: Approximation | Bootstrapped, here: Path) -> Iterator[str]:
    """Write it in every format that holds it; the names of the files."""
    for format in FORMATS if isinstance(result, Approximation) else ["openfhe-fefbt"]:
        suffix = find_format(format).suffix if isinstance(result, Approximation) else ".py"
        path = here / f"{format}{suffix}"
        try:
            result.export(format, path)
        except PolyApproxError:  # this format does not hold it
            continue
        yield path.name


def write_page(found: Sequence[dict[str, Any]], folder: Path) -> None:
    """The page over an index: HTML, script and style, and the index as a script beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in PAGE.iterdir():
        shutil.copyfile(path, folder / path.name)
    text = json.dumps(found, separators=(",", ":"))
    write_atomically(folder / "zoo-index.js", f"const ZOO = {text};\n".encode())


def check(one: Entry) -> Row:
    """Make an entry again, prove it again, and compare it with the index.

    Constants that are solved for differ in their last bits between processors, whose linear algebra
    rounds otherwise; their digest then is another one, and the bound agrees to :data:`LAST_BITS`.

    Returns
    -------
    Row
        Of what was made. Its digest is that of the index where every bit is.

    Raises
    ------
    FalseClaimError
        If anything but last bits is not that of the index, or the bound cannot be proven again.
    """
    result = made(one)
    known, found = row(one.name), row_of(one, result)
    other = different(found, known)
    if other:
        raise FalseClaimError(f"{one.name} is not what the index says: {'; '.join(other)}")
    if isinstance(result, Approximation):
        verify_table(result)
    elif isinstance(result, Bootstrapped):
        verify_series(result)  # of a whole, making it is the proof
    return found


def different(found: Row, known: Row) -> list[str]:
    """What is not as the index says, by more than last bits: the name of each fact, and both values.

    Examples
    --------
    >>> from polyapprox.zoo import rows
    >>> from dataclasses import replace
    >>> row = rows()["relu_-8_8_p9"]
    >>> different(replace(row, digest="0", error_bound=row.error_bound * (1 + 1e-12)), row)
    []
    >>> different(replace(row, levels=1), row)
    ['levels 1 in place of 7']
    """
    facts = asdict(found)
    same = {
        "digest": True,  # the caller compares it
        "error_bound": math.isclose(found.error_bound, known.error_bound, rel_tol=LAST_BITS),
        "bits": math.isclose(found.bits, known.bits, rel_tol=LAST_BITS),
        **{end: _about(getattr(found, end), getattr(known, end)) for end in ("low", "high")},
    }  # fmt: skip
    return [
        f"{name} {value!r} in place of {getattr(known, name)!r}"
        for name, value in facts.items()
        if not same.get(name, value == getattr(known, name))
    ]


def _about(some: Sequence[int | None], others: Sequence[int | None]) -> bool:
    """Whether two sampled curves differ by a percent at most."""
    return all(
        a == b or (a is not None and b is not None and abs(a - b) <= 1)
        for a, b in zip_longest(some, others)
    )
