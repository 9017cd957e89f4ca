# SPDX-License-Identifier: Apache-2.0
"""OpenFHE from C++: a header with the plan, or with ``EvalChebyshevSeries`` (c_0 doubled)."""

from __future__ import annotations

from .. import curly
from ..chain import chain_of
from ..job import Format, Job
from ..straight import Syntax, arguments_of
from ..text import hexadecimal

_SYNTAX = Syntax(
    assign="const Ciphertext {name} = {value};",
    multiply="cc->EvalMult({a}, {b})",
    add="cc->EvalAdd({a}, {b})",
    subtract="cc->EvalSub({a}, {b})",
    scale="cc->EvalMult({a}, {c})",
    shift="cc->EvalAdd({a}, {c})",
    number=hexadecimal,
)

_FILE = """\
{comment}
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <vector>

#include "openfhe.h"

namespace polyapprox_{name} {{

using Ciphertext = lbcrypto::Ciphertext<lbcrypto::DCRTPoly>;
using Context = lbcrypto::CryptoContext<lbcrypto::DCRTPoly>;

{body}

{checks}

// Encrypt the points, evaluate, decrypt: the exit code, 0 for PASS.
inline int self_check(
    const Context& cc, const lbcrypto::KeyPair<lbcrypto::DCRTPoly>& keys, int scale_bits = 50) {{
{encrypt}
    const Ciphertext result = evaluate(cc, {ciphertexts});
    const std::size_t after = result->GetLevel() + result->GetNoiseScaleDeg();
    std::printf("levels used %d\\n", static_cast<int>(after - {first}->GetLevel() - {first}->GetNoiseScaleDeg()));
    lbcrypto::Plaintext plaintext;
    cc->Decrypt(keys.secretKey, result, &plaintext);
    plaintext->SetLength(checks.size());
    return verdict(plaintext->GetRealPackedValue(), scale_bits);
}}

}}  // namespace polyapprox_{name}
"""

_PLAN = """\
// The plan, operation by operation; it needs the levels said above.
inline Ciphertext evaluate(const Context& cc, {parameters}) {{
{body}
    return {result};
}}"""

_SERIES = """\
struct Stage {{
    double low, high;
    std::vector<double> coefficients;  // low to high; the first is doubled, as OpenFHE halves it
}};

inline const std::vector<Stage> stages = {{
{stages}
}};
{offset}
// c_0/2 + sum c_k T_k; a constant, on which EvalChebyshevSeries crashes, apart.
inline Ciphertext series(const Context& cc, const Ciphertext& u, const Stage& stage) {{
    if (stage.coefficients.size() == 1)
        return cc->EvalAdd(cc->EvalSub(u, u), stage.coefficients[0] / 2);
    return cc->EvalChebyshevSeries(u, stage.coefficients, stage.low, stage.high);
}}

// One series after the other, by OpenFHE's own evaluator.
inline Ciphertext evaluate(const Context& cc, const Ciphertext& x) {{
    Ciphertext u = x;
    for (const Stage& stage : stages)
        u = series(cc, u, stage);
    return {result};
}}"""

_ENCRYPT = """\
    std::vector<double> column_{argument};
    for (const Check& check : checks)
        column_{argument}.push_back(check.{argument});
    column_{argument}.resize(  // 0 may lie outside the interval
        std::max<std::size_t>(checks.size(), cc->GetEncodingParams()->GetBatchSize()), column_{argument}[0]);
    const Ciphertext {argument} =
        cc->Encrypt(keys.publicKey, cc->MakeCKKSPackedPlaintext(column_{argument}));"""


def _write(job: Job) -> bytes:
    arguments = arguments_of(job.approximation.plan)
    if job.form == "plan":
        body, result = curly.body_of(job, _SYNTAX)
        parameters = ", ".join(f"const Ciphertext& {a}" for a in arguments)
        code = _PLAN.format(parameters=parameters, body=body, result=result)
    else:
        chain = chain_of(job.approximation)
        gate = chain.final == "gate"
        offset = f"inline const double offset = {hexadecimal(chain.offset)};\n" if gate else ""
        code = _SERIES.format(
            stages=curly.stages(chain, lambda index: 1 if index else 2),
            offset=offset,
            result="cc->EvalAdd(cc->EvalMult(x, u), offset)" if gate else "u",
        )
    return _FILE.format(
        comment=curly.comment(job, "", "C++17; evaluate(cc, x) takes a ciphertext."),
        name=job.name,
        body=code,
        checks=curly.checks_and_verdict(job),
        encrypt="\n".join(_ENCRYPT.format(argument=a) for a in arguments),
        ciphertexts=", ".join(arguments),
        first=arguments[0],
    ).encode()


FORMAT = Format(
    "openfhe-cpp", ".h", ("plan", "components"), "double", "openfhe", "OpenFHE (C++)", _write,
    scheme="openfhe", security="that of the context given",
)  # fmt: skip
