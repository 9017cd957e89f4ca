"""Python: a function without dependencies, on floats, arrays, or anything with + and ·."""

from __future__ import annotations

from ..job import Format, Job
from ..pythonic import ARITHMETIC, check_constants, docstring, encoded, plan_function

_CHECK = '''def self_check(tolerance=1e-9):
    """Largest deviation from the stored values, in units of the largest of them."""
    size = max(1.0, *(abs(value) for _, value, _ in CHECK))
    worst = max(abs(evaluate(*point) - value) for point, value, _ in CHECK) / size
    if not worst <= tolerance:
        raise ValueError(f"deviation {worst:.3g} is above {tolerance:.3g}")
    return worst
'''

_MAIN = """if __name__ == "__main__":
    print(f"self-check passed: largest deviation {self_check():.3g}")
"""


def _write(job: Job) -> bytes:
    return encoded(
        docstring(job, "", "Only + and * are used: arguments may be floats, arrays or ciphertexts."),
        check_constants(job),
        plan_function(job, ARITHMETIC, "", "The plan, operation by operation."),
        _CHECK,
        _MAIN,
    )


FORMAT = Format("python", ".py", ("plan",), "double", "ideal", "Python", _write)
