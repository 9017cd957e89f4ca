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
from ..openfhe_python import EVALUATE, MACHINE
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
    return verdict(plaintext.GetRealPackedValue(), after - before, scale_bits)
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


def _levels(job: Job) -> int:
    if job.form == "plan":
        return symbolic_schedule(job.approximation.plan, back=True).levels
    return cost_model("openfhe").component_levels(job.approximation, "standalone")


FORMAT = Format(
    "openfhe", ".py", ("plan", "components"), "double", "openfhe", "OpenFHE (Python)", _write,
    scheme="openfhe", levels=_levels, security="the parameters of self_check are not secure",
)  # fmt: skip
