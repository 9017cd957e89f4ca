"""Composite sign polynomials against Lattigo's generator, GenMinimaxCompositePolynomial.

Ours: ``composite_sign(degrees, ratio, bits)``, median of five calls after a warm-up. Lattigo: the
wheel ``orion-v2-lattigo`` (``pip install orion-v2-lattigo``), each call in a process of its own,
for it ends the process where it fails; the time is taken inside around the call, median of three
where it is short. Where the wheel is missing, times measured once before are shown and marked
"recorded, not run".

The error of both is sampled alike, with the independent arithmetic of the tests, on
[2^-logalpha, 1]; even coefficients, which Lattigo's own tables set to zero, are dropped first
("even part dropped"), and its error with them is given too.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import statistics
import subprocess
import sys
from typing import Any

os.environ["POLYAPPROX_CACHE"] = "off"

import itertools

from common import independent, show, timed, write

from polyapprox.composite.build import composite_sign
from polyapprox.numbers import ball
from polyapprox.precision import working_precision
from polyapprox.proof.stages import prove_stages

TASKS = (
    ((15, 15, 27), 6),
    ((15, 15, 27), 8),
    ((15, 15, 27), 12),
    ((7, 7), 6),
    ((7, 7), 12),
    ((7, 15, 15, 15), 9),
    ((7, 15, 15, 15), 10),
    ((7, 15, 15, 15), 12),
)
RECORDED = {
    ((15, 15, 27), 6): 4.56,
    ((15, 15, 27), 8): 5.46,
    ((15, 15, 27), 12): 7.30,
    ((7, 7), 6): 0.95,
    ((7, 7), 12): 1.15,
    ((7, 15, 15, 15), 9): 7.24,
    ((7, 15, 15, 15), 10): 6.68,
    ((7, 15, 15, 15), 12): 5.45,
}
LATTIGO_BITS, LATTIGO_MARGIN = 128, 12
CALL = """
import json, sys, time
from lattigo import ffi
degrees, bits, alpha, margin = json.loads(sys.argv[1])
start = time.perf_counter()
flat, starts = ffi.gen_minimax_composite_polynomial(degrees, bits, alpha, margin)
seconds = time.perf_counter() - start
print("RESULT" + json.dumps({"seconds": seconds, "flat": flat, "starts": list(starts)}))
"""


def lattigo(degrees: tuple[int, ...], alpha: int, repeat: int) -> dict[str, Any]:
    """Coefficients (float64 is all it returns) and time of Lattigo's generator."""
    arguments = json.dumps([list(degrees), LATTIGO_BITS, alpha, LATTIGO_MARGIN])
    times, answer = [], {}
    for _ in range(repeat):
        done = subprocess.run(
            [sys.executable, "-c", CALL, arguments],
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        line = [text for text in done.stdout.split("\n") if "RESULT{" in text]
        if not line:
            message = (done.stderr or done.stdout).strip().split("\n")
            return {"outcome": "failed", "message": message[0][:200]}
        answer = json.loads(line[-1].partition("RESULT")[2])
        times.append(answer["seconds"])
    starts = [*answer["starts"], len(answer["flat"])]
    if starts[0] != 0:
        starts = [0, *starts]
    ends = itertools.pairwise(starts)
    stages = [answer["flat"][a:b] for a, b in ends if a < b]
    return {"outcome": "done", "seconds": statistics.median(times), "stages": stages}


def sampled_error(stages: list[list[Any]], alpha: int) -> float:
    """log2 of the largest sampled |s − 1| on [2^-alpha, 1]; the last stage's gain is kept."""
    x = independent.points(2.0**-alpha, 1, 6000, around=(), seed=4)
    for stage in stages:
        x = independent.clenshaw(stage, (-1, 1), x)
    one = 1 << independent.FRACTION_BITS
    return independent.log2_fixed(max(abs(int(v) - one) for v in x))


def proven_error(components: tuple[Any, ...], alpha: int) -> float:
    """log2 of a proven bound of |s − 1| on [2^-alpha, 1]."""
    with working_precision(600):
        proof = prove_stages(components, ball(2.0**-alpha), ball(1.0))
        low, high = proof.image
        return float((1 - low).max(high - 1).log().mid()) / math.log(2)


def compare(degrees: tuple[int, ...], alpha: int, repeat: int, run: bool) -> dict[str, Any]:
    """One row."""
    stages, _, seconds = timed(lambda: composite_sign(degrees, 2.0**-alpha, 128), 5)
    components = tuple(stage.polynomial for stage in stages)
    row: dict[str, Any] = {
        "degrees": list(degrees), "logalpha": alpha, "seconds": seconds,
        "log2 error": sampled_error([list(c.coefficients) for c in components], alpha),
        "log2 proven error": proven_error(components, alpha),
    }  # fmt: skip
    if not run:
        row["lattigo"] = {"outcome": "recorded, not run", "seconds": RECORDED[degrees, alpha]}
    else:
        answer = lattigo(degrees, alpha, repeat)
        if answer["outcome"] == "done":
            odd = [[c if k % 2 else 0.0 for k, c in enumerate(s)] for s in answer["stages"]]
            answer["log2 error"] = sampled_error(answer.pop("stages"), alpha)
            answer["log2 error, even part dropped"] = sampled_error(odd, alpha)
        row["lattigo"] = answer
    if "seconds" in row["lattigo"]:
        row["ratio"] = row["lattigo"]["seconds"] / seconds
    return row


def main() -> None:
    """Run, save, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three tasks, one call each")
    options = parser.parse_args()
    run = importlib.util.find_spec("lattigo") is not None
    composite_sign((5, 5), 2.0**-5, 128)
    tasks = [TASKS[1], TASKS[3], TASKS[6]] if options.quick else TASKS
    rows = [compare(*task, 1 if options.quick else 3, run) for task in tasks]
    show(
        "Composite sign: seconds and log2 of the error on [2^-logalpha, 1]",
        ("degrees", "logalpha", "ours", "Lattigo", "ratio", "our error", "proven", "Lattigo error",
         "even part dropped", "Lattigo"),
        [(
            "-".join(map(str, row["degrees"])), row["logalpha"], row["seconds"],
            row["lattigo"].get("seconds"), row.get("ratio"), row["log2 error"],
            row["log2 proven error"], row["lattigo"].get("log2 error"),
            row["lattigo"].get("log2 error, even part dropped"), row["lattigo"]["outcome"],
        ) for row in rows],
    )  # fmt: skip
    ratios = [row["ratio"] for row in rows if "ratio" in row]
    mean = math.exp(statistics.fmean(map(math.log, ratios)))
    print(f"geometric mean of the ratios: {mean:.1f}; smallest {min(ratios):.1f}")
    if not options.quick:
        write("composite_vs_lattigo", {
            "lattigo": "run" if run else "recorded, not run",
            "lattigo settings": {"bits": LATTIGO_BITS, "margin": LATTIGO_MARGIN},
            "geometric mean": mean, "smallest ratio": min(ratios), "rows": rows,
        })  # fmt: skip


if __name__ == "__main__":
    main()
