"""Forecast noise beside measured: plans under encryption, in every framework that is here.

Each row is one run: the largest and the root mean square difference of the decrypted slots from
the same plan in double precision, and what the model forecasts for the same slots.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from common import show, write

import polyapprox as pa
from polyapprox.encrypted import backend
from polyapprox.encrypted.backend import Parameters
from polyapprox.noise import forecast

MAKERS: dict[str, Any] = {
    "circuit, 1 multiplication": (lambda: pa.circuit("relu", multiplications=1), 1.0),
    "circuit, 5": (lambda: pa.circuit("relu", multiplications=5), 1.0),
    "circuit, 8": (lambda: pa.circuit("relu", multiplications=8), 1.0),
    "circuit, 8, on [-50, 50]": (
        lambda: pa.circuit("relu", multiplications=8, interval=(-50, 50)), 50.0,
    ),
    "direct, 2^-9": (lambda: pa.relu(precision=2**-9, structure="direct"), 1.0),
    "composite 7, 7": (lambda: pa.relu(degrees=[7, 7]), 1.0),
    "composite 15, 15, 27": (lambda: pa.relu(degrees=[15, 15, 27]), 1.0),
}  # fmt: skip
# framework, ring dimensions (log2), scales; TenSEAL's parameters must be secure
SETTINGS = (
    ("openfhe", (12, 13, 14), (40, 50)),
    ("lattigo", (12, 13, 14), (40, 50)),
    ("tenseal", (15,), (40, 50)),
)


def run(name: str, framework: str, ring: int, scale: int) -> dict[str, Any]:
    make, width = MAKERS[name]
    r = make()
    levels = r.counts("standalone").levels
    x = np.linspace(-width, width, 1 << (ring - 1))
    parameters = Parameters(1 << ring, scale, levels, secure=framework == "tenseal")
    with backend(framework).session(parameters) as session:
        found = session.run_plan(r.plan, x)
    error = found.values - r.plan.run(x)
    said = forecast(
        r.plan, half_width=width, scale_bits=scale, ring_dimension=1 << ring, scheme=framework
    )
    largest = float(np.max(np.abs(error)))
    return {
        "plan": name, "framework": framework, "ring": ring, "scale": scale, "levels": levels,
        "measured": largest, "measured_rms": float(np.sqrt(np.mean(error**2))),
        "forecast": said.error, "worst": said.worst, "ratio": said.error / largest,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--framework", help="only this one")
    parser.add_argument("--plans", nargs="*", default=list(MAKERS), help="only these plans")
    given = parser.parse_args()
    chosen = given.framework
    rows, versions = [], {}
    for framework, rings, scales in SETTINGS:
        available = backend(framework).find()
        if chosen not in (None, framework) or not available.found:
            continue
        versions[framework] = available.version
        rows += [
            run(name, framework, ring, scale)
            for name in given.plans for ring in rings for scale in scales
        ]  # fmt: skip
    columns = ("plan", "framework", "ring", "scale", "measured", "forecast", "ratio")
    show("Noise: forecast and measured", columns, [[row[c] for c in columns] for row in rows])
    if chosen is None:
        print("written", write("noise", {"frameworks": versions, "rows": rows}))


if __name__ == "__main__":
    main()
