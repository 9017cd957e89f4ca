# SPDX-License-Identifier: Apache-2.0
"""LaTeX: a table of the coefficients for a paper, or the plan as formulas; numbers by siunitx."""

from __future__ import annotations

import re

from ..chain import without_trailing_zeros
from ..header import header
from ..job import Format, Job
from ..straight import Syntax, arguments_of, result, statements
from ..text import shortest

_SPECIAL = str.maketrans({"_": r"\_", "^": r"\^{}", "&": r"\&", "%": r"\%", "#": r"\#"})


def _write(job: Job) -> bytes:
    a = job.approximation
    packages = "amsmath" if job.form == "plan" else "booktabs"
    lines = [f"% {line}".rstrip() for line in header(job)]
    lines += ["%", f"% Needs \\usepackage{{{packages},siunitx}}."]
    lines += ["% Self-check: arguments, polynomial, function, proven bound of the difference"]
    lines += [
        "%   " + ", ".join(repr(v) for v in (*c.arguments, c.value, c.target, c.allowed))
        for c in job.checks
    ]
    lines += _formulas(job) if job.form == "plan" else _table(job)
    name = a.function.translate(_SPECIAL)
    return ("\n".join([*lines, f"% {name} as a {a.structure}"]) + "\n").encode()


def _table(job: Job) -> list[str]:
    a = job.approximation
    lines = [
        "\\begin{tabular}{rrl}",
        "\\toprule",
        "stage & $k$ & Chebyshev coefficient $c_k$ of $T_k$ (those that are 0 left out) \\\\",
    ]
    for number, stage in enumerate(a.components):
        low, high = (shortest(end) for end in stage.domain)
        where = f"$[\\num{{{low}}}, \\num{{{high}}}]$"
        lines += ["\\midrule", f"\\multicolumn{{3}}{{l}}{{stage {number} on {where}}} \\\\"]
        lines += [
            f"{number} & {k} & \\num{{{shortest(c)}}} \\\\"
            for k, c in enumerate(without_trailing_zeros(stage).coefficients)
            if c or not k
        ]
    if a.structure == "composite":
        lines += ["\\midrule", f"\\multicolumn{{3}}{{l}}{{offset \\num{{{shortest(a.offset)}}}}} \\\\"]
    return [*lines, "\\bottomrule", "\\end{tabular}"]


_FORMULAS = Syntax(
    assign="  {name} &= {value} \\\\",
    multiply="{a} \\cdot {b}",
    add="{a} + {b}",
    subtract="{a} - {b}",
    scale="{c} \\cdot {a}",
    shift="{a} + {c}",
    number=lambda constant: f"\\num{{{shortest(constant)}}}",
)


def _formulas(job: Job) -> list[str]:
    """One line an operation: v_k from earlier ones."""
    plan = job.approximation.plan
    arguments = tuple(re.sub(r"(\d+)", r"_{\1}", name) for name in arguments_of(plan))
    lines = statements(plan, _FORMULAS, arguments)
    lines = [re.sub(r"\bv(\d+)\b", r"v_{\1}", line) for line in lines]
    end = re.sub(r"^v(\d+)$", r"v_{\1}", result(plan, arguments))
    return ["\\begin{align*}", *lines, f"  r({', '.join(arguments)}) &= {end}", "\\end{align*}"]


FORMAT = Format("latex", ".tex", ("components", "plan"), "exact", "ideal", "LaTeX", _write)
