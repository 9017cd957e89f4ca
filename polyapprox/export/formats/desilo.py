# SPDX-License-Identifier: Apache-2.0
"""desilofhe: the plan by an ``Engine``, or its ``evaluate_chebyshev_polynomial`` (plain c_0)."""

from __future__ import annotations

from ..job import Format, Job
from ..pythonic import (
    MAIN,
    VERDICT,
    check_constants,
    docstring,
    encoded,
    noise_constants,
    plan_function,
    series_constants,
    stages_of,
)
from ..straight import Syntax
from ..text import double

_SYNTAX = Syntax(
    assign="{name} = {value}",
    multiply="engine.multiply({a}, {b}, key)",
    add="engine.add({a}, {b})",
    subtract="engine.subtract({a}, {b})",
    scale="engine.multiply({a}, {c})",
    shift="engine.add({a}, {c})",
    number=double,
)

_SERIES = '''def evaluate(engine, key, x):
    """One series after the other, by desilofhe's own evaluator (inputs in [-1, 1])."""
    u = x
    for (low, high), coefficients in STAGES:
        u = series(engine, key, unit(engine, u, low, high), coefficients)
{final}


def unit(engine, u, low, high):
    """The map of [low, high] to [-1, 1]."""
    if (low, high) == (-1.0, 1.0):
        return u
    return engine.add(engine.multiply(u, 2 / (high - low)), -(low + high) / (high - low))


def series(engine, key, u, coefficients):
    """sum c_k T_k; a constant or a line, which the evaluator may refuse, apart."""
    if len(coefficients) == 1:
        return engine.add(engine.subtract(u, u), coefficients[0])
    if len(coefficients) == 2:
        return engine.add(engine.multiply(u, coefficients[1]), coefficients[0])
    return engine.evaluate_chebyshev_polynomial(u, coefficients, key)
'''

_CHECK = '''def self_check():
    """Encrypt the points of CHECK, evaluate, decrypt; the exit code: 0 for PASS, 1 for FAIL."""
    import desilofhe

    engine = desilofhe.Engine(mode="cpu", max_level=max(LEVELS, 1))
    secret = engine.create_secret_key()
    public = engine.create_public_key(secret)
    key = engine.create_relinearization_key(secret)
    points = [point for point, *_ in CHECK]
    points += points[:1] * (engine.slot_count - len(points))  # 0 may lie outside the interval
    columns = zip(*points)
    ciphertexts = [engine.encrypt(list(column), public) for column in columns]
    result = evaluate(engine, key, *ciphertexts)
    values = engine.decrypt(result, secret).real
    return verdict(values, ciphertexts[0].level - result.level, 40, 2 * engine.slot_count)
'''


def _write(job: Job) -> bytes:
    if job.form == "plan":
        body = [plan_function(job, _SYNTAX, "engine, key, ", "The plan on ciphertexts.")]
        notes = ("", "evaluate(engine, key, x): key is the relinearisation key.")
    else:
        chain = stages_of(job)
        gate = chain.final == "gate"
        final = "    return engine.add(engine.multiply(x, u, key), OFFSET)" if gate else (
            "    return u"
        )
        body = [series_constants(job, chain), _SERIES.format(final=final)]
        notes = ("", "Chebyshev coefficients, low to high, the first as it is.")
    return encoded(
        docstring(job, *notes), *body[:1], noise_constants(job), check_constants(job), *body[1:],
        VERDICT, _CHECK, MAIN,
    )  # fmt: skip


FORMAT = Format(
    "desilo", ".py", ("plan", "components"), "double", "desilofhe", "desilofhe (Python)", _write,
    scheme="desilofhe", security="128 bit, by desilofhe's own parameters",
)  # fmt: skip
