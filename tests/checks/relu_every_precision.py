"""ReLU at 2^-4 … 2^-30 against the function itself, with mpmath at 100 digits on 10^5 points.

Reads only the operations and constants of each plan; the arithmetic is that of
``tests/support/independent.py``, which shares no code with the package. Results are saved as each
precision ends, and a second run goes on where the first stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

import mpmath

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

import independent  # noqa: E402

import polyapprox as pa  # noqa: E402


def check(k: int, count: int) -> dict[str, object]:
    """The largest error seen and the proven bound, on [-1, 1]."""
    r = pa.relu(precision=2.0**-k, interval=(-1, 1))
    around = (0, float(r.threshold or 0.5), -float(r.threshold or 0.5))
    points = independent.points(-1, 1, count, around=around, seed=k)
    bound = mpmath.mpf(r.error_bound)
    largest, where, violations = mpmath.mpf(0), mpmath.mpf(0), 0
    with mpmath.workdps(independent.DIGITS):
        for point in points:
            x = independent.from_fixed(point)
            error = abs(independent.run_plan_mpmath(r.plan, x) - (x if x > 0 else 0))
            violations += error > bound
            if error > largest:
                largest, where = error, x
    return {
        "k": k,
        "structure": r.structure,
        "degrees": list(r.degrees),
        "points": len(points),
        "proven_bound": r.error_bound,
        "largest_seen": float(largest),
        "where": float(where),
        "bound_over_seen": float(bound / largest),
        "violations": int(violations),
        "within_precision": r.error_bound <= 2.0**-k,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=4)
    parser.add_argument("--last", type=int, default=30)
    parser.add_argument("--output", default=str(ROOT / "checks" / "results" / "relu.jsonl"))
    options = parser.parse_args()
    output = Path(options.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    lines = output.read_text(encoding="utf-8").splitlines() if output.exists() else []
    done = {json.loads(line)["k"] for line in lines}
    bad = False
    for k in range(options.first, options.last + 1):
        if k in done:
            continue
        start = time.perf_counter()
        row = check(k, options.points)
        row["seconds"] = round(time.perf_counter() - start, 1)
        lines.append(json.dumps(row))
        partial = output.with_suffix(".part")
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
        os.replace(partial, output)
        bad |= bool(row["violations"]) or not row["within_precision"]
        sys.stdout.write(
            f"2^-{k}: {row['degrees']} bound {row['proven_bound']:.4e}, largest seen "
            f"{row['largest_seen']:.4e} of {row['points']}, {row['violations']} violations, "
            f"{row['seconds']} s\n"
        )
        sys.stdout.flush()
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
