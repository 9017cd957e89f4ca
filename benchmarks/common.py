"""What the benchmarks share: timing, the description of the machine, atomic results, true errors.

Errors are measured with the independent arithmetic of ``tests/support/independent.py``, never with the
package that is measured.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "support")]

import independent  # noqa: E402


def machine() -> dict[str, Any]:
    """Processor, cores, memory-independent facts that a time depends on."""
    model = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "system": platform.system(),
        "load": round(os.getloadavg()[0], 2),
    }


def commit() -> str:
    """Commit of the working tree, with a mark when it has changes."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def write(name: str, data: dict[str, Any]) -> Path:
    """Write benchmarks/results/<name>.json atomically, with machine, versions and commit."""
    from polyapprox.provenance import versions

    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    record = {
        "benchmark": name,
        "machine": machine(),
        "versions": dict(versions()),
        "commit": commit(),
        **data,
    }
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)
    return path


def read(name: str) -> dict[str, Any]:
    """A saved result, or an empty dictionary."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def timed(call: Callable[[], Any], repeat: int = 5) -> tuple[Any, float, float]:
    """Result, first time and median time of a call, in seconds."""
    times = []
    result = None
    for _ in range(repeat):
        start = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - start)
    return result, times[0], statistics.median(times)


def horner(coefficients: Sequence[Any], x: Any) -> Any:
    """A polynomial given by exact monomial coefficients, low to high, in fixed point."""
    total = x * 0
    for coefficient in reversed(coefficients):
        total = independent.multiply_fixed(total, x) + independent.to_fixed(coefficient)
    return total


def true_values(function: str, x: np.ndarray) -> np.ndarray:
    """A named function at fixed-point points, in fixed point, by mpmath at 100 digits."""
    if function in independent.TRUE_FIXED:
        return independent.TRUE_FIXED[function](x)
    values = np.empty(len(x), dtype=object)
    for place, number in enumerate(x):
        value = independent.true_value(function, independent.from_fixed(number))
        values[place] = independent.to_fixed(value)
    return values


def largest_error(
    evaluate: Callable[[np.ndarray], np.ndarray],
    function: str,
    domain: Sequence[tuple[Any, Any]],
    degree: int,
    relative: bool = False,
) -> float:
    """Largest |p − f| (or |p/f − 1|), sampled, with the largest local maxima refined.

    Relative accuracy of the answer about 1e-12 for errors that vary on the scale of the degree.
    """

    def error(x: np.ndarray) -> np.ndarray:
        truth = true_values(function, x)
        gap = evaluate(x) - truth
        if relative:
            gap = np.array([(g << independent.FRACTION_BITS) // t
                            for g, t in zip(gap, truth, strict=True)], dtype=object)
        return abs(gap)

    largest = 0
    for low, high in domain:
        x = _search_points(low, high, degree)
        values = error(x)
        peaks = [
            place for place in range(len(x))
            if values[place] >= max(values[max(place - 1, 0)],
                                    values[min(place + 1, len(x) - 1)])
        ]
        peaks.sort(key=lambda place: values[place], reverse=True)
        for place in peaks[:6]:
            left, right = int(x[max(place - 1, 0)]), int(x[min(place + 1, len(x) - 1)])
            for _ in range(5):
                step = (right - left) // 20
                if not step:
                    break
                fine = np.array([left + step * index for index in range(21)], dtype=object)
                found = error(fine)
                best = int(np.argmax(found))
                largest = max(largest, int(found[best]))
                left, right = int(fine[max(best - 1, 0)]), int(fine[min(best + 1, 20)])
        largest = max(largest, int(max(values)))
    with mpmath.workdps(30):
        return float(independent.from_fixed(largest))


def _search_points(low: Any, high: Any, degree: int) -> np.ndarray:
    """Chebyshev-like points of an interval, and points that crowd at its ends and at 0."""
    dense = independent.points(low, high, 1500, around=(0,))
    first, last = independent.to_fixed(low), independent.to_fixed(high)
    count = 16 * (degree + 2)
    angles = (1 - np.cos(np.pi * np.arange(count + 1) / count)) / 2
    spread = [first + ((last - first) * int(a * 2.0**60) >> 60) for a in angles]
    merged = sorted({first, last, *(int(v) for v in dense), *spread})
    return np.array(merged, dtype=object)


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right")
    for row in rows:
        table.add_row(*(_text(cell) for cell in row))
    Console(width=170).print(table)


def _text(cell: Any) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return f"{cell:.4g}"
    return "-" if cell is None else str(cell)
