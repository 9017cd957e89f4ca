# SPDX-License-Identifier: Apache-2.0
"""HEIR: MLIR, the plan by ``arith``, or ``polynomial.eval`` of Chebyshev polynomials (c_0 as it is).

The argument is marked secret, so that ``heir-opt --mlir-to-ckks`` compiles the function. Levels are those
that HEIR then gives (:mod:`polyapprox.export.heir_levels`); beyond its default budget of ten it would
place bootstraps, and fail, so the header says the budget too.
"""

from __future__ import annotations

import re
from dataclasses import replace

from ...errors import ArgumentError
from ...plan.plan import Plan
from .. import curly
from ..chain import Chain, chain_of
from ..heir_levels import chain_levels, ordered, plan_levels
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
    lines = [
        curly.comment(job, "", "HEIR drops coefficients below a threshold, and bootstraps beyond a budget of levels:"),
        f"// compile: heir-opt {' '.join(_passes(job))}",
        "//",
        "// Self-check: arguments: polynomial, function, proven bound of the difference",
        *checks,
    ]
    body = _plan(job) if job.form == "plan" else _series(job)
    return "\n".join([*lines, *body, ""]).encode()


def _passes(job: Job) -> list[str]:
    series = '"--lower-polynomial-eval=method=pscheb min-coefficient-threshold=1e-300"'
    return [series] * (job.form == "components") + [f"--mlir-to-ckks=greedy-level-budget={job.levels}"]


def _levels(job: Job) -> int:
    if job.form == "plan":
        return plan_levels(ordered(job.approximation.plan))
    chain = chain_of(job.approximation)
    if not all(stage.degree for stage in chain.stages):
        raise ArgumentError("HEIR does not compile a polynomial that is constant: use form='plan'")
    return chain_levels(chain)


def _plan(job: Job) -> list[str]:
    plan = ordered(job.approximation.plan)
    arguments = arguments_of(plan)
    given = ", ".join(f"%{name}: f64 {{secret.secret}}" for name in arguments)
    return [
        f"func.func @{job.name}({given}) -> f64 {{",
        *operations(plan, arguments),
        f"  return %{result(plan, arguments)} : f64",
        "}",
    ]


def operations(plan: Plan, arguments: tuple[str, ...], kind: str = "f64") -> list[str]:
    """The operations of a plan, on numbers or on each number of a tensor, one value after the other.

    Examples
    --------
    >>> from polyapprox.numbers import exact
    >>> from polyapprox.plan import PlanBuilder
    >>> builder = PlanBuilder()
    >>> plan = builder.finish(builder.shift(builder.arguments[0], exact(0.5)))
    >>> print(*operations(plan, ("x",), "tensor<8xf64>"))
      %v1_c = arith.constant dense<0.5> : tensor<8xf64>
      %v1 = arith.addf %x, %v1_c : tensor<8xf64>
    """
    named = replace(_SYNTAX, assign="  {value}@{name}")
    lines = [line.rpartition("@") for line in statements(plan, named, arguments)]
    texts = [text.format(name=name) for text, _, name in lines]
    if kind == "f64":
        return texts
    return [
        re.sub(r"constant (\S+) :", r"constant dense<\1> :", text).replace("f64", kind)
        for text in texts
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
    "heir", ".mlir", ("plan", "components"), "double", "ideal", "HEIR (MLIR)", _write,
    scheme="openfhe", levels=_levels, security="that which HEIR chooses",
)  # fmt: skip
