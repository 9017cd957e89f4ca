"""TenSEAL: the plan on ``CKKSVector``, or ``polyval`` in powers where that is harmless.

``polyval`` takes monomials only. Their coefficients may be thousands of times those in Chebyshev
form, and at a scale of 40 bits the result is then wrong by any amount, without an error: such
components are refused, and the plan, which stays as well conditioned as the series, is used.
"""

from __future__ import annotations

from fractions import Fraction

from ...errors import ArgumentError
from ...numbers import exact, fraction
from ...polynomial import Polynomial
from ..chain import Chain
from ..job import Format, Job
from ..pythonic import (
    check_constants,
    docstring,
    encoded,
    plan_function,
    stages_of,
)
from ..straight import Syntax
from ..text import double

LARGEST_MONOMIAL = 256

_SYNTAX = Syntax(
    assign="{name} = {value}",
    multiply="multiply({a}, {b})",
    add="add({a}, {b})",
    subtract="subtract({a}, {b})",
    scale="{a} * {c}",
    shift="{a} + {c}",
    number=double,
)

_OPERATIONS = '''def multiply(a, b):
    """Product; of copies, as TenSEAL takes levels from an operand in place."""
    return a.copy() * b.copy()


def add(a, b):
    """Sum, likewise of copies."""
    return a.copy() + b.copy()


def subtract(a, b):
    """Difference, likewise of copies; of equal ones it is a fresh encryption of 0."""
    return a * 0.0 if a is b else a.copy() - b.copy()
'''

_CHECK = '''def self_check(levels={levels}, scale_bits=40, first_bits=60, ring_dimension={ring}):
    """Encrypt the points of CHECK, evaluate, decrypt: largest |result − polynomial|."""
    import tenseal as ts

    context = ts.context(
        ts.SCHEME_TYPE.CKKS,
        ring_dimension,
        coeff_mod_bit_sizes=[first_bits] + [scale_bits] * levels + [first_bits],
    )
    context.global_scale = 2.0**scale_bits
    columns = zip(*(point for point, _, _ in CHECK))
    vectors = [ts.ckks_vector(context, list(column)) for column in columns]
    values = evaluate(*vectors).decrypt()
    return max(abs(y - value) for y, (_, value, _) in zip(values, CHECK))


if __name__ == "__main__":
    print(f"largest deviation under encryption: {{self_check():.3g}}")
'''

_POWERS = '''def evaluate(x):
    """One polynomial after the other, by polyval (powers of the stage's argument)."""
    u = x
    for _interval, coefficients in STAGES:
        u = polynomial(u, coefficients)
{final}


def polynomial(u, coefficients):
    """sum c_k u^k; a constant, which polyval refuses, apart."""
    if len(coefficients) == 1:
        return u * 0.0 + coefficients[0]
    return u.polyval(coefficients)
'''


def monomials(polynomial: Polynomial) -> list[Fraction]:
    """Coefficients in powers of the stage's own argument, low to high."""
    return list(polynomial.monomial())


def refuse_large(stages: tuple[Polynomial, ...]) -> None:
    """Refuse stages whose monomial form loses digits.

    Raises
    ------
    ArgumentError
    """
    for number, stage in enumerate(stages):
        scale = max(abs(fraction(end)) for end in stage.domain)
        sizes = [abs(c) * scale**power for power, c in enumerate(stage.monomial())]
        if max(sizes) > LARGEST_MONOMIAL * max(1, stage.largest_coefficient):
            raise ArgumentError(
                f"stage {number} has terms up to {float(max(sizes)):.3g} in powers of x, which "
                "loses as many digits under encryption (silently, at a scale of 40 bits): use "
                "form='plan'"
            )


def _powers(chain: Chain) -> str:
    lines = ["STAGES = ["]
    for stage in chain.stages:
        low, high = stage.domain
        lines += [f"    (({double(low)}, {double(high)}), ["]
        lines += [f"        {double(exact(float(c)))}," for c in monomials(stage)]
        lines += ["    ]),"]
    lines += ["]"]
    if chain.final == "gate":
        lines += [f"OFFSET = {double(chain.offset)}"]
    return "\n".join(lines) + "\n"


def _write(job: Job) -> bytes:
    a = job.approximation
    depth = job.plan_levels
    if job.form == "plan":
        body = [_OPERATIONS, plan_function(job, _SYNTAX, "", "The plan on a CKKSVector.")]
        notes = ("", "evaluate(x) runs the plan; polyval is not used: it takes monomials only.")
    else:
        from ...cost.models import cost_model

        chain = stages_of(job)
        refuse_large(chain.stages)
        depth = cost_model("tenseal").component_levels(a, "standalone")
        final = "    return x * u + OFFSET" if chain.final == "gate" else "    return u"
        body = [_powers(chain), _POWERS.format(final=final)]
        notes = ("", "Coefficients of powers of each stage's argument, low to high.")
    ring = 8192 if 120 + 40 * depth <= 218 else 16384 if 120 + 40 * depth <= 438 else 32768
    return encoded(
        docstring(job, *notes), *body[:1], check_constants(job), *body[1:],
        _CHECK.format(levels=max(depth, 1), ring=ring),
    )  # fmt: skip


FORMAT = Format(
    "tenseal", ".py", ("plan", "components"), "powers", "tenseal", "TenSEAL (Python)", _write
)
