"""Makes the tables of the documentation: ``python docs/made/tables.py`` (``--check``: only compare).

What stands there is what the functions below computed, never typed by hand.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from page_tables import BENCHMARKS, DOCS, EXPERIMENTS, ROOT, grid, main, saved_lines
from paper_tables import in_short as trainings_in_short

import polyapprox
from polyapprox.comparison import compare_with_published
from polyapprox.outward import lower_places, upper, upper_places
from polyapprox.plan.chebyshev import chebyshev_cost

PAGES = (
    ROOT / "README.md",
    *(DOCS / f"{name}.md" for name in ("benchmarks", "counting", "networks", "published", "questions")),
)

PRECISIONS = (4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 18, 20)
FACTORS = (1.1, 2.0, 10.0)
MARGINS = (1.0, 1.1, 1.25, 1.5)


def listed(degrees: Sequence[int]) -> str:
    """Degrees, innermost first."""
    return ", ".join(map(str, degrees))


def proven(bits: float) -> str:
    """Proven bits, rounded down."""
    return lower_places(bits, 2)


def above(error: float) -> str:
    """A proven error, rounded up to three digits."""
    return upper(error, 3)


def named(structure: str, degrees: Sequence[int]) -> str:
    """Structure and degrees in a word."""
    return structure if structure == "circuit" else f"{structure} {listed(degrees)}"


def published() -> str:
    """The published composites r_alpha, by their plan and by ours."""
    headings = (
        "α", "degrees", "levels", "mult.", "our plan: levels", "mult.", "bits (sampled)",
    )  # fmt: skip
    rows = (
        (
            row.alpha, listed(row.published_degrees), row.published_levels,
            row.published_multiplications, row.planned_levels, row.planned_multiplications,
            f"{row.published_bits:.2f}",
        )
        for row in compare_with_published()
    )  # fmt: skip
    return grid(headings, rows)


def published_ours() -> str:
    """What relu returns at the same precisions, and the best composite."""
    headings = (
        "α", "ours", "levels", "mult.", "bits (proven)",
        "composite of ours: degrees", "levels", "mult.", "bits (proven)",
    )  # fmt: skip
    rows = []
    for row in compare_with_published():
        composite = polyapprox.relu(precision=2.0**-row.alpha, structure="composite")
        rows.append(
            (
                row.alpha, named(row.structure, row.degrees), row.levels, row.multiplications,
                proven(row.bits),
                listed(composite.degrees), composite.levels, composite.multiplications,
                proven(composite.bits),
            )
        )  # fmt: skip
    return grid(headings, rows, starts=(5,))


def published_short() -> str:
    """The same in five columns."""
    headings = ("α", "r_α: mult.", "levels", "ours: mult.", "levels", "bits (proven)")
    rows = (
        (
            row.alpha, row.published_multiplications, row.published_levels,
            row.multiplications, row.levels, proven(row.bits),
        )
        for row in compare_with_published()
    )  # fmt: skip
    return grid(headings, rows)


def precisions() -> str:
    """What `relu` chooses for each precision."""
    headings = (
        "precision", "structure", "degrees", "mult.", "levels (published)", "levels (standalone)",
        "bits (proven)", "absolute error on [−50, 50] (proven)",
    )  # fmt: skip
    rows = []
    for bits in PRECISIONS:
        r = polyapprox.relu(precision=2.0**-bits, interval=(-50, 50))
        rows.append(
            (
                f"2^-{bits}", r.structure, listed(r.degrees), r.multiplications,
                r.counts("published").levels, r.counts("standalone").levels, proven(r.bits),
                above(r.error_bound),
            )
        )  # fmt: skip
    return grid(headings, rows)


def radius() -> str:
    """How far outside the interval r stays moderate."""
    headings = ("precision", "structure", "degrees", *(f"factor {f:g}" for f in FACTORS))
    rows = []
    for structure in ("composite", "circuit"):
        for bits in (7, 9, 13):
            r = polyapprox.relu(precision=2.0**-bits, structure=structure)
            radii = (lower_places(r.safe_radius(f), 4) for f in FACTORS)
            rows.append(
                (f"2^-{bits}", r.structure, listed(r.degrees), *radii)
            )
    return grid(headings, rows)


def circuits() -> str:
    """The shipped circuits, and what no circuit can do."""
    headings = (
        "precision", "least mult. and levels of all (proven)", "circuit: mult.",
        "levels (published)", "levels (standalone)", "bits (proven)", "constant products",
        "of a composite",
    )  # fmt: skip
    rows = []
    for bits in PRECISIONS:
        limits = polyapprox.limits("relu", precision=2.0**-bits)
        if limits.known is None:
            continue
        r = polyapprox.relu(precision=2.0**-bits, interval=(-50, 50), structure="circuit")
        published, standalone = r.counts("published"), r.counts("standalone")
        composite = polyapprox.relu(
            precision=2.0**-bits, interval=(-50, 50), structure="composite"
        ).counts("published")
        rows.append(
            (
                f"2^-{bits}", limits.multiplications, r.multiplications, published.levels,
                standalone.levels, proven(r.bits), published.constant_products,
                composite.constant_products,
            )
        )  # fmt: skip
    return grid(headings, rows)


def costs() -> str:
    """Cost of one series by degree and parity."""
    degrees = (3, 5, 7, 9, 11, 13, 15, 21, 27, 31)
    odd = [chebyshev_cost(n, "odd") for n in degrees]
    general = [chebyshev_cost(n) for n in degrees]
    even = [chebyshev_cost(n + 1, "even") for n in degrees]
    rows = [
        (n, *a, *b, n + 1, *c) for n, a, b, c in zip(degrees, odd, general, even, strict=True)
    ]
    headings = (
        "degree", "odd: mult.", "levels", "general: mult.", "levels",
        "degree", "even: mult.", "levels",
    )  # fmt: skip
    return grid(headings, rows)


def margins() -> str:
    """What a margin on the measured ranges does for the network of digits."""
    import nn_bridge
    from nn_bridge.models.networks import find_network

    digits = find_network("digits")
    network = digits.load()
    test = digits.batches(digits.data("test"))
    ranges = nn_bridge.calibrate(network, digits.batches(digits.data("train")))
    rows = []
    for bits in (7, 9, 13):
        cells: list[str] = []
        for margin in MARGINS:
            converted = nn_bridge.convert(
                network, precision=2.0**-bits, calibrate=ranges, margin=margin
            )
            found = nn_bridge.evaluate(converted, test)
            cells.append(f"{found.correct} ({found.outside})")
        rows.append((f"2^-{bits}", *cells))
    return grid(("precision", *(f"margin {margin:g}" for margin in MARGINS)), rows)


def measured() -> dict[tuple[Any, ...], dict[str, Any]]:
    """Saved results of ResNet-20 by approximation, power, interval, margin and cap."""
    text = (EXPERIMENTS / "resnet20-cifar10.jsonl").read_text(encoding="utf-8")
    keys = ("approximation", "power", "interval", "margin", "cap")
    return {tuple(run.get(k) for k in keys): run for run in map(json.loads, text.splitlines())}


def accuracy() -> str:
    """ResNet-20 on CIFAR-10 from the saved results of `nn-bridge accuracy`."""
    runs = measured()
    intervals = {"B = 50": ("50", None), "global": ("global", 1.1), "per-layer": ("per-layer", 1.25)}
    headings = ["precision", "r_α: levels, mult.", "ours: levels, mult."]
    headings += [f"{name}: r_α → ours" for name in intervals]
    rows = []
    for power in range(4, 15):
        cells = [f"2^-{power}"]
        for name in ("published", "ours"):
            run = runs[name, power, "per-layer", 1.25, None]
            cells.append(f"{run['depth']}, {run['multiplications']}")
        for interval, margin in intervals.values():
            both = (runs[name, power, interval, margin, None] for name in ("published", "ours"))
            cells.append(" → ".join(f"{100 * run['accuracy']:.2f}" for run in both))
        rows.append(cells)
    return grid(headings, rows)


def ways() -> str:
    """The same network: every way to choose intervals and approximations at one cost."""
    runs = measured()
    columns = {
        "global": ("ours", "global", 1.1, None),
        "per layer": ("ours", "per-layer", 1.25, None),
        "per channel": ("ours", "per-channel", 1.25, None),
        "per layer, corrected": ("ours-corrected", "per-layer", 1.25, None),
        "global, weighted": ("weighted", "global", 1.1, 32.0),
        "per layer, weighted": ("weighted", "per-layer", 1.25, 8.0),
        "per channel, weighted": ("weighted", "per-channel", 1.25, 8.0),
        "per layer, weighted, corrected": ("weighted-corrected", "per-layer", 1.25, 8.0),
    }
    rows = []
    for power in range(4, 15):
        run = runs["ours", power, "per-layer", 1.25, None]
        cells = [f"2^-{power}", run["depth"], run["multiplications"]]
        for name, interval, margin, cap in columns.values():
            found = runs.get((name, power, interval, margin, cap))
            cells.append("" if found is None else f"{100 * found['accuracy']:.2f}")
        rows.append(cells)
    return grid(("cost of", "levels", "mult.", *columns), rows, starts=(7,))


def like_for_like(powers: dict[str, dict[str, tuple[int, ...]]]) -> str:
    """r_α and ours under the same corrections; `powers` by interval and approximation."""
    runs = measured()
    rows = []
    for interval, chosen in powers.items():
        words = "[−50, 50]" if interval == "50" else "each layer's own"
        for name, which in chosen.items():
            for k in which:
                rows.append((words, *_corrections(runs, name, k, interval)))
    headings = ("interval", "approximation", "mult.", "levels", "as it is", "normalisation corrected",
                "means corrected")  # fmt: skip
    return grid(headings, rows)


def _corrections(
    runs: dict[tuple[Any, ...], dict[str, Any]], name: str, power: int, interval: str
) -> tuple[str, ...]:
    """Name, cost, and the accuracies without and with corrections; empty where not measured."""
    caps = {"50": 32.0, "per-layer": 8.0}
    cap = caps[interval] if name == "weighted" else None
    margin = 1.25 if interval == "per-layer" or name == "weighted" else None
    found = []
    for correction in ("", "-corrected", "-means"):
        margins = (margin, 1.25, None)
        run = next(
            (runs[key] for m in margins
             if (key := (name + correction, power, interval, m, cap)) in runs), None
        )  # fmt: skip
        found.append("" if run is None else f"{100 * run['accuracy']:.2f}")
    cost = runs["published" if name == "published" else "ours", power, "per-layer", 1.25, None]
    words = {"published": f"r_{power}", "ours": f"ours, 2^-{power}",
             "weighted": f"ours, 2^-{power}, fitted to inputs"}  # fmt: skip
    return words[name], str(cost["multiplications"]), str(cost["depth"]), *found


def networks_in_short() -> str:
    """What README says of ResNet-20."""
    return like_for_like({
        "per-layer": {"ours": (5,), "weighted": (5,), "published": (5, 6)},
        "50": {"ours": (7,), "weighted": (7,), "published": (7, 8)},
    })  # fmt: skip


def corrections() -> str:
    """Every precision under the same corrections."""
    every = dict.fromkeys(("published", "ours", "weighted"), tuple(range(4, 10)))
    return like_for_like({"per-layer": every, "50": every})


def others() -> str:
    """Other networks, each layer on its own interval: r_α and ours, each → corrected."""
    lines = (EXPERIMENTS / "other-networks.jsonl").read_text(encoding="utf-8")
    found: dict[str, dict[tuple[str, int | None], str]] = {}
    for run in map(json.loads, lines.splitlines()):
        key = run["approximation"], run.get("power")
        found.setdefault(run["network"], {})[key] = f"{100 * run['accuracy']:.2f}"
    powers = range(5, 10)
    rows = [
        (network, words, runs["backbone", None],
         *(" → ".join(runs.get((kind + suffix, power), "–") for suffix in ("", "-corrected"))
           for power in powers))
        for network, runs in found.items()
        for kind, words in (("published", "r_α"), ("ours", "ours"))
    ]  # fmt: skip
    return grid(("network", "", "ReLU", *(f"2^-{power}" for power in powers)), rows)


def results(name: str) -> list[dict[str, Any]]:
    """Rows that a benchmark saved."""
    path = BENCHMARKS / f"{name}.json"
    return list(json.loads(path.read_text(encoding="utf-8"))["rows"])


def time_of(outcome: str | None, seconds: float | None) -> str:
    """Seconds, or what happened instead."""
    return f"{seconds:.3f}" if seconds is not None else (outcome or "not tried")


def sollya() -> str:
    """Minimax and certificate beside Sollya."""
    rows = []
    for row in results("minimax_vs_sollya"):
        peer = row["sollya"]
        wrong = " (wrong)" if peer.get("norm") and row.get("sollya wrong") else ""
        ratio = row.get("ratio")
        rows.append(
            (
                row["task"], f"{row['ours']['seconds']:.3f}",
                time_of(peer["remez outcome"], peer["remez seconds"]) + wrong,
                time_of(peer["supnorm outcome"], peer["supnorm seconds"]),
                "" if ratio is None else f"{ratio:.1f}",
            )
        )  # fmt: skip
    return grid(
        ("task", "ours, proven / s", "Sollya remez / s", "Sollya supnorm / s", "ratio"), rows
    )


def lattigo() -> str:
    """Composites beside Lattigo's generator."""
    rows = []
    for row in results("composite_vs_lattigo"):
        peer = row["lattigo"]
        theirs = peer.get("log2 error")
        rows.append(
            (
                listed(row["degrees"]), f"2^-{row['logalpha']}", f"{row['seconds']:.4f}",
                upper_places(row["log2 proven error"], 2),
                time_of(peer["outcome"], peer.get("seconds")),
                "" if theirs is None else f"{theirs:.2f}",
            )
        )  # fmt: skip
    headings = (
        "degrees", "sign from", "ours / s", "log2 of the error (proven)",
        "Lattigo / s", "log2 of the error (sampled)",
    )  # fmt: skip
    return grid(headings, rows)


def networks(part: str) -> list[dict[str, Any]]:
    """Rows of one part of the benchmark of ResNet-20."""
    path = BENCHMARKS / "networks.json"
    return list(json.loads(path.read_text(encoding="utf-8"))[part])


def forward() -> str:
    """A forward pass of ResNet-20 beside the same with ReLU."""
    rows = [
        (
            row["by"], row["activation"].replace("published", "r_α"), listed(row["degrees"]),
            row["multiplications"], row["type"], f"{row['seconds']:.3f}", f"{row['ReLU']:.3f}",
            f"{row['ratio']:.2f}",
        )
        for row in networks("forward")
    ]  # fmt: skip
    return grid(
        ("by", "activation", "degrees", "mult.", "computed in", "polynomials / s", "ReLU / s", "ratio"),
        rows,
    )


def steps() -> str:
    """Training steps of ResNet-20 beside plain ones."""
    rows = [
        (
            row["step"], f"{row['images/s']:.0f}", f"{row['time / plain']:.2f}",
            f"{row['time / bare loop']:.2f}",
            "" if row["share of data"] is None else f"{100 * row['share of data']:.1f}",
        )
        for row in networks("training")
    ]  # fmt: skip
    return grid(("step", "images/s", "time / plain", "time / bare loop", "waits for data, %"), rows)


def cold() -> str:
    """Cold starts, each in a fresh process."""
    rows = [
        (row["what"], f"{row['seconds']:.2f}", f"{row['processor seconds']:.2f}", row["goal"])
        for row in results("cold")
    ]
    return grid(("what", "seconds", "processor seconds", "goal / s"), rows)


def exported() -> str:
    """Networks of other packages as ONNX, run by onnxruntime."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in saved_lines(EXPERIMENTS / "exported-networks.jsonl"):
        found.setdefault(f"{row['library']}: {row['network']}", {})[row["type"]] = row
    headings = ("network", "activations", "mult.", "file of float64", "file of float32", "the network itself in float32")
    rows = []
    for name, types in sorted(found.items()):
        any_of = next(iter(types.values()))
        if "refused" in any_of:
            rows.append((name, "refused", "", "", "", ""))
            continue
        rounding = next((row["rounding"] for row in types.values() if "rounding" in row), None)
        numbers = [types[kind]["onnx"] if kind in types else None for kind in ("float64", "float32")]
        cells = ["–" if number is None else f"{number:.0e}" for number in (*numbers, rounding)]
        rows.append((name, any_of["sites"], any_of["multiplications"], *cells))
    return grid(headings, rows)


TABLES: dict[str, Callable[[], str]] = {
    "exported": exported,
    "published": published,
    "published-ours": published_ours,
    "published-short": published_short,
    "precisions": precisions,
    "radius": radius,
    "circuits": circuits,
    "costs": costs,
    "margins": margins,
    "accuracy": accuracy,
    "ways": ways,
    "others": others,
    "networks-in-short": networks_in_short,
    "trainings-in-short": trainings_in_short,
    "corrections": corrections,
    "sollya": sollya,
    "lattigo": lattigo,
    "cold": cold,
    "forward": forward,
    "steps": steps,
}


if __name__ == "__main__":
    sys.exit(max([main(page, TABLES, sys.argv[1:]) for page in PAGES]))
