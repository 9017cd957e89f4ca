"""Makes tables and figures of the page on noise: ``python docs/made/noise_tables.py`` (``--check``)."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from itertools import groupby

from page_tables import BENCHMARKS, DOCS, grid, main, reduce_colours

import polyapprox
from polyapprox import Approximation
from polyapprox.noise import forecast, quantise
from polyapprox.noise.amplification import amplification
from polyapprox.noise.deviation import deviation_bound
from polyapprox.noise.scale import Setting, smallest_scale
from polyapprox.outward import upper, upper_places
from polyapprox.plot import noise as noise_figure, plan_graph

PAGE = DOCS / "noise.md"
RUNS = BENCHMARKS / "noise.json"
SETTING = Setting(1 << 14)
PRECISIONS = (7, 9, 12)
SCALES = (40, 45, 50)
FUNCTIONS = (
    ("gelu", (-8, 8), 5), ("gelu", (-8, 8), 6), ("sigmoid", (-8, 8), 6), ("exp", (-8, 0), 4),
)  # fmt: skip
STRUCTURES = ("circuit", "auto", "composite")


def chosen(precision: int, structure: str) -> Approximation:
    """ReLU on [-1, 1]."""
    return polyapprox.relu(precision=2.0**-precision, structure=structure)


def named(r: Approximation) -> str:
    """Structure and degrees."""
    return f"{r.structure} {', '.join(map(str, r.degrees))}"


def rounded() -> str:
    """The rounded plans, proven again, and the smallest scale."""
    headings = (
        "precision", "plan", "levels (standalone)", "smallest scale", "proven, exact constants",
        *(f"proven, {s} bits" for s in SCALES),
        *(f"change of values, {s} bits (proven)" for s in SCALES),
        *(f"noise, {s} bits (forecast)" for s in SCALES),
    )  # fmt: skip
    rows, seen = [], set()
    for k in PRECISIONS:
        for structure in STRUCTURES:
            r = chosen(k, structure)
            if r.plan.digest in seen:
                continue
            seen.add(r.plan.digest)
            plans = {s: quantise(r, s) for s in SCALES}
            noise = {s: forecast_of(plans[s], s) for s in SCALES}
            smallest = smallest_scale(r, SETTING, precision=2.0**-k)
            rows.append(
                (
                    f"2^-{k}", named(r), r.counts("standalone").levels, f"{smallest.scale_bits} bits",
                    upper_places(r.error_bound, 7),
                    *(upper_places(plans[s].error_bound, 7) for s in SCALES),
                    *(power(deviation_bound(r, plans[s].plan)) for s in SCALES),
                    *(power(noise[s]) for s in SCALES),
                )
            )  # fmt: skip
    return grid(headings, rows, keys=2)


def functions() -> str:
    """Circuits for other functions, rounded and proven again."""
    headings = (
        "function", "multiplications", "proven, exact constants",
        *(f"proven, {s} bits" for s in SCALES), "noise, 50 bits (forecast)", "smallest scale",
    )  # fmt: skip
    rows = []
    for name, interval, multiplications in FUNCTIONS:
        r = polyapprox.circuit(name, multiplications=multiplications, interval=interval)
        plans = {s: quantise(r, s) for s in SCALES}
        low, high = interval
        noise = forecast(
            plans[50].plan, half_width=max(-low, high), scale_bits=50,
            ring_dimension=SETTING.ring_dimension, interval=interval,
        )  # fmt: skip
        smallest = smallest_scale(r, SETTING)
        rows.append(
            (
                f"{name} on [{low}, {high}]".replace("-", "−"), multiplications,
                upper(r.error_bound, 4), *(upper(plans[s].error_bound, 4) for s in SCALES),
                power(noise.worst), f"{smallest.scale_bits} bits for {smallest.tolerance:.2g}",
            )
        )  # fmt: skip
    return grid(headings, rows)


def forecast_of(r: Approximation, scale_bits: int) -> float:
    """Expected largest error from noise, wherever the slots lie (OpenFHE, ring 2^14)."""
    return forecast(
        r.plan, half_width=1, scale_bits=scale_bits, ring_dimension=SETTING.ring_dimension
    ).worst


def power(value: float | None) -> str:
    """A small number as a power of two, rounded up."""
    return "" if value is None else f"2^{math.ceil(10 * math.log2(value)) / 10:.1f}"


def amplifying() -> str:
    """Where circuits and composites amplify."""
    headings = (
        "plan", "multiplications", "noise gain", "largest slope", "of the operation",
        "largest constant", "largest value",
    )  # fmt: skip
    rows = []
    plans = [polyapprox.circuit("relu", multiplications=m) for m in range(2, 16)]
    plans += [chosen(k, "composite") for k in PRECISIONS]
    for r in plans:
        table = amplification(r.plan, -1.0, 1.0)
        steepest = table.steepest
        rows.append(
            (
                named(r), r.multiplications, f"{table.noise_gain:.3g}", f"{steepest.slope:.3g}",
                f"v{steepest.index}, {steepest.kind}", f"{table.largest_constant:.3g}",
                f"{table.largest_value:.3g}",
            )
        )  # fmt: skip
    return grid(headings, rows)


def measured() -> str:
    """Forecast beside measured, from the saved benchmark."""
    content = json.loads(RUNS.read_text(encoding="utf-8"))
    headings = ("framework", "plan", "runs", "forecast / measured: least", "largest")
    rows = []
    for key, group in groupby(content["rows"], key=lambda row: (row["framework"], row["plan"])):
        ratios = [row["ratio"] for row in group]
        rows.append((*key, len(ratios), f"{min(ratios):.2f}", f"{max(ratios):.2f}"))
    return grid(headings, rows)


SLACK = 0.5
"""How far exponents may be apart on another processor: what rounding changes hangs on last bits of constants."""
TABLES: dict[str, Callable[[], str]] = {
    "rounded": rounded,
    "functions": functions,
    "amplifying": amplifying,
    "measured": measured,
}


def figures() -> None:
    """The figures of the page."""
    r = chosen(9, "circuit")
    found = smallest_scale(r, SETTING, precision=2.0**-9)
    noise_figure(
        r, SETTING, DOCS / "figures" / "noise-scale.png", precision=2.0**-9,
        chosen=found.scale_bits,
    )  # fmt: skip
    plan_graph(r.plan, DOCS / "figures" / "plan.png")
    for name in ("noise-scale.png", "plan.png"):
        reduce_colours(DOCS / "figures" / name)


if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:], figures, SLACK))
