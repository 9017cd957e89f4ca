# SPDX-License-Identifier: Apache-2.0
"""OpenFHE from Python: the plan in steps that are rescaled late, or ``EvalChebyshevSeries``.

``EvalChebyshevSeries`` evaluates c_0/2 + sum c_k T_k, so c_0 is written doubled; it crashes on a
constant and wants coefficients as floats.
"""

from __future__ import annotations

from ...cost.models import cost_model
from ...plan.plan import Plan
from ...plan.symbolic import symbolic_schedule
from ..job import Format, Job
from ..noise import RING
from ..pythonic import (
    MAIN,
    VERDICT,
    check_constants,
    docstring,
    encoded,
    noise_constants,
    series_constants,
    stages_of,
)
from ..steps import statements_back
from ..straight import arguments_of

MACHINE = '''import functools


class Machine:
    """Steps on ciphertexts; a product is rescaled by a step of its own.

    With FIXEDMANUAL OpenFHE calls every scale 2^(bits of a scale). What a scale really is, l levels
    down, over the first one, is scales[l]: it goes into the constants. With FLEXIBLEAUTO(EXT) OpenFHE
    rescales and keeps scales itself: levels are left to it, and scales are 1.
    """

    def __init__(self, cc, *inputs):
        self.cc, name = cc, cc.GetScalingTechnique().name
        if name not in ("FIXEDMANUAL", "FLEXIBLEAUTO", "FLEXIBLEAUTOEXT"):
            raise ValueError(f"the scaling technique is {name}: FIXEDMANUAL or FLEXIBLEAUTO is needed")
        self.manual = name == "FIXEDMANUAL"
        if self.manual and any(x.GetNoiseScaleDeg() != 1 for x in inputs):
            raise ValueError("an input is not rescaled yet: Rescale it first")
        primes = moduli(cc)[:0:-1]
        self.level = max(x.GetLevel() for x in inputs)
        left = len(primes) - max(x.GetLevel() + x.GetNoiseScaleDeg() - 1 for x in inputs)
        needed = LEVELS + (MORE if self.manual else 0)
        if left < needed:
            raise ValueError(f"levels needed: {needed}; the input has {left}")
        unit = cc.GetScalingFactorReal(0)
        self.ratios = [prime / unit if self.manual else 1.0 for prime in primes[self.level :]]
        self.scales = [1.0]
        for ratio in self.ratios:
            self.scales.append(self.scales[-1] ** 2 / ratio)

    def s(self, level, power):
        return self.scales[level] ** power

    def load(self, x):
        return self.reduce(x, self.level - x.GetLevel())

    def reduce(self, a, drop):
        return self.cc.LevelReduce(a, None, drop) if self.manual and drop else a.Clone()

    def rescale(self, a):
        """Once for all uses: FLEXIBLEAUTO, whose Rescale does nothing, would do it at each of them."""
        every = 10**6  # moduli that Compress is to leave: it drops none
        return self.cc.Rescale(a) if self.manual else self.cc.Compress(a, every)

    def copy(self, a):
        return a.Clone()

    def multiply(self, a, b):
        return self.cc.EvalMultNoRelin(a, b)

    def square(self, a):
        return self.cc.EvalMultNoRelin(a, a)

    def relinearise(self, a):
        self.cc.RelinearizeInPlace(a)

    def scale(self, a, drop, constant):
        made = self.reduce(a, drop)
        self.cc.EvalMultInPlace(made, constant)
        return made

    def accumulate(self, total, a, drop, constant):
        self.cc.EvalAddInPlace(total, self.scale(a, drop, constant))

    def plus(self, a, b):
        self.cc.EvalAddInPlace(a, b)

    def minus(self, a, b):
        self.cc.EvalSubInPlace(a, b)

    def double(self, a):
        self.cc.EvalAddInPlace(a, a.Clone())

    def negate(self, a):
        self.cc.EvalNegateInPlace(a)

    def shift(self, a, constant):
        self.cc.EvalAddInPlace(a, constant)


@functools.lru_cache(maxsize=1)
def moduli(cc):
    """The moduli of a context; rescalings divide by the last one first."""
    import json

    import openfhe

    nodes = [json.loads(openfhe.Serialize(cc, openfhe.JSON))]
    for node in nodes:
        if isinstance(node, dict):
            if "elp" in node:
                parts = node["elp"]["ptr_wrapper"]["data"]["p"]
                return [int(p["ptr_wrapper"]["data"]["value0"]["cm"]["v"]) for p in parts]
            nodes += node.values()
    raise ValueError("this version of OpenFHE writes its moduli differently: use form='components'")
'''

EVALUATE = '''MORE = {more}  # levels with FIXEDMANUAL


def evaluate(cc, {arguments}):
    """The plan on ciphertexts of cc, on which it uses LEVELS levels; fastest with FIXEDMANUAL."""
    on = Machine(cc, {arguments})
    {arguments_} = {loads}
{statements}
    return {result}
'''

NOMINAL = (
    "With FIXEDMANUAL OpenFHE's evaluator takes every scale for the nominal one, which adds to its noise",
    "far more than is forecast here: FLEXIBLEAUTO does not, and the plan (form='plan') does not with either.",
)

_SERIES = '''def evaluate(cc, x):
    """One series after the other, by OpenFHE's own evaluator."""
    u = x
    for (low, high), coefficients in STAGES:
        u = series(cc, u, coefficients, low, high)
{final}


def series(cc, u, coefficients, low, high):
    """c_0/2 + sum c_k T_k; a constant, on which EvalChebyshevSeries crashes, apart."""
    if len(coefficients) == 1:
        return cc.EvalAdd(cc.EvalSub(u, u), coefficients[0] / 2)
    return cc.EvalChebyshevSeries(u, coefficients, low, high)
'''

_CHECK = '''def self_check(
    scale_bits={scale_bits}, first_bits=60, ring_dimension={ring}, technique="{technique}"
):
    """Encrypt the points of CHECK, evaluate, decrypt; the exit code: 0 for PASS, 1 for FAIL.

    The parameters are for a test and are not secure; choose your own for use.
    """
    import openfhe as o

    parameters = o.CCParamsCKKSRNS()
    parameters.SetMultiplicativeDepth(max(LEVELS, 1))
    parameters.SetScalingModSize(scale_bits)
    parameters.SetFirstModSize(first_bits)
    parameters.SetScalingTechnique(getattr(o.ScalingTechnique, technique))
    parameters.SetSecurityLevel(o.SecurityLevel.HEStd_NotSet)
    parameters.SetRingDim(ring_dimension)
    parameters.SetBatchSize(ring_dimension // 2)
    cc = o.GenCryptoContext(parameters)
    for feature in ("PKE", "KEYSWITCH", "LEVELEDSHE", "ADVANCEDSHE"):
        cc.Enable(getattr(o.PKESchemeFeature, feature))
    keys = cc.KeyGen()
    cc.EvalMultKeyGen(keys.secretKey)
    points = [point for point, *_ in CHECK]
    points += points[:1] * (ring_dimension // 2 - len(points))  # 0 may lie outside the interval
    ciphertexts = [
        cc.Encrypt(keys.publicKey, cc.MakeCKKSPackedPlaintext(list(column))) for column in zip(*points)
    ]
    result = evaluate(cc, *ciphertexts)
    after, before = (c.GetLevel() + c.GetNoiseScaleDeg() for c in (result, ciphertexts[0]))
    plaintext = cc.Decrypt(result, keys.secretKey)
    plaintext.SetLength(len(CHECK))
    return verdict(plaintext.GetRealPackedValue(), after - before, scale_bits, ring_dimension)
'''


def _write(job: Job) -> bytes:
    technique = "FLEXIBLEAUTO"
    if job.form == "plan":
        code, more = _evaluate(job.approximation.plan)
        body = [MACHINE, code]
        technique = "FLEXIBLEAUTO" if more else "FIXEDMANUAL"
        notes: tuple[str, ...] = (
            "",
            "evaluate(cc, x) runs the plan on a ciphertext of the CryptoContext cc, made with the",
            "scaling technique FIXEDMANUAL (fastest), FLEXIBLEAUTO or FLEXIBLEAUTOEXT; others are refused.",
            *["With FIXEDMANUAL it uses one level more."] * more,
        )
    else:
        chain = stages_of(job)
        gate = chain.final == "gate"
        final = "    return cc.EvalAdd(cc.EvalMult(x, u), OFFSET)" if gate else "    return u"
        body = [series_constants(job, chain, doubled_first=True), _SERIES.format(final=final)]
        notes = (
            "",
            "Coefficients are low to high; the first is doubled, as OpenFHE halves it.",
            *NOMINAL,
        )
    return encoded(
        docstring(job, *notes), *body[:1], noise_constants(job), check_constants(job), *body[1:],
        VERDICT, _CHECK.format(scale_bits=job.noise.chosen(50), ring=RING, technique=technique), MAIN,
    )  # fmt: skip


def _evaluate(plan: Plan) -> tuple[str, bool]:
    """The function, and whether it uses one level more with FIXEDMANUAL."""
    arguments = arguments_of(plan)
    lines, result, last = statements_back(plan, arguments)
    if last:
        lines += ["if on.manual:  # brings the scale back", f"    {last}"]
    names = ", ".join(arguments)
    return EVALUATE.format(
        more=int(bool(last)),
        arguments=names,
        arguments_=names,
        loads=", ".join(f"on.load({name})" for name in arguments),
        statements="\n".join(f"    {line}" for line in lines),
        result=result,
    ), bool(last)


def levels_used(job: Job) -> int:
    """By the steps of a plan, or by OpenFHE's evaluator."""
    if job.form == "plan":
        return symbolic_schedule(job.approximation.plan, back=True).levels
    return cost_model("openfhe").component_levels(job.approximation, "standalone")


FORMAT = Format(
    "openfhe", ".py", ("plan", "components"), "double", "openfhe", "OpenFHE (Python)", _write,
    scheme="openfhe", levels=levels_used, security="the parameters of self_check are not secure",
)  # fmt: skip



