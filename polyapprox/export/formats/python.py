# SPDX-License-Identifier: Apache-2.0
"""Python: a function without dependencies, on floats, arrays, or anything with + and ·."""

from __future__ import annotations

from ..job import Format, Job
from ..pythonic import ARITHMETIC, MAIN, check_constants, docstring, encoded, plan_function

_CHECK = '''def self_check(tolerance=1e-9):
    """Deviation from the stored values, in units of the largest; 0 for PASS, 1 for FAIL."""
    size = max(1.0, *(abs(value) for _, value, *_ in CHECK))
    found = [(evaluate(*point), *rest) for point, *rest in CHECK]
    worst = max(abs(y - value) for y, value, *_ in found) / size
    excess = max(abs(y - target) - allowed for y, _, target, allowed in found)
    passed = worst <= tolerance and excess <= tolerance * size
    print(f"{'PASS' if passed else 'FAIL'}: largest deviation {worst:.3g}")
    return 0 if passed else 1
'''


def _write(job: Job) -> bytes:
    return encoded(
        docstring(job, "", "Only + and * are used: arguments may be floats, arrays or ciphertexts."),
        check_constants(job),
        plan_function(job, ARITHMETIC, "", "The plan, operation by operation."),
        _CHECK,
        MAIN,
    )


FORMAT = Format("python", ".py", ("plan",), "double", "ideal", "Python", _write)
