# SPDX-License-Identifier: Apache-2.0
"""OpenFHE from C++: a header with the plan in steps, or with ``EvalChebyshevSeries`` (c_0 doubled)."""

from __future__ import annotations

from ...plan.plan import Plan
from .. import curly
from ..chain import chain_of
from ..job import Format, Job
from ..steps import statements_back
from ..straight import arguments_of
from ..text import hexadecimal
from .openfhe import NOMINAL, levels_used

_FILE = """\
{comment}
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <vector>

#include "openfhe.h"

namespace polyapprox_{name} {{

using Ciphertext = lbcrypto::Ciphertext<lbcrypto::DCRTPoly>;
using Context = lbcrypto::CryptoContext<lbcrypto::DCRTPoly>;

{checks}

{body}

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
    return verdict(plaintext->GetRealPackedValue(), scale_bits, cc->GetRingDimension());
}}

}}  // namespace polyapprox_{name}
"""

_PLAN = """\
constexpr int more = {more};  // levels with FIXEDMANUAL

// Steps on ciphertexts; a product is rescaled by a step of its own. With FIXEDMANUAL OpenFHE calls
// every scale 2^(bits of a scale). What a scale really is, l levels down, over the first one, is
// s(l, 1): it goes into the constants. With FLEXIBLEAUTO(EXT) OpenFHE rescales and keeps scales itself:
// levels are left to it, and scales are 1.
class Operations {{
public:
    Operations(const Context& cc, const std::vector<Ciphertext>& inputs) : cc_(cc) {{
        using namespace lbcrypto;
        const auto parameters = std::dynamic_pointer_cast<CryptoParametersRNS>(cc->GetCryptoParameters());
        const ScalingTechnique technique = parameters->GetScalingTechnique();
        manual_ = technique == FIXEDMANUAL;
        if (!manual_ && technique != FLEXIBLEAUTO && technique != FLEXIBLEAUTOEXT)
            throw std::invalid_argument("the scaling technique must be FIXEDMANUAL or FLEXIBLEAUTO");
        const auto& towers = parameters->GetElementParams()->GetParams();
        std::size_t used = 0;
        for (const Ciphertext& x : inputs) {{
            if (manual_ && x->GetNoiseScaleDeg() != 1)
                throw std::invalid_argument("an input is not rescaled yet: Rescale it first");
            level_ = std::max<std::size_t>(level_, x->GetLevel());
            used = std::max<std::size_t>(used, x->GetLevel() + x->GetNoiseScaleDeg() - 1);
        }}
        if (towers.size() <= used + levels + (manual_ ? more : 0))
            throw std::invalid_argument("the input has too few levels");
        const double unit = parameters->GetScalingFactorReal(0);
        for (std::size_t i = towers.size() - 1 - level_; i > 0; i--) {{
            const double ratio = manual_ ? towers[i]->GetModulus().ConvertToDouble() / unit : 1.0;
            ratios.push_back(ratio);
            scales_.push_back(scales_.back() * scales_.back() / ratio);
        }}
    }}

    double s(std::size_t level, double power) const {{ return std::pow(scales_[level], power); }}

    Ciphertext load(const Ciphertext& x) const {{ return reduce(x, level_ - x->GetLevel()); }}

    Ciphertext reduce(const Ciphertext& a, std::size_t drop) const {{
        return manual_ && drop ? cc_->LevelReduce(a, nullptr, drop) : a->Clone();
    }}

    // Once for all uses: FLEXIBLEAUTO, whose Rescale does nothing, would do it at each of them;
    // Compress is told to leave every modulus.
    Ciphertext rescale(const Ciphertext& a) const {{
        return manual_ ? cc_->Rescale(a) : cc_->Compress(a, 1000000);
    }}

    Ciphertext copy(const Ciphertext& a) const {{ return a->Clone(); }}

    Ciphertext multiply(const Ciphertext& a, const Ciphertext& b) const {{
        return cc_->EvalMultNoRelin(a, b);
    }}

    Ciphertext square(const Ciphertext& a) const {{ return cc_->EvalMultNoRelin(a, a); }}

    void relinearise(Ciphertext& a) const {{ cc_->RelinearizeInPlace(a); }}

    Ciphertext scale(const Ciphertext& a, std::size_t drop, double constant) const {{
        Ciphertext made = reduce(a, drop);
        cc_->EvalMultInPlace(made, constant);
        return made;
    }}

    void accumulate(Ciphertext& total, const Ciphertext& a, std::size_t drop, double constant) const {{
        cc_->EvalAddInPlace(total, scale(a, drop, constant));
    }}

    void plus(Ciphertext& a, const Ciphertext& b) const {{ cc_->EvalAddInPlace(a, b); }}

    void minus(Ciphertext& a, const Ciphertext& b) const {{ cc_->EvalSubInPlace(a, b); }}

    void twice(Ciphertext& a) const {{ cc_->EvalAddInPlace(a, a->Clone()); }}

    void negate(Ciphertext& a) const {{ cc_->EvalNegateInPlace(a); }}

    void shift(Ciphertext& a, double constant) const {{ cc_->EvalAddInPlace(a, constant); }}

    bool manual() const {{ return manual_; }}

    std::vector<double> ratios;

private:
    const Context& cc_;
    bool manual_ = false;
    std::size_t level_ = 0;
    std::vector<double> scales_ = {{1.0}};
}};

// The plan, on a context with FIXEDMANUAL (fastest), FLEXIBLEAUTO or FLEXIBLEAUTOEXT; others are refused.
inline Ciphertext evaluate(const Context& cc, {parameters}) {{
    const Operations on(cc, {{{arguments}}});
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
        code = _plan(job.approximation.plan)
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
        comment=curly.comment(
            job, "", "C++17; evaluate(cc, x) takes a ciphertext.", *NOMINAL * (job.form == "components")
        ),
        name=job.name,
        body=code,
        checks=curly.checks_and_verdict(job),
        encrypt="\n".join(_ENCRYPT.format(argument=a) for a in arguments),
        ciphertexts=", ".join(arguments),
        first=arguments[0],
    ).encode()


def _plan(plan: Plan) -> str:
    arguments = arguments_of(plan)
    lines, result, last = statements_back(plan, arguments, "Ciphertext {name} = {value};", ";")
    lines = [*(f"{x} = on.load({x});" for x in arguments), *lines]
    if last:
        lines += ["if (on.manual())  // brings the scale back", f"    {last}"]
    return _PLAN.format(
        more=int(bool(last)),
        parameters=", ".join(f"Ciphertext {x}" for x in arguments),
        arguments=", ".join(arguments),
        body=curly.block(line.replace("on.double(", "on.twice(") for line in lines),
        result=result,
    )


FORMAT = Format(
    "openfhe-cpp", ".h", ("plan", "components"), "double", "openfhe", "OpenFHE (C++)", _write,
    scheme="openfhe", levels=levels_used, security="that of the context given",
)  # fmt: skip
