# SPDX-License-Identifier: Apache-2.0
"""``polyapprox circuits chains``: products with which the polynomials of a degree are computed, searched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import ArgumentError
from ..given import whole
from ..words import counted
from .commands import AsJson, application
from .talk import TALK

if TYPE_CHECKING:
    from ..plan.chains.chain import Chain

HIGHEST = 63
Family = Literal["odd", "times", "general"]


@application.command()
def chains(
    degree: Annotated[list[int], typer.Option(help="May be repeated.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File (JSON) to write; what it holds is kept.")
    ],
    family: Annotated[Family, typer.Option(help="times: z times odd.")] = "odd",
    as_json: AsJson = False,
) -> None:
    """Search for the fewest products of a degree's polynomials (minutes to hours; it may be interrupted)."""
    from ..plan.chains.search import make_chains
    from .report import write_json, write_text

    odd = family != "general"
    for one in degree:
        whole("degree", one, 3, HIGHEST)
        if odd and one % 2 == 0:
            raise ArgumentError(f"degree must be odd in the family {family!r}; got {one}")
    rows = []

    def report(one: int, found: Chain | None) -> None:
        count = None if found is None else found.multiplications
        rows.append({"degree": one, "multiplications": count, "levels": one.bit_length()})
        TALK.say(f"{len(rows)} of {len(degree)}: degree {one}")

    make_chains(output, family, degree, report)
    if as_json:
        write_json({"chains": rows, "files": [str(output)]})
        return
    write_text("\n".join(
        f"{family} {row['degree']}: {counted(row['multiplications'] or 'no', 'product')}, {counted(row['levels'], 'level')}"
        for row in rows
    ))  # fmt: skip
