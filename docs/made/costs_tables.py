"""Makes the tables of the page *Costs*: ``python docs/made/costs_tables.py`` (``--check``: only compare)."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from page_tables import BENCHMARKS, DOCS, grid, main

import polyapprox
from polyapprox.cost import cost_model, cost_models, latency_model
from polyapprox.cost.latency import shipped_latency_models

PAGE = DOCS / "costs.md"
LEVELS = 8
COMPOSITES = ((7, 7), (13, 13, 27), (15, 15, 27), (7, 15, 15, 15))


def natural() -> str:
    """The largest degree for each number of levels."""
    degrees = [cost_model(name).natural_degrees(LEVELS) for name in cost_models()]
    return grid(("levels", *cost_models()), zip(range(1, LEVELS + 1), *degrees, strict=True))


def composites() -> str:
    """Levels of a whole ReLU by its plan, and by each framework's own evaluator."""
    rows = []
    for degrees in COMPOSITES:
        r = polyapprox.relu(degrees=degrees)
        by = (cost_model(name).component_levels(r) for name in cost_models()[1:])
        rows.append((", ".join(map(str, degrees)), r.levels, *by))
    return grid(("degrees", "by its plan, everywhere", *cost_models()[1:]), rows)


def operations() -> str:
    """Milliseconds of the operations, as shipped."""
    rows = []
    for name in shipped_latency_models():
        model = latency_model(name)
        for level in (1, 4, 8, 12, 16):
            times = (
                1e3 * model.seconds(kind, level)
                for kind in ("multiply", "rescale", "scale", "add", "shift")
            )
            rows.append((name, level, *(f"{t:.3f}" for t in times)))
    return grid(
        ("backend", "levels left", "product of ciphertexts", "rescale", "product with a constant",
         "sum", "constant added"),
        rows,
    )  # fmt: skip


def weight() -> str:
    """What a constant costs in products of ciphertexts."""
    rows = []
    for name in shipped_latency_models():
        model = latency_model(name)
        rows.append(
            (
                f"{name} {model.version}", model.machine, model.date, model.ring_dimension,
                model.context_levels, f"{model.constant_weight:.4f}", f"{100 * model.residual:.0f} %",
            )
        )  # fmt: skip
    return grid(
        ("backend", "machine", "date", "ring", "levels of the context",
         "a constant, in products of ciphertexts", "largest miss of the fit"),
        rows,
    )  # fmt: skip


def forecasts() -> str:
    """Forecast and measured seconds, ours and published."""
    folder = BENCHMARKS
    pairs = [
        (result["backend"], pair)
        for path in sorted(folder.glob("latency_forecast_*.json"))
        for result in [json.loads(path.read_text(encoding="utf-8"))]
        for pair in result["rows"]
    ]
    rows = []
    for name, pair in pairs:
        ours, theirs = pair["ours"], pair["published"]
        rows.append(
            (
                name, f"2^-{ours['k']}", ours["structure"],
                *(ours[c] for c in ("multiplications", "levels", "constant products")),
                f"{ours['forecast']:.3f}", f"{ours['measured']:.3f}",
                *(theirs[c] for c in ("multiplications", "levels")),
                f"{theirs['forecast']:.3f}", f"{theirs['measured']:.3f}",
            )
        )  # fmt: skip
    return grid(
        ("backend", "precision", "ours", "mult.", "levels", "constants", "forecast / s",
         "measured / s",
         "r_α: mult.", "levels", "forecast / s", "measured / s"),
        rows, keys=2, starts=(8,),
    )  # fmt: skip


TABLES: dict[str, Callable[[], str]] = {
    "natural": natural,
    "composites": composites,
    "operations": operations,
    "weight": weight,
    "forecasts": forecasts,
}

if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
