# SPDX-License-Identifier: Apache-2.0
"""What the Python exports share: header, constants, functions, self-check."""

from __future__ import annotations

from .chain import Chain, chain_of
from .header import header
from .job import Job
from .noise import RING
from .straight import Syntax, arguments_of, result, statements
from .text import double

ARITHMETIC = Syntax(
    assign="{name} = {value}",
    multiply="{a} * {b}",
    add="{a} + {b}",
    subtract="{a} - {b}",
    scale="{a} * {c}",
    shift="{a} + {c}",
    number=double,
)


def docstring(job: Job, *notes: str) -> str:
    """The header as the module's docstring."""
    lines = [line.replace("\\", "/").replace('"""', "'''") for line in (*header(job), *notes)]
    return '"""' + "\n".join(lines) + '\n"""\n'


def plan_function(job: Job, syntax: Syntax, before: str, about: str) -> str:
    """``def evaluate({before}x)``: the plan as straight-line code."""
    plan = job.approximation.plan
    arguments = arguments_of(plan)
    body = statements(plan, syntax, arguments)
    lines = [
        f"def evaluate({before}{', '.join(arguments)}):",
        f'    """{about}"""',
        *(f"    {line}" for line in body),
        f"    return {result(plan, arguments)}",
    ]
    return "\n".join(lines) + "\n"


def series_constants(job: Job, chain: Chain, doubled_first: bool = False) -> str:
    """``STAGES``: interval and coefficients of each stage; ``OFFSET`` where there is a gate."""
    lines = ["STAGES = ["]
    for stage in chain.stages:
        low, high = stage.domain
        numbers = [double(c) for c in stage.coefficients]
        if doubled_first:
            numbers[0] = double(stage.coefficients[0] * 2)
        lines += [f"    (({double(low)}, {double(high)}), ["]
        lines += [f"        {number}," for number in numbers]
        lines += ["    ]),"]
    lines += ["]"]
    if chain.final == "gate":
        lines += [f"OFFSET = {double(chain.offset)}"]
    return "\n".join(lines) + "\n"


def check_constants(job: Job) -> str:
    """``CHECK``: points, values of the polynomial and of the function, proven bounds."""
    lines = [
        "# points, value of the polynomial, value of the function, proven bound of the difference",
        "CHECK = [",
    ]
    for check in job.checks:
        point = ", ".join(repr(x) for x in check.arguments)
        lines.append(f"    (({point},), {check.value!r}, {check.target!r}, {check.allowed!r}),")
    return "\n".join([*lines, "]"]) + "\n"


def noise_constants(job: Job) -> str:
    """``LEVELS`` that the file uses, ``NOISE`` that is forecast at a scale of 2^40."""
    about = f"at a scale of 2^40 in a ring of {RING}; a forecast"
    return f"LEVELS = {job.levels}\nNOISE = {job.noise.at_40!r}  # {about}\n"


VERDICT = f'''def verdict(values, levels, scale_bits, ring):
    """Say what was found; 0 for PASS, 1 for FAIL."""
    noise = NOISE * ring / {RING} * 2.0 ** (40 - scale_bits)
''' + '''\
    rows = list(zip(values, CHECK))
    deviation = max(abs(y - value) for y, (_, value, _, _) in rows)
    excess = max(abs(y - target) - allowed for y, (_, _, target, allowed) in rows)
    print(f"levels used {levels} of {LEVELS}; largest deviation under encryption {deviation:.3g}")
    if excess <= noise and levels == LEVELS:
        print(f"PASS: within bound and noise ({noise:.3g})")
        return 0
    print(f"FAIL: beyond the bound by {excess:.3g}, noise forecast {noise:.3g}")
    return 1
'''

MAIN = """if __name__ == "__main__":
    raise SystemExit(self_check())
"""


def stages_of(job: Job) -> Chain:
    """The chain of the components."""
    return chain_of(job.approximation)


def encoded(*parts: str) -> bytes:
    """Parts of a file, two empty lines between them."""
    return ("\n\n".join(part.rstrip("\n") + "\n" for part in parts)).encode()
