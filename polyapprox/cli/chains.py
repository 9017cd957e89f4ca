"""``polyapprox chains``: products with which the polynomials of a degree are computed, searched."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ArgumentError
from ..given import whole, word
from .commands import AsJson, application

if TYPE_CHECKING:
    from ..plan.chains.chain import Chain

HIGHEST = 63


@application.command()
def chains(
    degree: Annotated[list[int], typer.Option(help="May be repeated.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File (JSON) to write; what it holds is kept.")
    ],
    family: Annotated[str, typer.Option(help="odd, times (z times odd), general.")] = "odd",
    as_json: AsJson = False,
) -> None:
    """Search for the fewest products of a degree's polynomials (minutes to hours; it may be interrupted)."""
    from ..plan.chains.search import make_chains
    from .report import write_json, write_text

    word("family", family, ("odd", "times", "general"))
    odd = family != "general"
    for one in degree:
        whole("degree", one, 3, HIGHEST)
        if odd and one % 2 == 0:
            raise ArgumentError(f"degree must be odd in the family {family!r}; got {one}")
    rows = []

    def report(one: int, found: Chain | None) -> None:
        count = None if found is None else found.multiplications
        rows.append({"degree": one, "multiplications": count, "levels": one.bit_length()})
        sys.stderr.write(f"{len(rows)} of {len(degree)}: degree {one}\n" * sys.stderr.isatty())

    make_chains(output, family, degree, report)  # type: ignore[arg-type]
    if as_json:
        write_json({"chains": rows, "files": [str(output)]})
        return
    write_text("\n".join(
        f"{family} {row['degree']}: {row['multiplications'] or 'no'} products, {row['levels']} levels"
        for row in rows
    ))  # fmt: skip
