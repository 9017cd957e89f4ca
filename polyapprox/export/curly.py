"""What the C, C++ and Go exports share: the header as comments, arrays, points of the check."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import mpmath

from ..numbers import exact
from .chain import Chain
from .header import header
from .job import Job
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
    """``{x, value, function},`` or ``{x0, x1, value, function},`` for every point."""
    return [
        "{" + ", ".join(number(exact(v)) for v in (*c.arguments, c.value, c.target)) + "},"
        for c in job.checks
    ]
