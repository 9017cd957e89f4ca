# SPDX-License-Identifier: Apache-2.0
"""A series as a C++17 header for OpenFHE's functional bootstrap: the same as the Python file.

The calls are those of OpenFHE 1.6 (``EvalFEFuncBootstrap`` of a ``std::vector<std::complex<double>>``).
"""

FILE = """\
{header}
#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "openfhe.h"
#include "scheme/ckksrns/ckksrns-fhe.h"

namespace polyapprox_inside {{

using Context = lbcrypto::CryptoContext<lbcrypto::DCRTPoly>;
using Ciphertext = lbcrypto::Ciphertext<lbcrypto::DCRTPoly>;
using Keys = lbcrypto::KeyPair<lbcrypto::DCRTPoly>;

constexpr double centre = {centre}, width = {width}, result_scale = {scale};
constexpr double error_bound = {bound_float}, amplification = {amplification_float};
inline const std::vector<std::uint32_t> budget = {{{budget_values}}};

// 2 Re sum z_j exp(i pi j m) = f(x) / result_scale
inline const std::vector<std::complex<double>> coefficients = {{
{coefficients}
}};

// x, and the function there
struct Check {{
    double x, function;
}};
inline const std::vector<Check> checks = {{
{checks}
}};

// The refreshed ciphertext of f(x) / result_scale from one of the messages m.
inline Ciphertext evaluate(const Context& cc, const Ciphertext& ciphertext) {{
    return cc->EvalFEFuncBootstrap(ciphertext, coefficients);
}}

// Levels of a context that has some left after the bootstrap.
inline std::uint32_t depth(std::uint32_t scale_bits = 59, std::uint32_t after = 2) {{
    return lbcrypto::FHECKKSRNS::GetFEFBTDepth(budget, coefficients, lbcrypto::{secret_name}, scale_bits + 1) + after;
}}

// A context with its keys: for a test, not secure.
inline Context context(
    Keys& keys, std::uint32_t ring_dimension = 1024, std::uint32_t scale_bits = 59, std::uint32_t after = 2) {{
    lbcrypto::CCParams<lbcrypto::CryptoContextCKKSRNS> parameters;
    parameters.SetMultiplicativeDepth(depth(scale_bits, after));
    parameters.SetScalingModSize(scale_bits);
    parameters.SetFirstModSize(scale_bits + 1);  // what a functional bootstrap demands
    parameters.SetSecurityLevel(lbcrypto::HEStd_NotSet);
    parameters.SetRingDim(ring_dimension);
    parameters.SetBatchSize(ring_dimension / 2);
    parameters.SetSecretKeyDist(lbcrypto::{secret_name});
    parameters.SetScalingTechnique(lbcrypto::FLEXIBLEAUTO);
    Context cc = lbcrypto::GenCryptoContext(parameters);
    for (auto feature :
         {{lbcrypto::PKE, lbcrypto::KEYSWITCH, lbcrypto::LEVELEDSHE, lbcrypto::ADVANCEDSHE, lbcrypto::FHE}})
        cc->Enable(feature);
    cc->EvalFEFuncBootstrapSetup(budget, {{0, 0}}, ring_dimension / 2);
    keys = cc->KeyGen();
    cc->EvalMultKeyGen(keys.secretKey);
    cc->EvalBootstrapKeyGen(keys.secretKey, ring_dimension / 2);
    return cc;
}}

// 0 and PASS if the largest error is within the bound and twice the noise measured, else 1 and FAIL.
// That of e^(i pi m) is measured by series of degree 1, which are exact, on the same ciphertext.
inline int self_check() {{
    Keys keys;
    const Context cc = context(keys);
    std::vector<double> messages;
    for (const Check& check : checks)
        messages.push_back((check.x - centre) / width);
    const Ciphertext ciphertext =
        cc->Encrypt(keys.publicKey, cc->MakeCKKSPackedPlaintext(messages, 1, depth() - (budget[1] + 1)));
    const auto decrypted = [&](const std::vector<std::complex<double>>& series) {{
        lbcrypto::Plaintext plaintext;
        cc->Decrypt(keys.secretKey, cc->EvalFEFuncBootstrap(ciphertext, series), &plaintext);
        plaintext->SetLength(checks.size());
        return plaintext->GetRealPackedValue();
    }};
    const std::vector<double> values = decrypted(coefficients), cosine = decrypted({{0.0, 0.5}}),
                              sine = decrypted({{0.0, {{0.0, -0.5}}}});
    double error = 0.0, noise = 0.0;
    for (std::size_t i = 0; i < checks.size(); i++) {{
        const double angle = std::acos(-1.0) * messages[i];
        noise = std::max(noise, std::hypot(cosine[i] - std::cos(angle), sine[i] - std::sin(angle)));
        error = std::max(error, std::abs(values[i] * result_scale - checks[i].function));
    }}
    const double allowed = error_bound + 2 * amplification * noise;
    const bool passed = error <= allowed;
    std::printf(
        "%s: largest error %.4g, allowed %.4g (bound and noise)\\n", passed ? "PASS" : "FAIL", error, allowed);
    return passed ? 0 : 1;
}}

}}  // namespace polyapprox_inside
"""
