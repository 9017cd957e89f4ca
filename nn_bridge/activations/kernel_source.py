# SPDX-License-Identifier: Apache-2.0
"""A program as C: one loop that reads each input once and writes each value once."""

from __future__ import annotations

from functools import lru_cache

from .program import Program, Step

_TYPES = """\
#include <stdint.h>
#include <string.h>
typedef {number} number;
typedef uint16_t bf16;

static inline number read_bf16(bf16 x)
{{
    uint32_t bits = (uint32_t)x << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}}

// Round to nearest, ties to even; all that is not a number becomes the quiet one.
static inline bf16 write_bf16(number value)
{{
    float rounded = (float)value;
    uint32_t bits;
    memcpy(&bits, &rounded, 4);
    uint32_t up = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    return (bf16)(rounded == rounded ? up : 0x7fc0u);
}}
static inline number read_float(float x) {{ return x; }}
static inline float write_float(number x) {{ return (float)x; }}
static inline number read_double(double x) {{ return (number)x; }}
static inline double write_double(number x) {{ return x; }}

// |x| as a whole number: the order is that of the sizes
typedef uint16_t bits_bf16;
typedef uint32_t bits_float;
typedef uint64_t bits_double;
static inline bits_bf16 size_bf16(bf16 x) {{ return x & 0x7fffu; }}
static inline bits_float size_float(float x)
{{
    bits_float bits;
    memcpy(&bits, &x, 4);
    return bits & 0x7fffffffu;
}}
static inline bits_double size_double(double x)
{{
    bits_double bits;
    memcpy(&bits, &x, 8);
    return bits & 0x7fffffffffffffffu;
}}
"""

_FUNCTIONS = """
__attribute__((always_inline)) static inline number value_of(number r0)
{{
{value}
}}

__attribute__((always_inline)) static inline number slope_of(number r0)
{{
    number d0 = 1;
{slope}
}}
"""

_LOOPS = """
// y = gain * r(scale * x); the largest |x| (not a number, if one is not: its bits are larger)
double value_{type}(const {type} *x, {type} *y, long n, number scale, number gain)
{{
    bits_{type} largest = 0;
#pragma GCC ivdep
    for (long i = 0; i < n; i++) {{
        const bits_{type} size = size_{type}(x[i]);
        largest = size > largest ? size : largest;
        y[i] = write_{type}(gain * value_of(scale * read_{type}(x[i])));
    }}
    {type} found;
    memcpy(&found, &largest, sizeof found);
    return (double)read_{type}(found);
}}

// y = gradient * r'(scale * x)
void slope_{type}(const {type} *x, const {type} *gradient, {type} *y, long n, number scale)
{{
#pragma GCC ivdep
    for (long i = 0; i < n; i++)
        y[i] = write_{type}(read_{type}(gradient[i]) * slope_of(scale * read_{type}(x[i])));
}}

// y = x where x > 0, else gain * r(scale * x), x not below low
void below_{type}(const {type} *x, {type} *y, long n, number scale, number gain, number low)
{{
#pragma GCC ivdep
    for (long i = 0; i < n; i++) {{
        const number u = read_{type}(x[i]);
        const number value = gain * value_of(scale * (u < low ? low : u));
        y[i] = write_{type}(u > 0 ? u : value);
    }}
}}
"""

_NOISE = """
// y = x where x > 0, else size * noise
void noise_{type}(const {type} *x, const number *noise, {type} *y, long n, number size)
{{
#pragma GCC ivdep
    for (long i = 0; i < n; i++) {{
        const number u = read_{type}(x[i]);
        y[i] = write_{type}(u > 0 ? u : size * noise[i]);
    }}
}}

// y = x where x > 0, else x + size * noise where that is > 0, else 0; both rounded to the type, as torch does
void lifted_{type}(const {type} *x, const number *noise, {type} *y, long n, number size)
{{
    size = read_{type}(write_{type}(size));
#pragma GCC ivdep
    for (long i = 0; i < n; i++) {{
        const number u = read_{type}(x[i]);
        const number moved = u + size * read_{type}(write_{type}(noise[i]));
        const number value = u > 0 ? u : moved;
        y[i] = write_{type}(value < 0 ? 0 : value);
    }}
}}
"""

STORED = ("float", "double", "bf16")
"""Types that tensors may have."""


def kernel_source(program: Program, number: str) -> str:
    """C of the program's value and of its derivative, for tensors of each type in `STORED`.

    Parameters
    ----------
    program : Program
    number : {"float", "double"}
        Type to compute in.

    Examples
    --------
    >>> square = Program((Step(1, 0.5, ((2.0, 0, 0),)),), 2)
    >>> source = kernel_source(square, "double")
    >>> [line.strip() for line in source.splitlines() if "0x1" in line]
    ['const number v0 = 0x1.0000000000000p-1 + 0x1.0000000000000p+1 * r0 * r0;', 'const number v0 = 0x1.0000000000000p-1 + 0x1.0000000000000p+1 * r0 * r0;', 'const number t0 = 0x1.0000000000000p+1 * (d0 * r0 + r0 * d0);']
    """
    value, slope = _body(program, number, False), _body(program, number, True)
    head = (_TYPES + _FUNCTIONS).format(number=number, value=value, slope=slope)
    return head + "".join(_LOOPS.format(type=kind) for kind in STORED)


@lru_cache(maxsize=1)
def noise_source() -> str:
    """C of ReLU with given noise, in float32, at inputs that are not positive.

    Examples
    --------
    >>> noise_source().count("void noise_")
    3
    """
    head = _TYPES.format(number="float")
    return head + "".join(_NOISE.format(type=kind) for kind in STORED)


def _body(program: Program, number: str, slope: bool) -> str:
    """The steps, each a variable of its own: v its value, t its derivative."""
    values, slopes = {0: "r0"}, {0: "d0"}
    lines = []
    for index, step in enumerate(program.steps):
        lines.append(f"    const number v{index} = {_value(step, values, number)};")
        if slope:
            lines.append(f"    const number t{index} = {_slope(step, values, slopes, number)};")
        values[step.target], slopes[step.target] = f"v{index}", f"t{index}"
    lines.append(f"    return {'t' if slope else 'v'}{len(program.steps) - 1};")
    return "\n".join(lines)


def _value(step: Step, values: dict[int, str], number: str) -> str:
    terms = [_literal(step.constant, number)] if step.constant or not step.terms else []
    for factor, left, right in step.terms:
        product = values[left] + (f" * {values[right]}" if right >= 0 else "")
        terms.append(f"{_literal(factor, number)} * {product}")
    return " + ".join(terms)


def _slope(step: Step, values: dict[int, str], slopes: dict[int, str], number: str) -> str:
    terms = []
    for factor, left, right in step.terms:
        product = slopes[left]
        if right >= 0:
            product = f"({slopes[left]} * {values[right]} + {values[left]} * {slopes[right]})"
        terms.append(f"{_literal(factor, number)} * {product}")
    return " + ".join(terms) or "0"


def _literal(value: float, number: str) -> str:
    """Hexadecimal, exact; of the type computed in."""
    return value.hex() + ("f" if number == "float" else "")
