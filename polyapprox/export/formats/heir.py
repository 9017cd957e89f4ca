"""HEIR: MLIR, ``polynomial.eval`` of Chebyshev polynomials (c_0 as it is), or the plan by ``arith``.

The argument is marked secret, so that ``heir-opt --mlir-to-ckks`` compiles the function; its levels are
then HEIR's: where a product is added to something, or scaled, every operation counts as in the file.
"""

from __future__ import annotations

from dataclasses import replace

from .. import curly
from ..chain import Chain, chain_of
from ..job import Format, Job
from ..straight import Syntax, arguments_of, result, statements
from ..text import double

_TYPE = "!polynomial.polynomial<ring=<coefficientType=f64>>"


_SYNTAX = Syntax(
    assign="  {value}",
    multiply="%{{name}} = arith.mulf %{a}, %{b} : f64",
    add="%{{name}} = arith.addf %{a}, %{b} : f64",
    subtract="%{{name}} = arith.subf %{a}, %{b} : f64",
    scale="%{{name}}_c = arith.constant {c} : f64\n  %{{name}} = arith.mulf %{a}, %{{name}}_c : f64",
    shift="%{{name}}_c = arith.constant {c} : f64\n  %{{name}} = arith.addf %{a}, %{{name}}_c : f64",
    number=double,
)


def _write(job: Job) -> bytes:
    checks = [
        f"//   {', '.join(map(repr, c.arguments))}: {c.value!r}, {c.target!r}, {c.allowed!r}"
        for c in job.checks
    ]
    how = (
        "heir-opt --mlir-to-ckks"
        if job.form == "plan"
        else "heir-opt --lower-polynomial-eval=method=pscheb --mlir-to-ckks; set min-coefficient-threshold"
        "\n// below the smallest coefficient: HEIR drops those below 1e-12 by default"
    )
    lines = [
        curly.comment(
            job, "", "HEIR places rescalings itself, from the levels used above on: what it reports counts.",
            f"{how}.",
        ),
        "//",
        "// Self-check: arguments: polynomial, function, proven bound of the difference",
        *checks,
    ]
    body = _plan(job) if job.form == "plan" else _series(job)
    return "\n".join([*lines, *body, ""]).encode()


def _plan(job: Job) -> list[str]:
    plan = job.approximation.plan
    arguments = arguments_of(plan)
    given = ", ".join(f"%{name}: f64 {{secret.secret}}" for name in arguments)
    named = replace(_SYNTAX, assign="  {value}@{name}")
    lines = [line.rpartition("@") for line in statements(plan, named, arguments)]
    return [
        f"func.func @{job.name}({given}) -> f64 {{",
        *(text.format(name=name) for text, _, name in lines),
        f"  return %{result(plan, arguments)} : f64",
        "}",
    ]


def _series(job: Job) -> list[str]:
    chain = chain_of(job.approximation)
    lines = [f"!poly_ty = {_TYPE}"]
    for number, stage in enumerate(chain.stages):
        lines += [f"#stage{number} = #polynomial.typed_chebyshev_polynomial<["]
        texts = [double(c) for c in stage.coefficients]
        lines += [f"    {text}," for text in texts[:-1]] + [f"    {texts[-1]}"]
        lines += ["]> : !poly_ty"]
    return [*lines, "", *_function(job, chain)]


def _function(job: Job, chain: Chain) -> list[str]:
    lines = [f"func.func @{job.name}(%x: f64 {{secret.secret}}) -> f64 {{"]
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


FORMAT = Format(
    "heir", ".mlir", ("components", "plan"), "double", "ideal", "HEIR (MLIR)", _write,
    scheme="openfhe", security="that which HEIR chooses",
)  # fmt: skip
