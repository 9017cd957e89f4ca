"""CSV: one stage a line, Chebyshev coefficients low to high, exact decimals."""

from __future__ import annotations

from ..chain import without_trailing_zeros
from ..header import header
from ..job import Format, Job
from ..text import shortest


def _write(job: Job) -> bytes:
    a = job.approximation
    lines = [f"# {line}".rstrip() for line in header(job)]
    lines += [
        "# basis: chebyshev",
        "# One stage a line, innermost first: low to high, c_0 as it is.",
        f"# offset: {shortest(a.offset)}",
    ]
    for number, stage in enumerate(a.components):
        low, high = (shortest(end) for end in stage.domain)
        lines.append(f"# stage {number} on: [{low}, {high}]")
        kept = without_trailing_zeros(stage)
        lines.append(",".join(shortest(c) for c in kept.coefficients))
    lines.append("# x, polynomial, function")
    lines += [
        "# check: " + ", ".join(repr(v) for v in (*c.arguments, c.value, c.target))
        for c in job.checks
    ]
    return ("\n".join(lines) + "\n").encode()


FORMAT = Format("csv", ".csv", ("components",), "exact", "ideal", "plain CSV", _write)
