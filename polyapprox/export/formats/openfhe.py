"""OpenFHE from Python: the plan by ``EvalMult`` and ``EvalAdd``, or ``EvalChebyshevSeries``.

``EvalChebyshevSeries`` evaluates c_0/2 + sum c_k T_k, so c_0 is written doubled; it crashes on a
constant and wants coefficients as floats.
"""

from __future__ import annotations

from ..job import Format, Job
from ..pythonic import (
    check_constants,
    docstring,
    encoded,
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

_CHECK = '''def self_check(levels={levels}, scale_bits=50, first_bits=60, ring_dimension=4096):
    """Encrypt the points of CHECK, evaluate, decrypt: largest |result − polynomial|.

    The parameters are for a test and are not secure; choose your own for use.
    """
    import openfhe as o

    parameters = o.CCParamsCKKSRNS()
    parameters.SetMultiplicativeDepth(levels)
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
    columns = zip(*(point for point, _, _ in CHECK))
    ciphertexts = [
        cc.Encrypt(keys.publicKey, cc.MakeCKKSPackedPlaintext(list(column))) for column in columns
    ]
    plaintext = cc.Decrypt(evaluate(cc, *ciphertexts), keys.secretKey)
    plaintext.SetLength(len(CHECK))
    values = plaintext.GetRealPackedValue()
    return max(abs(y - value) for y, (_, value, _) in zip(values, CHECK))


if __name__ == "__main__":
    print(f"largest deviation under encryption: {{self_check():.3g}}")
'''


def _write(job: Job) -> bytes:
    depth = job.plan_levels
    if job.form == "plan":
        body = [plan_function(job, _SYNTAX, "cc, ", "The plan on ciphertexts of cc.")]
        notes = ("", "evaluate(cc, x) runs the plan on a ciphertext of the CryptoContext cc.")
    else:
        from ...cost.models import cost_model

        chain = stages_of(job)
        depth = cost_model("openfhe").component_levels(job.approximation, "standalone")
        gate = chain.final == "gate"
        final = "    return cc.EvalAdd(cc.EvalMult(x, u), OFFSET)" if gate else "    return u"
        body = [series_constants(job, chain, doubled_first=True), _SERIES.format(final=final)]
        notes = (
            "",
            "Coefficients are low to high; the first is doubled, as OpenFHE halves it.",
        )
    return encoded(
        docstring(job, *notes), *body[:1], check_constants(job), *body[1:],
        _CHECK.format(levels=max(depth, 1) + 1),
    )  # fmt: skip


FORMAT = Format(
    "openfhe", ".py", ("plan", "components"), "double", "openfhe", "OpenFHE (Python)", _write
)
