"""Cold starts: import, and the first and second ReLU of a fresh process.

Every figure comes from a process of its own: the import alone; ``polyapprox.relu`` at three
precisions with the cache off; and again twice with a cache in a temporary folder, which shows what
a second process saves. Times are taken inside, so that the start of Python is not counted.
Processor seconds tell what the time would be on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from typing import Any

from common import show, write

GOALS = {"import": 0.4, "2^-9": 0.3, "2^-20": 2.0, "2^-64": 20.0}
IMPORT = """
import json, time
start, busy = time.perf_counter(), time.process_time()
import polyapprox
seconds, busy = time.perf_counter() - start, time.process_time() - busy
import sys
heavy = [name for name in ("torch", "matplotlib", "scipy.optimize", "sympy") if name in sys.modules]
print(json.dumps({"seconds": seconds, "processor seconds": busy, "heavy modules": heavy}))
"""
RELU = """
import json, sys, time
import polyapprox
exponent = int(sys.argv[1])
start, busy = time.perf_counter(), time.process_time()
r = polyapprox.relu(precision=2.0**-exponent, interval=(-1, 1))
seconds, busy = time.perf_counter() - start, time.process_time() - busy
start = time.perf_counter()
polyapprox.relu(precision=2.0**-exponent, interval=(-1, 1))
again = time.perf_counter() - start
print(json.dumps({
    "seconds": seconds, "processor seconds": busy, "again in the same process": again, "bits": r.bits,
    "structure": r.structure, "degrees": list(r.degrees),
    "multiplications": r.multiplications, "depth": r.levels,
}))
"""


def fresh(
    script: str, *arguments: str, cache: str = "off", time_out: float = 300
) -> dict[str, Any]:
    """Run a script in a new process and read the line of JSON that it prints."""
    environment = {**os.environ, "POLYAPPROX_CACHE": cache}
    try:
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            capture_output=True, text=True, check=False, env=environment, timeout=time_out,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"outcome": f"not done in {time_out:g} s"}
    if done.returncode:
        return {"outcome": "failed", "message": done.stderr.strip().split("\n")[-1][:300]}
    return {"outcome": "done", **json.loads(done.stdout.strip().split("\n")[-1])}


def median_of(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The last run with the median of all times."""
    result = dict(runs[-1])
    if all("seconds" in run for run in runs):
        for name in ("seconds", "processor seconds"):
            result[name] = statistics.median(run[name] for run in runs)
    return result


def main() -> None:
    """Run, save, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one run each, without 2^-64")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    repeat = 1 if options.quick else options.repeat
    rows = [{"what": "import", **median_of([fresh(IMPORT) for _ in range(repeat + 1)][1:])}]
    for exponent in (9, 20) if options.quick else (9, 20, 64):
        name = f"2^-{exponent}"
        count = 1 if exponent == 64 else repeat
        row = median_of([fresh(RELU, str(exponent)) for _ in range(count)])
        with tempfile.TemporaryDirectory() as folder:
            fresh(RELU, str(exponent), cache=folder)
            second = fresh(RELU, str(exponent), cache=folder)
        rows.append({"what": name, **row, "from cache": second.get("seconds")})
    for row in rows:
        row["goal"] = GOALS[row["what"]]
        row["met"] = row["outcome"] == "done" and row["seconds"] < row["goal"]
    show(
        "Cold starts: seconds",
        ("what", "seconds", "processor s", "goal", "met", "from cache", "degrees", "bits", "outcome"),
        [(
            row["what"], row.get("seconds"), row.get("processor seconds"), row["goal"], row["met"], row.get("from cache"),
            str(row.get("degrees", "")), row.get("bits"), row.get("message", row["outcome"])[:60],
        ) for row in rows],
    )  # fmt: skip
    if not options.quick:
        write("cold", {"rows": rows})


if __name__ == "__main__":
    main()
