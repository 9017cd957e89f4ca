# SPDX-License-Identifier: Apache-2.0
"""HEaaN: a header with the plan, by a ``HomEvaluator``.

A product with a constant within 1e-8 of an integer is a product with that integer in HEaaN
(documented at ``HomEvaluator::mult``), so small coefficients would silently become 0: those are
multiplied as messages.
"""

from __future__ import annotations

from .. import curly
from ..job import Format, Job
from ..straight import Syntax, arguments_of
from ..text import hexadecimal

_SYNTAX = Syntax(
    assign="const HEaaN::Ciphertext {name} = {value};",
    multiply="multiply(eval, {a}, {b})",
    add="add(eval, {a}, {b})",
    subtract="subtract(eval, {a}, {b})",
    scale="scale(eval, {a}, {c})",
    shift="shift(eval, {a}, {c})",
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

#include "HEaaN/HEaaN.hpp"

namespace polyapprox_{name} {{

inline HEaaN::Ciphertext multiply(
    const HEaaN::HomEvaluator& eval, const HEaaN::Ciphertext& a, const HEaaN::Ciphertext& b) {{
    HEaaN::Ciphertext result(eval.getContext());
    eval.mult(a, b, result);
    return result;
}}

inline HEaaN::Ciphertext add(
    const HEaaN::HomEvaluator& eval, const HEaaN::Ciphertext& a, const HEaaN::Ciphertext& b) {{
    HEaaN::Ciphertext result(eval.getContext());
    eval.add(a, b, result);
    return result;
}}

inline HEaaN::Ciphertext subtract(
    const HEaaN::HomEvaluator& eval, const HEaaN::Ciphertext& a, const HEaaN::Ciphertext& b) {{
    HEaaN::Ciphertext result(eval.getContext());
    eval.sub(a, b, result);
    return result;
}}

// HEaaN multiplies by the nearest integer if that is within 1e-8: such a constant as a message.
inline HEaaN::Ciphertext scale(
    const HEaaN::HomEvaluator& eval, const HEaaN::Ciphertext& a, double constant) {{
    HEaaN::Ciphertext result(eval.getContext());
    const double nearest = std::nearbyint(constant);
    if (constant != nearest && std::abs(constant - nearest) <= 1e-8)
        eval.mult(a, HEaaN::Message(a.getLogSlots(), HEaaN::Complex(constant, 0.0)), result);
    else
        eval.mult(a, HEaaN::Complex(constant, 0.0), result);
    return result;
}}

inline HEaaN::Ciphertext shift(
    const HEaaN::HomEvaluator& eval, const HEaaN::Ciphertext& a, double constant) {{
    HEaaN::Ciphertext result(eval.getContext());
    eval.add(a, HEaaN::Complex(constant, 0.0), result);
    return result;
}}

// The plan, operation by operation; it needs the levels said above.
inline HEaaN::Ciphertext evaluate(const HEaaN::HomEvaluator& eval, {parameters}) {{
{body}
    return {result};
}}

{checks}

// Encrypt the points, evaluate, decrypt: the exit code, 0 for PASS.
inline int self_check(
    const HEaaN::HomEvaluator& eval, const HEaaN::Encryptor& encryptor,
    const HEaaN::Decryptor& decryptor, const HEaaN::SecretKey& secret, HEaaN::u64 log_slots,
    int scale_bits) {{
    if (checks.size() > std::size_t{{1}} << log_slots) {{
        std::printf("FAIL: %d points need a larger log_slots\\n", static_cast<int>(checks.size()));
        return 1;
    }}
{encrypt}
    HEaaN::Message values(log_slots);
    const HEaaN::Ciphertext result = evaluate(eval, {ciphertexts});
    std::printf("levels used %d\\n", static_cast<int>({first}.getLevel() - result.getLevel()));
    decryptor.decrypt(result, secret, values);
    std::vector<double> found;
    for (std::size_t i = 0; i < checks.size(); i++)
        found.push_back(values[i].real());
    return verdict(found, scale_bits, std::ldexp(2.0, HEaaN::getLogFullSlots(eval.getContext())));
}}

}}  // namespace polyapprox_{name}
"""

_ENCRYPT = """\
    HEaaN::Message column_{argument}(log_slots, HEaaN::Complex(checks[0].{argument}, 0.0));
    for (std::size_t i = 0; i < checks.size(); i++)
        column_{argument}[i] = HEaaN::Complex(checks[i].{argument}, 0.0);
    HEaaN::Ciphertext {argument}(eval.getContext());
    encryptor.encrypt(column_{argument}, secret, {argument});"""


def _write(job: Job) -> bytes:
    body, result = curly.body_of(job, _SYNTAX)
    arguments = arguments_of(job.approximation.plan)
    return _FILE.format(
        comment=curly.comment(
            job,
            "",
            "C++17, HEaaN 3. HEaaN is not public: this was compiled and run only against a stub of the",
            "declarations it uses, which computes in the clear and counts levels.",
        ),
        name=job.name,
        parameters=", ".join(f"const HEaaN::Ciphertext& {a}" for a in arguments),
        body=body,
        result=result,
        checks=curly.checks_and_verdict(job),
        encrypt="\n".join(_ENCRYPT.format(argument=a) for a in arguments),
        ciphertexts=", ".join(arguments),
        first=arguments[0],
    ).encode()


FORMAT = Format(
    "heaan", ".h", ("plan",), "double", "ideal", "HEaaN (C++)", _write,
    scheme="lattigo", security="that of the context given",
)  # fmt: skip
