# SPDX-License-Identifier: Apache-2.0
"""CSV: one stage a line, Chebyshev coefficients low to high, or one operation of the plan a line."""

from __future__ import annotations

from ..chain import without_trailing_zeros
from ..header import header
from ..job import Format, Job
from ..text import shortest


def _write(job: Job) -> bytes:
    rows = _plan(job) if job.form == "plan" else _stages(job)
    lines = [*(f"# {line}".rstrip() for line in header(job)), *rows]
    lines.append("# arguments, polynomial, function, proven bound of the difference")
    lines += [
        "# check: " + ", ".join(repr(v) for v in (*c.arguments, c.value, c.target, c.allowed))
        for c in job.checks
    ]
    return ("\n".join(lines) + "\n").encode()


def _stages(job: Job) -> list[str]:
    a = job.approximation
    lines = [
        "# basis: chebyshev",
        "# One stage a line, innermost first: low to high, c_0 as it is.",
        f"# offset: {shortest(a.offset)}",
    ]
    for number, stage in enumerate(a.components):
        low, high = (shortest(end) for end in stage.domain)
        lines.append(f"# stage {number} on: [{low}, {high}]")
        kept = without_trailing_zeros(stage)
        lines.append(",".join(shortest(c) for c in kept.coefficients))
    return lines


def _plan(job: Job) -> list[str]:
    plan = job.approximation.plan
    lines = [
        "# basis: none, the plan operation by operation",
        "# kind and what it takes: numbers of earlier operations, an exact constant.",
        f"# output: {plan.output}",
        "operation,kind,left,right,constant",
    ]
    for index, (kind, left, right, constant) in enumerate(plan.operations):
        text = "" if constant is None else shortest(constant)
        lines.append(f"{index},{kind},{left},{right if right >= 0 else ''},{text}")
    return lines


FORMAT = Format("csv", ".csv", ("components", "plan"), "exact", "ideal", "plain CSV", _write)
