"""Microsoft SEAL: a header with the plan; SEAL has no evaluator of polynomials."""

from __future__ import annotations

from .. import curly
from ..job import Format, Job
from ..straight import Syntax, arguments_of
from ..text import hexadecimal

_SYNTAX = Syntax(
    assign="const seal::Ciphertext {name} = on.{value};",
    multiply="multiply({a}, {b})",
    add="add({a}, {b})",
    subtract="subtract({a}, {b})",
    scale="scale({a}, {c})",
    shift="shift({a}, {c})",
    number=hexadecimal,
)

_FILE = """\
{comment}
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "seal/seal.h"

namespace polyapprox_{name} {{

// Operations on ciphertexts of different levels. After a rescale the scale is set to the nominal
// one: choose primes as near to it as SEAL finds them (CoeffModulus::Create), the relative error
// of each product is then that distance, about 2^-30 and less.
class Operations {{
public:
    Operations(
        const seal::SEALContext& context, const seal::CKKSEncoder& encoder,
        const seal::Evaluator& evaluator, const seal::Encryptor& encryptor,
        const seal::RelinKeys& keys, double nominal_scale)
        : context_(context), encoder_(encoder), evaluator_(evaluator), encryptor_(encryptor),
          keys_(keys), scale_(nominal_scale) {{}}

    seal::Ciphertext multiply(const seal::Ciphertext& a, const seal::Ciphertext& b) const {{
        seal::Ciphertext left = a, right = b;
        align(left, right);
        if (&a == &b)
            evaluator_.square_inplace(left);
        else
            evaluator_.multiply_inplace(left, right);
        evaluator_.relinearize_inplace(left, keys_);
        return rescaled(left);
    }}

    seal::Ciphertext add(const seal::Ciphertext& a, const seal::Ciphertext& b) const {{
        seal::Ciphertext left = a, right = b;
        align(left, right);
        evaluator_.add_inplace(left, right);
        return left;
    }}

    seal::Ciphertext subtract(const seal::Ciphertext& a, const seal::Ciphertext& b) const {{
        if (&a == &b)
            return zero(a);
        seal::Ciphertext left = a, right = b;
        align(left, right);
        evaluator_.sub_inplace(left, right);
        return left;
    }}

    // Product with a constant: additions for small integers, else a plaintext and a level.
    seal::Ciphertext scale(const seal::Ciphertext& a, double constant) const {{
        if (constant == 0.0)
            return zero(a);
        const double size = std::abs(constant);
        if (size == std::floor(size) && size <= 64.0)
            return times(a, static_cast<int>(constant));
        seal::Plaintext plain;
        encoder_.encode(constant, a.parms_id(), scale_, plain);
        if (plain.is_zero())  // below the scale: SEAL refuses to multiply by it
            return zero(a);
        seal::Ciphertext result = a;
        evaluator_.multiply_plain_inplace(result, plain);
        return rescaled(result);
    }}

    seal::Ciphertext shift(const seal::Ciphertext& a, double constant) const {{
        seal::Plaintext plain;
        encoder_.encode(constant, a.parms_id(), a.scale(), plain);
        seal::Ciphertext result = a;
        evaluator_.add_plain_inplace(result, plain);
        return result;
    }}

private:
    void align(seal::Ciphertext& a, seal::Ciphertext& b) const {{
        const auto level = [this](const seal::Ciphertext& c) {{
            return context_.get_context_data(c.parms_id())->chain_index();
        }};
        if (level(a) > level(b))
            evaluator_.mod_switch_to_inplace(a, b.parms_id());
        else if (level(b) > level(a))
            evaluator_.mod_switch_to_inplace(b, a.parms_id());
    }}

    seal::Ciphertext rescaled(seal::Ciphertext a) const {{
        evaluator_.rescale_to_next_inplace(a);
        a.scale() = scale_;
        return a;
    }}

    seal::Ciphertext times(const seal::Ciphertext& a, int factor) const {{
        seal::Ciphertext result = a;
        for (int i = 1; i < std::abs(factor); i++)
            evaluator_.add_inplace(result, a);
        if (factor < 0)
            evaluator_.negate_inplace(result);
        return result;
    }}

    // A fresh encryption: the difference of equal ciphertexts would be transparent.
    seal::Ciphertext zero(const seal::Ciphertext& a) const {{
        seal::Ciphertext result;
        encryptor_.encrypt_zero(a.parms_id(), result);
        result.scale() = a.scale();
        return result;
    }}

    const seal::SEALContext& context_;
    const seal::CKKSEncoder& encoder_;
    const seal::Evaluator& evaluator_;
    const seal::Encryptor& encryptor_;
    const seal::RelinKeys& keys_;
    double scale_;
}};

// The plan, operation by operation; it needs the levels said above.
inline seal::Ciphertext evaluate(const Operations& on, {parameters}) {{
{body}
    return {result};
}}

struct Check {{
    double {fields}, value, function;
}};

// points, value of the polynomial, value of the function
inline const std::vector<Check> checks = {{
{points}
}};

// Encrypt the points, evaluate, decrypt: largest |result - polynomial|.
inline double self_check(
    const Operations& on, const seal::CKKSEncoder& encoder, const seal::Encryptor& encryptor,
    seal::Decryptor& decryptor, double nominal_scale) {{
    seal::Plaintext plain;
{encrypt}
    decryptor.decrypt(evaluate(on, {ciphertexts}), plain);
    std::vector<double> values;
    encoder.decode(plain, values);
    double worst = 0.0;
    for (std::size_t i = 0; i < checks.size(); i++)
        worst = std::max(worst, std::abs(values[i] - checks[i].value));
    return worst;
}}

}}  // namespace polyapprox_{name}
"""

_ENCRYPT = """\
    std::vector<double> column_{argument};
    for (const Check& check : checks)
        column_{argument}.push_back(check.{argument});
    seal::Ciphertext {argument};
    encoder.encode(column_{argument}, nominal_scale, plain);
    encryptor.encrypt(plain, {argument});"""


def _write(job: Job) -> bytes:
    body, result = curly.body_of(job, _SYNTAX)
    arguments = arguments_of(job.approximation.plan)
    return _FILE.format(
        comment=curly.comment(job, "", "C++17, SEAL 4.1; the products of the plan are rescaled."),
        name=job.name,
        parameters=", ".join(f"const seal::Ciphertext& {a}" for a in arguments),
        body=body,
        result=result,
        fields=", ".join(arguments),
        points=curly.block(curly.checks(job)),
        encrypt="\n".join(_ENCRYPT.format(argument=a) for a in arguments),
        ciphertexts=", ".join(arguments),
    ).encode()


FORMAT = Format("seal", ".h", ("plan",), "double", "ideal", "Microsoft SEAL (C++)", _write)
