# SPDX-License-Identifier: Apache-2.0
"""Lattigo: a Go file with a function on ciphertexts, step by step or by its evaluator of polynomials.

Components: Chebyshev coefficients, low to high, c_0 as it is, innermost first; Lattigo reads each
decimal to 3.3 bits for each character, so that exact expansions stay exact. The file maps every
stage's interval to [-1, 1] itself, and does constants apart, on which Lattigo's evaluator panics.

Plans: the steps of a schedule on Lattigo's operations, with scales tracked
(:mod:`polyapprox.plan.symbolic`), for a ciphertext of any level and scale.
"""

from __future__ import annotations

from ...plan.symbolic import symbolic_schedule
from .. import curly
from ..chain import chain_of, is_unit, without_trailing_zeros
from ..header import header
from ..job import Format, Job
from ..lattigo_go import CHECK, HEAD, PLAN, SERIES
from ..noise import RING
from ..steps import number, step_statements
from ..straight import arguments_of
from ..text import decimal, double

_LEAST_SCALE = 45

FINALS = {
    "relu": "x * (1 + value) / 2",
    "abs": "x * value",
    "step": "(1 + value) / 2",
    "sign": "value",
}
_IMPORTS = {
    "plan": ("", ""),
    "components": (
        '\t"math/big"\n\n'
        '\t"github.com/tuneinsight/lattigo/v6/circuits/ckks/minimax"\n'
        '\t"github.com/tuneinsight/lattigo/v6/circuits/ckks/polynomial"',
        '\n\t"github.com/tuneinsight/lattigo/v6/utils/bignum"',
    ),
}


def _write(job: Job) -> bytes:
    imports, more = _IMPORTS[job.form]
    head = HEAD.format(
        comment="\n".join(f"// {line}".rstrip() for line in header(job)) + "\n//\n"
        f"// Package polyapprox holds {job.approximation.function} for Lattigo.",
        imports=imports, more=more, levels=job.levels,
    )  # fmt: skip
    return (head + (_plan(job) if job.form == "plan" else _series(job)) + _check(job)).encode()


def _plan(job: Job) -> str:
    plan = job.approximation.plan
    made = symbolic_schedule(plan)
    lines, result = step_statements(made, arguments_of(plan), "{name} := {value}")
    lines = [line.replace("on.double(", "on.double_(") for line in lines]
    return PLAN.format(
        arguments=", ".join(arguments_of(plan)),
        statements="\n".join(f"\t{line}" for line in lines),
        result=result,
        scale=number(made.scale),
    )


def _series(job: Job) -> str:
    a = job.approximation
    stages = [without_trailing_zeros(component) for component in a.components]
    composite = a.structure == "composite"
    coefficients, intervals = [], []
    for stage in stages:
        coefficients += ["\t{", *(f'\t\t"{decimal(c)}",' for c in stage.coefficients), "\t},"]
        low, high = stage.domain
        intervals.append(f'\t{{"{decimal(low)}", "{decimal(high)}"}},')
    final = FINALS[a.function] if composite else "value"
    return SERIES.format(
        about="// A composite is the bare sign: comparison.Evaluator.Step makes (1 + sign)/2 itself."
        if composite
        else "// The value of the last stage is the result.",
        coefficients="\n".join(coefficients),
        intervals="\n".join(intervals),
        final=final,
        offset=decimal(a.offset),
        halved=str("2" in final).lower(),
        gated=str("x" in final).lower(),
    )


def _check(job: Job) -> str:
    inputs = len(job.checks[0].arguments)
    bits = job.noise.chosen(_LEAST_SCALE)
    return CHECK.format(
        s="s" if inputs > 1 else "",
        columns=inputs + 3,
        points="\n".join(f"\t{line}" for line in curly.checks(job, double)),
        scale_bits=bits,
        noise=repr(job.noise.at(bits)),
        inputs=inputs,
        given=", ".join(f"inputs[{i}]" for i in range(inputs)),
        log_n=RING.bit_length() - 1,
    )


def _levels(job: Job) -> int:
    if job.form == "plan":
        return symbolic_schedule(job.approximation.plan).levels
    chain = chain_of(job.approximation)
    levels = 0
    for stage in chain.stages:
        if stage.degree:  # a constant uses none
            levels += stage.degree.bit_length() + (not is_unit(stage))
    return levels + (1 if chain.final == "gate" else 0)


FORMAT = Format(
    "lattigo", ".go", ("plan", "components"), "series", "lattigo", "Lattigo v6 (Go)", _write,
    scheme="lattigo", levels=_levels, security="the parameters of SelfCheck are not secure",
)  # fmt: skip
