"""The latency model against a framework: for each precision the fastest ReLU and the published one.

In one session the operations are timed (the model), then every plan runs on full ciphertexts at
the top of the same context, so that forecast and measurement mean the same: seconds of the processor
where the backend times those. The model shipped with the package is another run of the same calibration,
or this one (``--ship``).
"""

from __future__ import annotations

import argparse
import datetime
import os
from typing import Any

import numpy as np
from common import ROOT, show, write

import polyapprox
from polyapprox.approximation import Approximation
from polyapprox.cost import LatencyModel
from polyapprox.encrypted import Parameters, backend
from polyapprox.encrypted.calibrate import machine, measured_levels
from polyapprox.published.rivals import published_relu

SHIPPED = ROOT / "polyapprox" / "cost" / "data"


def row(session: Any, model: LatencyModel, k: int, r: Approximation, repeats: int) -> dict:
    """Forecast and measurement of one approximation."""
    levels = session.parameters.levels
    x = np.linspace(-1, 1, session.parameters.slots)
    found = session.run_plan(r.plan, x, repeats=repeats)
    error = float(np.max(np.abs(found.values - np.maximum(x, 0))))
    counts = r.counts("published")
    return {
        "k": k, "structure": r.structure, "degrees": list(r.degrees),
        "multiplications": counts.multiplications, "levels": counts.levels,
        "constant products": counts.constant_products, "levels used": found.levels,
        "forecast": model.forecast(r.plan, levels, rule="published"),
        "measured": min(found.processor), "largest error seen": error,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", default="openfhe")
    parser.add_argument("--ring", type=int, default=8192)
    parser.add_argument("--levels", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--ship", action="store_true", help="ship the model with the package")
    chosen = parser.parse_args()
    framework = backend(chosen.backend)
    rows = []
    with framework.session(Parameters(chosen.ring, 50, chosen.levels)) as session:
        seconds = session.time_operations(measured_levels(chosen.levels), 3 * chosen.repeats)
        model = LatencyModel.of_measurements(
            seconds,
            backend=chosen.backend,
            version=framework.find().version,
            machine=machine(),
            date=datetime.datetime.now(datetime.UTC).date().isoformat(),
            ring_dimension=chosen.ring,
            scale_bits=50,
            context_levels=chosen.levels,
            threads=int(os.environ.get("OMP_NUM_THREADS", "1")),
        )
        if chosen.ship:
            model.save(SHIPPED / f"{chosen.backend}.json")
        for k in range(6, 15):
            ours = polyapprox.relu(precision=2.0**-k, objective="latency", backend=model)
            both = [
                row(session, model, k, one, chosen.repeats) for one in (ours, published_relu(k))
            ]
            rows.append({"ours": both[0], "published": both[1]})
    columns = ("structure", "multiplications", "levels", "constant products", "forecast", "measured")
    show(
        f"ReLU at 2^-k on {chosen.backend}: ours and r_k, seconds",
        ("k", *columns),
        [(r["k"], *(r[c] for c in columns)) for pair in rows for r in pair.values()],
    )
    write(
        f"latency_forecast_{chosen.backend}",
        {
            "backend": chosen.backend,
            "ring": chosen.ring, "scale bits": 50, "context levels": chosen.levels,
            "repeats": chosen.repeats, "constant weight": model.constant_weight,
            "residual of the fit": model.residual, "rows": rows,
        },
    )  # fmt: skip


if __name__ == "__main__":
    main()
