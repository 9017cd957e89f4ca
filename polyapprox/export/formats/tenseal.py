# SPDX-License-Identifier: Apache-2.0
"""TenSEAL: the plan on ``CKKSVector``, or ``polyval`` in powers where that is harmless.

``polyval`` takes monomials only. Their coefficients may be thousands of times those in Chebyshev
form, and at a scale of 40 bits the result is then wrong by any amount, without an error: such
components are refused, and the plan, which stays as well conditioned as the series, is used.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from ...cost.models import cost_model
from ...encrypted.backend import LARGEST_MODULUS, Parameters, secure_ring
from ...encrypted.frameworks.tenseal_monomials import rounding, with_drift
from ...errors import ArgumentError
from ...noise.schemes import primes_below
from ...numbers import exact, fraction
from ...plan.plan import Plan
from ...plan.symbolic import symbolic_schedule
from ...polynomial import Polynomial
from ..chain import Chain, chain_of
from ..job import Format, Job
from ..noise import RING, Noise
from ..pythonic import (
    MAIN,
    VERDICT,
    check_constants,
    docstring,
    encoded,
    noise_constants,
    stages_of,
)
from ..steps import statements_back
from ..straight import arguments_of
from ..text import double

MACHINE = '''class Value:
    """A vector, and how many levels it has used; the vector is replaced, never changed."""

    def __init__(self, vector, level):
        self.vector, self.level = vector, level


class Machine:
    """Steps on vectors whose scale TenSEAL always calls the first one.

    What a scale really is, l levels down, over the first one, is scales[l]: it goes into the
    constants. TenSEAL rescales at once, so a product that is not rescaled yet is one that is.
    """

    def __init__(self, *vectors):
        import tenseal.sealapi  # noqa: F401  (registers the type of the primes)

        context = vectors[0].context()
        data = context.seal_context().data
        identity = vectors[0].ciphertext()[0].parms_id()
        chain = data.get_context_data(identity).parms().coeff_modulus()
        self.ratios = [prime.value() / context.global_scale for prime in reversed(chain[1:])]
        if len(self.ratios) < LEVELS:
            raise ValueError(f"levels needed: {LEVELS}; the input has {len(self.ratios)}")
        self.scales = [1.0]
        for ratio in self.ratios:
            self.scales.append(self.scales[-1] ** 2 / ratio)
        self.zeros = [vectors[0] * 0.0]

    def s(self, level, power):
        return self.scales[level] ** power

    def load(self, vector):
        return Value(vector, 0)

    def operand(self, value, level):
        """The vector; a copy where TenSEAL would lower it in place."""
        return value.vector + 0.0 if value.level < level else value.vector

    def multiply(self, a, b):
        first, second = (a, b) if a.level <= b.level else (b, a)  # copied: the first
        level = second.level
        return Value(first.vector * second.vector, level + 1)

    def square(self, a):
        return Value(a.vector.square(), a.level + 1)

    def rescale(self, a):
        return Value(a.vector, a.level)

    def copy(self, a):
        return Value(a.vector, a.level)

    def term(self, a, drop, constant):
        """constant · a, rescaled by the prime of its own level instead of the lower one's."""
        return a.vector * (constant * self.ratios[a.level] / self.ratios[a.level + drop])

    def scale(self, a, drop, constant):
        made = Value(self.term(a, drop, constant), a.level + 1)
        return self.reduce(made, drop) if drop else made

    def accumulate(self, total, a, drop, constant):
        total.vector = total.vector + self.term(a, drop, constant)

    def reduce(self, a, drop):
        level = a.level + drop
        while len(self.zeros) <= level:
            self.zeros.append(self.zeros[-1] * 1.0)
        return Value(a.vector + self.zeros[level], level)

    def plus(self, a, b):
        level = max(a.level, b.level)
        a.vector, a.level = a.vector + self.operand(b, level), level

    def minus(self, a, b):
        level = max(a.level, b.level)
        same = a.vector is b.vector
        a.vector = a.vector * 0.0 if same else a.vector - self.operand(b, level)
        a.level = level

    def double(self, a):
        a.vector = a.vector + a.vector

    def negate(self, a):
        a.vector = -a.vector

    def shift(self, a, constant):
        a.vector = a.vector + constant
'''

EVALUATE = '''def evaluate({arguments}):
    """The plan on CKKSVectors at the global scale, on which it uses LEVELS levels."""
    on = Machine({arguments})
    {arguments_} = {loads}
{statements}
    return {result}.vector
'''

CHECK = '''def self_check(scale_bits={scale_bits}, first_bits=60):
    """Encrypt the points of CHECK, evaluate, decrypt; the exit code: 0 for PASS, 1 for FAIL."""
    import tenseal as ts

    bits = [first_bits, *[scale_bits] * max(LEVELS, 1), first_bits]
    ring = next((n for n, most in RINGS if sum(bits) <= most), RINGS[-1][0])
    context = ts.context(ts.SCHEME_TYPE.CKKS, ring, coeff_mod_bit_sizes=bits)
    context.global_scale = 2.0**scale_bits
    columns = zip(*(point for point, *_ in CHECK))
    vectors = [ts.ckks_vector(context, list(column)) for column in columns]
    result = evaluate(*vectors)
    before, after = (v.ciphertext()[0].coeff_modulus_size() for v in (vectors[0], result))
    return verdict(result.decrypt(), before - after, scale_bits, ring)
'''

SMALLEST_RING, LARGEST_RING = 1 << 12, 1 << 15
RINGS = (
    f"RINGS = {tuple((n, most) for n, most in LARGEST_MODULUS.items() if SMALLEST_RING <= n <= LARGEST_RING)}"
    "  # bits at 128-bit security\n"
)

_POINTS = 1001
LARGEST_MONOMIAL = 256

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
    for place, stage in enumerate(stages):
        scale = max(abs(fraction(end)) for end in stage.domain)
        sizes = [abs(c) * scale**power for power, c in enumerate(stage.monomial())]
        if max(sizes) > LARGEST_MONOMIAL * max(1, stage.largest_coefficient):
            raise ArgumentError(
                f"stage {place} has terms up to {float(max(sizes)):.3g} in powers of x, which "
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
    if job.form == "plan":
        body = [MACHINE, _evaluate(job.approximation.plan)]
        notes = ("", "evaluate(x) runs the plan; polyval is not used: it takes monomials only.")
    else:
        chain = stages_of(job)
        final = "    return x * u + OFFSET" if chain.final == "gate" else "    return u"
        body = [_powers(chain), _POWERS.format(final=final)]
        notes = ("", "Coefficients of powers of each stage's argument, low to high.")
    bits = job.noise.chosen(40)
    _refuse_deep(job.levels, bits)
    return encoded(
        docstring(job, *notes), noise_constants(job) + RINGS, check_constants(job), *body,
        VERDICT, CHECK.format(scale_bits=bits), MAIN,
    )  # fmt: skip


def _evaluate(plan: Plan) -> str:
    arguments = arguments_of(plan)
    lines, result, last = statements_back(plan, arguments, late=False)
    lines += [last] * bool(last)
    names = ", ".join(arguments)
    return EVALUATE.format(
        arguments=names,
        arguments_=names,
        loads=", ".join(f"on.load({name})" for name in arguments),
        statements="\n".join(f"    {line}" for line in lines),
        result=result,
    )


def _levels(job: Job) -> int:
    if job.form == "components":
        return cost_model("tenseal").component_levels(job.approximation, "standalone")
    made = symbolic_schedule(job.approximation.plan, back=True)
    return made.levels + bool(made.scale - 1)


def _noise(job: Job, noise: Noise) -> Noise:
    """In the ring that security asks for; of polyval: its products lose what primes differ from the scale, and round small terms first.

    Raises
    ------
    ArgumentError
        If that is more than the error at any scale.
    """
    noise = replace(noise, ring_at=lambda scale_bits: _ring(job.levels, scale_bits))
    if job.form == "plan":
        return noise
    chain = chain_of(job.approximation)
    refuse_large(chain.stages)
    a, level = job.approximation, 0
    ring = noise.ring_at(40)
    parameters = Parameters(ring, 40, max(job.levels, 1))
    primes = primes_below(40, ring, max(job.levels, 1))
    ratios = [2.0**40 / prime for prime in primes]
    x = np.linspace(float(a.interval[0]), float(a.interval[1]), _POINTS)
    true: np.ndarray = x
    run: np.ndarray = x
    for stage in chain.stages:
        coefficients = [float(c) for c in monomials(stage)]
        rounded = rounding(coefficients, float(np.max(np.abs(true))), parameters)
        true = np.polynomial.polynomial.polyval(true, coefficients)
        run = with_drift(run, coefficients, ratios, level) + rounded * np.cos(np.pi * np.arange(x.size))
        level += stage.degree.bit_length()
    off = np.abs(run - true) * (np.abs(x) if chain.final == "gate" else 1.0)
    found = replace(noise, at_40=noise.at_40 + 2 * float(np.max(off)) * RING / ring)
    if found.at(found.most) > found.error:
        raise ArgumentError(
            f"polyval multiplies by powers of x after a coefficient's rounding: noise of "
            f"{found.at(found.most):.2g} even at a scale of 2^{found.most}, where the error is "
            f"{found.error:.2g}; use form='plan'"
        )
    return found


def _modulus(levels: int, scale_bits: int) -> int:
    """Bits of all moduli of the self-check, the special one among them."""
    return 120 + max(levels, 1) * scale_bits


def _ring(levels: int, scale_bits: int) -> int:
    """The ring dimension of the self-check."""
    return secure_ring(_modulus(levels, scale_bits), SMALLEST_RING, LARGEST_RING) or LARGEST_RING


def _refuse_deep(levels: int, scale_bits: int) -> None:
    bits = _modulus(levels, scale_bits)
    if bits > LARGEST_MODULUS[LARGEST_RING]:
        raise ArgumentError(
            f"{levels} levels of {scale_bits} bits need {bits} bits of modulus, and TenSEAL's largest "
            f"ring, {LARGEST_RING}, has {LARGEST_MODULUS[LARGEST_RING]} at 128-bit security: use "
            "fewer levels (a circuit, a lower precision), or the format 'seal'"
        )


FORMAT = Format(
    "tenseal", ".py", ("plan", "components"), "powers", "tenseal", "TenSEAL (Python)", _write,
    scheme="tenseal", levels=_levels, noise=_noise, security="128 bit, which TenSEAL enforces",
)  # fmt: skip



