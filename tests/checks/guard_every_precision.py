"""What the guard costs and brings: ReLU at 2^-4 … 2^-50 on [-1, 1], with and without it.

Multiplications, levels and bits of both; and of both the value at ±1 and at 1 ± 2^-21 in doubles
and, from the operations of the plan in mpmath, to 300 digits. Results are saved as each precision
ends, and a second run goes on where the first stopped.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

import polyapprox as pa

RESULTS = Path(__file__).resolve().parent / "results" / "guard.jsonl"
POINTS = (1.0, -1.0, 1 + 2.0**-21, 1 - 2.0**-21)
DIGITS = 300


def side(k: int, **options: Any) -> dict[str, Any]:
    """One ReLU: what it costs, and its errors at the points."""
    r = pa.relu(precision=2.0**-k, **options)
    with warnings.catch_warnings(record=True) as said, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        floats = [float(abs(r(np.array([x]))[0] - max(x, 0.0))) for x in POINTS]
    with mpmath.workdps(DIGITS):
        exactly = [abs(r.plan.run(mpmath.mpf(x)) - max(x, 0.0)) for x in POINTS]
        within = all(bool(e <= mpmath.mpf(r.error_bound)) for e in exactly)
    return {
        "structure": r.structure,
        "degrees": list(r.degrees),
        "multiplications": r.multiplications,
        "levels": r.levels,
        "bits": r.bits,
        "bound": r.error_bound,
        "in doubles": [repr(e) for e in floats],
        "warned": any(issubclass(w.category, pa.PrecisionWarning) for w in said),
        "exactly": [mpmath.nstr(e, 4) for e in exactly],
        "within": within,
    }


def main(arguments: list[str]) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--least", type=int, default=4)
    parser.add_argument("--most", type=int, default=50)
    options = parser.parse_args(arguments)
    known = RESULTS.read_text(encoding="utf-8").splitlines() if RESULTS.exists() else []
    done = {json.loads(line)["k"] for line in known}
    wrong = 0
    for k in range(options.least, options.most + 1):
        if k in done:
            continue
        row = {"k": k, "guard": side(k), "none": side(k, guard=0)}
        with RESULTS.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
        wrong += not row["guard"]["within"]
        sys.stdout.write(f"2^-{k}: within the bound with the guard: {row['guard']['within']}\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
