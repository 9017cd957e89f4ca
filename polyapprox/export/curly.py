# SPDX-License-Identifier: Apache-2.0
"""What the C, C++ and Go exports share: the header as comments, arrays, points of the check."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import mpmath

from ..numbers import exact
from .chain import Chain
from .header import header
from .job import Job
from .noise import RING
from .straight import Syntax, arguments_of, result, statements
from .text import hexadecimal


def comment(job: Job, *notes: str) -> str:
    """The header as line comments (``//``)."""
    lines = [line.replace("\\", "/") for line in (*header(job), *notes)]
    return "\n".join(f"// {line}".rstrip() for line in lines)


def block(lines: Iterable[str], indent: int = 4) -> str:
    """Lines, indented."""
    return "\n".join(" " * indent + line for line in lines)


def body_of(job: Job, syntax: Syntax) -> tuple[str, str]:
    """Statements of the plan, and the name of its result."""
    plan = job.approximation.plan
    arguments = arguments_of(plan)
    return block(statements(plan, syntax, arguments)), result(plan, arguments)


def stages(chain: Chain, factor: Callable[[int], int] = lambda index: 1) -> str:
    """``{{low, high}, {c_0, c_1, …}}`` of every stage, in hexadecimal doubles."""
    lines = []
    for stage in chain.stages:
        low, high = (hexadecimal(end) for end in stage.domain)
        lines += [f"{{{low}, {high}, {{"]
        numbers = [c * factor(k) for k, c in enumerate(stage.coefficients)]
        lines += [f"    {hexadecimal(c)}," for c in numbers]
        lines += ["}},"]
    return block(lines)


def checks(job: Job, number: Callable[[mpmath.mpf], str] = hexadecimal) -> list[str]:
    """``{x, value, function, allowed},``, or with x0 and x1, for every point."""
    return [
        "{" + ", ".join(number(exact(v)) for v in (*c.arguments, c.value, c.target, c.allowed)) + "},"
        for c in job.checks
    ]


CHECKS = """\
struct Check {{
    double {fields}, value, function, bound;
}};

// points, value of the polynomial, value of the function, proven bound of the difference
inline const std::vector<Check> checks = {{
{points}
}};

// Levels that evaluate uses.
constexpr int levels = {levels};

// 0 and PASS if every value is within bound and noise of the function, else 1 and FAIL; the noise
// is a forecast, proportional to the ring dimension and to 2^-scale_bits.
inline int verdict(const std::vector<double>& values, int scale_bits, double ring) {{
    const double noise = std::ldexp({noise} * ring / {ring}.0, 40 - scale_bits);
    double deviation = 0.0, excess = -INFINITY;
    for (std::size_t i = 0; i < checks.size(); i++) {{
        deviation = std::max(deviation, std::abs(values[i] - checks[i].value));
        excess = std::max(excess, std::abs(values[i] - checks[i].function) - checks[i].bound);
    }}
    const bool passed = excess <= noise;
    std::printf("largest deviation under encryption %.3g\\n", deviation);
    std::printf("%s: beyond the bound by %.3g, noise %.3g\\n", passed ? "PASS" : "FAIL", excess, noise);
    return passed ? 0 : 1;
}}"""


def checks_and_verdict(job: Job) -> str:
    """C++: the points, and what judges the values found there."""
    return CHECKS.format(
        fields=", ".join(arguments_of(job.approximation.plan)),
        points=block(checks(job)),
        levels=job.levels,
        noise=repr(job.noise.at_40),
        ring=RING,
    )
