"""LaTeX: a table of the coefficients for a paper, numbers by siunitx."""

from __future__ import annotations

from ..chain import without_trailing_zeros
from ..header import header
from ..job import Format, Job
from ..text import shortest

_SPECIAL = str.maketrans({"_": r"\_", "^": r"\^{}", "&": r"\&", "%": r"\%", "#": r"\#"})


def _write(job: Job) -> bytes:
    a = job.approximation
    lines = [f"% {line}".rstrip() for line in header(job)]
    lines += [
        "%",
        "% Needs \\usepackage{booktabs,siunitx}; zero coefficients are left out.",
        "% Self-check: x, polynomial, function",
    ]
    lines += [
        "%   " + ", ".join(repr(v) for v in (*c.arguments, c.value, c.target)) for c in job.checks
    ]
    lines += [
        "\\begin{tabular}{rrl}",
        "\\toprule",
        "stage & $k$ & Chebyshev coefficient $c_k$ of $T_k$ \\\\",
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
    name = a.function.translate(_SPECIAL)
    lines += ["\\bottomrule", "\\end{tabular}", f"% {name} as a {a.structure}"]
    return ("\n".join(lines) + "\n").encode()


FORMAT = Format("latex", ".tex", ("components",), "exact", "ideal", "LaTeX", _write)
