"""HEIR: MLIR with ``polynomial.eval`` on typed Chebyshev polynomials (c_0 as it is)."""

from __future__ import annotations

from .. import curly
from ..chain import Chain, chain_of
from ..job import Format, Job
from ..text import double

_TYPE = "!polynomial.polynomial<ring=<coefficientType=f64>>"


def _write(job: Job) -> bytes:
    chain = chain_of(job.approximation)
    checks = [
        f"//   x = {c.arguments[0]!r}: polynomial {c.value!r}, function {c.target!r}"
        for c in job.checks
    ]
    lines = [
        curly.comment(
            job,
            "",
            "heir-opt --lower-polynomial-eval=method=pscheb; set its min-coefficient-threshold",
            "below the smallest coefficient: HEIR drops those below 1e-12 by default.",
        ),
        "//",
        "// Self-check: lower to the clear, and compare the function's values at",
        *checks,
        f"!poly_ty = {_TYPE}",
    ]
    for number, stage in enumerate(chain.stages):
        lines += [f"#stage{number} = #polynomial.typed_chebyshev_polynomial<["]
        texts = [double(c) for c in stage.coefficients]
        lines += [f"    {text}," for text in texts[:-1]] + [f"    {texts[-1]}"]
        lines += ["]> : !poly_ty"]
    lines += ["", *_function(job, chain), ""]
    return "\n".join(lines).encode()


def _function(job: Job, chain: Chain) -> list[str]:
    lines = [f"func.func @{job.name}(%x: f64) -> f64 {{"]
    value = "%x"
    for number, stage in enumerate(chain.stages):
        low, high = stage.domain
        domain = f"domain_lower = {double(low)} : f64, domain_upper = {double(high)} : f64"
        lines.append(
            f"  %u{number} = polynomial.eval #stage{number}, {value} {{{domain}}} : f64"
        )
        value = f"%u{number}"
    if chain.final == "gate":
        lines += [
            f"  %gate = arith.mulf %x, {value} : f64",
            f"  %offset = arith.constant {double(chain.offset)} : f64",
            "  %result = arith.addf %gate, %offset : f64",
        ]
        value = "%result"
    return [*lines, f"  return {value} : f64", "}"]


FORMAT = Format("heir", ".mlir", ("components",), "double", "ideal", "HEIR (MLIR)", _write)
