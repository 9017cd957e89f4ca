"""OpenFHE from Python: the plan by ``EvalMult`` and ``EvalAdd``, or ``EvalChebyshevSeries``.

``EvalChebyshevSeries`` evaluates c_0/2 + sum c_k T_k, so c_0 is written doubled; it crashes on a
constant and wants coefficients as floats.
"""

from __future__ import annotations

from ..job import Format, Job
from ..noise import RING
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
    multiply="cc.EvalMult({a}, {b})",
    add="cc.EvalAdd({a}, {b})",
    subtract="cc.EvalSub({a}, {b})",
    scale="cc.EvalMult({a}, {c})",
    shift="cc.EvalAdd({a}, {c})",
    number=double,
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

_CHECK = '''def self_check(scale_bits={scale_bits}, first_bits=60, ring_dimension={ring}):
    """Encrypt the points of CHECK, evaluate, decrypt; the exit code: 0 for PASS, 1 for FAIL.

    The parameters are for a test and are not secure; choose your own for use.
    """
    import openfhe as o

    parameters = o.CCParamsCKKSRNS()
    parameters.SetMultiplicativeDepth(max(LEVELS, 1))
    parameters.SetScalingModSize(scale_bits)
    parameters.SetFirstModSize(first_bits)
    parameters.SetSecurityLevel(o.SecurityLevel.HEStd_NotSet)
    parameters.SetRingDim(ring_dimension)
    parameters.SetBatchSize(ring_dimension // 2)
    cc = o.GenCryptoContext(parameters)
    for feature in ("PKE", "KEYSWITCH", "LEVELEDSHE", "ADVANCEDSHE"):
        cc.Enable(getattr(o.PKESchemeFeature, feature))
    keys = cc.KeyGen()
    cc.EvalMultKeyGen(keys.secretKey)
    columns = zip(*(point for point, *_ in CHECK))
    ciphertexts = [
        cc.Encrypt(keys.publicKey, cc.MakeCKKSPackedPlaintext(list(column))) for column in columns
    ]
    result = evaluate(cc, *ciphertexts)
    after, before = (c.GetLevel() + c.GetNoiseScaleDeg() for c in (result, ciphertexts[0]))
    plaintext = cc.Decrypt(result, keys.secretKey)
    plaintext.SetLength(len(CHECK))
    return verdict(plaintext.GetRealPackedValue(), after - before, scale_bits)
'''


def _write(job: Job) -> bytes:
    if job.form == "plan":
        body = [plan_function(job, _SYNTAX, "cc, ", "The plan on ciphertexts of cc.")]
        notes = ("", "evaluate(cc, x) runs the plan on a ciphertext of the CryptoContext cc.")
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
        VERDICT, _CHECK.format(scale_bits=job.noise.chosen(50), ring=RING), MAIN,
    )  # fmt: skip


FORMAT = Format(
    "openfhe", ".py", ("plan", "components"), "double", "openfhe", "OpenFHE (Python)", _write,
    scheme="openfhe", security="the parameters of self_check are not secure",
)  # fmt: skip
