# SPDX-License-Identifier: Apache-2.0
"""Microsoft SEAL: a header with the plan; SEAL has no evaluator of polynomials."""

from __future__ import annotations

from ...plan.symbolic import symbolic_schedule
from .. import curly
from ..job import Format, Job
from ..steps import number, step_statements
from ..straight import arguments_of

_FILE = """\
{comment}
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <stdexcept>
#include <vector>

#include "seal/seal.h"

namespace polyapprox_{name} {{

{checks}

// Steps on ciphertexts whose scale SEAL is always told to be the first one. What it really is,
// l levels down, over the first one, is s(l, 1), which goes into the constants.
class Operations {{
public:
    Operations(
        const seal::SEALContext& context, const seal::CKKSEncoder& encoder,
        const seal::Evaluator& evaluator, const seal::Encryptor& encryptor,
        const seal::RelinKeys& keys)
        : context_(context), encoder_(encoder), evaluator_(evaluator), encryptor_(encryptor),
          keys_(keys) {{}}

    // Takes level and scale from the input.
    void start(const seal::Ciphertext& x) const {{
        unit_ = x.scale();
        ids_.clear();
        scales_.assign(1, 1.0);
        auto data = context_.get_context_data(x.parms_id());
        for (; data; data = data->next_context_data()) {{
            ids_.push_back(data->parms_id());
            const double prime = static_cast<double>(data->parms().coeff_modulus().back().value());
            scales_.push_back(scales_.back() * scales_.back() / (prime / unit_));
        }}
        if (ids_.size() <= static_cast<std::size_t>(levels))
            throw std::invalid_argument("the input has too few levels");
    }}

    double s(std::size_t level, double power) const {{ return std::pow(scales_[level], power); }}

    seal::Ciphertext multiply(const seal::Ciphertext& a, const seal::Ciphertext& b) const {{
        seal::Ciphertext made;
        evaluator_.multiply(a, b, made);
        made.scale() = unit_ * unit_;
        return made;
    }}

    seal::Ciphertext square(const seal::Ciphertext& a) const {{
        seal::Ciphertext made;
        evaluator_.square(a, made);
        made.scale() = unit_ * unit_;
        return made;
    }}

    void relinearise(seal::Ciphertext& a) const {{ evaluator_.relinearize_inplace(a, keys_); }}

    seal::Ciphertext rescale(const seal::Ciphertext& a) const {{
        seal::Ciphertext made;
        evaluator_.rescale_to_next(a, made);
        made.scale() = unit_;
        return made;
    }}

    seal::Ciphertext scale(const seal::Ciphertext& a, std::size_t drop, double constant) const {{
        seal::Ciphertext made = reduce(a, drop);
        const double least = 1.0 / unit_;  // SEAL refuses a product with zero
        const double factor = std::abs(constant) < least ? std::copysign(least, constant) : constant;
        seal::Plaintext plain;
        encoder_.encode(factor, made.parms_id(), unit_, plain);
        evaluator_.multiply_plain_inplace(made, plain);
        made.scale() = unit_ * unit_;
        return made;
    }}

    void accumulate(
        seal::Ciphertext& total, const seal::Ciphertext& a, std::size_t drop, double constant) const {{
        if (std::abs(constant) * unit_ >= 0.5)
            evaluator_.add_inplace(total, scale(a, drop, constant));
    }}

    seal::Ciphertext copy(const seal::Ciphertext& a) const {{ return a; }}

    seal::Ciphertext reduce(const seal::Ciphertext& a, std::size_t drop) const {{
        seal::Ciphertext made = a;
        const auto level = std::find(ids_.begin(), ids_.end(), a.parms_id()) - ids_.begin();
        evaluator_.mod_switch_to_inplace(made, ids_[static_cast<std::size_t>(level) + drop]);
        return made;
    }}

    void plus(seal::Ciphertext& a, const seal::Ciphertext& b) const {{
        evaluator_.add_inplace(a, b);
    }}

    // The difference of a ciphertext and its copy, which SEAL refuses, is a fresh zero.
    void minus(seal::Ciphertext& a, const seal::Ciphertext& b) const {{
        if (std::equal(a.dyn_array().cbegin(), a.dyn_array().cend(), b.dyn_array().cbegin())) {{
            encryptor_.encrypt_zero(b.parms_id(), a);
            a.scale() = b.scale();
        }} else {{
            evaluator_.sub_inplace(a, b);
        }}
    }}

    void twice(seal::Ciphertext& a) const {{
        const seal::Ciphertext same = a;
        evaluator_.add_inplace(a, same);
    }}

    void negate(seal::Ciphertext& a) const {{ evaluator_.negate_inplace(a); }}

    void shift(seal::Ciphertext& a, double constant) const {{
        seal::Plaintext plain;
        encoder_.encode(constant, a.parms_id(), a.scale(), plain);
        evaluator_.add_plain_inplace(a, plain);
    }}

    seal::Ciphertext finished(seal::Ciphertext a, double scale) const {{
        a.scale() = unit_ * scale;
        return a;
    }}

private:
    const seal::SEALContext& context_;
    const seal::CKKSEncoder& encoder_;
    const seal::Evaluator& evaluator_;
    const seal::Encryptor& encryptor_;
    const seal::RelinKeys& keys_;
    mutable double unit_ = 1.0;
    mutable std::vector<double> scales_;
    mutable std::vector<seal::parms_id_type> ids_;
}};

// The plan, operation by operation; it needs the levels said above.
inline seal::Ciphertext evaluate(const Operations& on, {parameters}) {{
    on.start({first});
{body}
    return on.finished({result}, {scale});
}}

// Encrypt the points, evaluate, decrypt: the exit code, 0 for PASS.
inline int self_check(
    const Operations& on, const seal::CKKSEncoder& encoder, const seal::Encryptor& encryptor,
    seal::Decryptor& decryptor, double nominal_scale) {{
    seal::Plaintext plain;
{encrypt}
    decryptor.decrypt(evaluate(on, {ciphertexts}), plain);
    std::vector<double> values;
    encoder.decode(plain, values);
    const double ring = 2.0 * static_cast<double>(encoder.slot_count());
    return verdict(values, static_cast<int>(std::lround(std::log2(nominal_scale))), ring);
}}

}}  // namespace polyapprox_{name}
"""

_ENCRYPT = """\
    std::vector<double> column_{argument};
    for (const Check& check : checks)
        column_{argument}.push_back(check.{argument});
    column_{argument}.resize(encoder.slot_count(), column_{argument}[0]);  // 0 may lie outside the interval
    seal::Ciphertext {argument};
    encoder.encode(column_{argument}, nominal_scale, plain);
    encryptor.encrypt(plain, {argument});"""


def _write(job: Job) -> bytes:
    made = symbolic_schedule(job.approximation.plan)
    arguments = arguments_of(job.approximation.plan)
    declare = "seal::Ciphertext {name} = {value};"
    lines, result = step_statements(made, arguments, declare, ";")
    body = curly.block(line.replace("on.double(", "on.twice(") for line in lines)
    return _FILE.format(
        comment=curly.comment(job, "", "C++17, SEAL 4.1; scales are tracked, for an input of any level and scale."),
        name=job.name,
        parameters=", ".join(f"const seal::Ciphertext& {a}" for a in arguments),
        first=arguments[0],
        body=body,
        result=result,
        scale=number(made.scale),
        checks=curly.checks_and_verdict(job),
        encrypt="\n".join(_ENCRYPT.format(argument=a) for a in arguments),
        ciphertexts=", ".join(arguments),
    ).encode()


def _levels(job: Job) -> int:
    return symbolic_schedule(job.approximation.plan).levels


FORMAT = Format(
    "seal", ".h", ("plan",), "double", "ideal", "Microsoft SEAL (C++)", _write,
    scheme="tenseal", levels=_levels, security="that of the context given",
)  # fmt: skip
