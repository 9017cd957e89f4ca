"""Tables and figure of docs/paper.md, from the records of experiments/paper/ alone."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from page_tables import DOCS, ROOT, grid, main, reduce_colours, saved_lines

from nn_bridge.paper.declared import Run, runs

PAGE = DOCS / "paper.md"
FOLDER = ROOT / "experiments" / "paper"
FIGURE = DOCS / "figures" / "paper-law.png"
POWERS = range(5, 10)
SEEDS = range(10)
REFERENCE = "decay 1e-05"
"""The arm of Table 2 whose scale is the unit."""
CONTROLS = {
    "": "", "-means": ", means corrected", "-corrected": ", normalisation corrected",
}  # fmt: skip
Cells = Mapping[tuple[str, int | None, str | None], float]


def lines(name: str) -> list[dict[str, Any]]:
    """Records of a file; none if it is not there yet."""
    path = FOLDER / name
    return saved_lines(path) if path.exists() else []


def accuracies(key: str) -> Cells:
    """Accuracy in percent by approximation, precision and interval."""
    return {
        (cell["approximation"], cell.get("power"), cell.get("interval")): 100 * cell["accuracy"]
        for cell in lines(f"cells/{key}.jsonl")
    }


def trained(table: str, recipe: str) -> dict[str, dict[int, Run]]:
    """The runs on record by arm and seed; arms without any too."""
    done = {line["key"] for line in lines("runs.jsonl")}
    found: dict[str, dict[int, Run]] = {}
    for run in runs(table, seeds=SEEDS, base=recipe):
        of_arm = found.setdefault(run.arm, {})
        if run.key in done:
            of_arm[run.configuration.seed] = run
    return found


def summary(values: Iterable[float | None], digits: int = 1) -> str:
    """Mean ± standard deviation (n)."""
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    mean = f"{statistics.mean(known):.{digits}f}"
    if len(known) == 1:
        return f"{mean} (n = 1)"
    return f"{mean} ± {statistics.stdev(known):.{digits}f} ({len(known)})"


def of_interval(table: str, recipe: str, approximation: str, interval: str) -> str:
    """Rows: arms and their controls; columns: ReLU itself and precisions."""
    rows = []
    for arm, seeds in trained(table, recipe).items():
        cells = [accuracies(run.key) for run in seeds.values()]
        exact = summary(one.get(("backbone", None, None)) for one in cells)
        kinds = {approximation + suffix: words for suffix, words in CONTROLS.items()}
        if approximation == "ours":
            kinds["weighted"] = ", fitted to inputs"
        for kind, words in kinds.items():
            found = [summary(one.get((kind, k, interval)) for one in cells) for k in POWERS]
            if words and set(found) == {"–"}:
                continue
            rows.append((arm + words, exact, *found))
    return grid(("training", "ReLU", *(f"2^-{k}" for k in POWERS)), rows)


def differences(table: str, recipe: str, approximation: str, interval: str) -> str:
    """Every arm less the first one with the same seed, in points."""
    arms = trained(table, recipe)
    first, *others = arms
    rows = []
    for arm in others:
        pairs = [
            (accuracies(run.key), accuracies(arms[first][seed].key))
            for seed, run in arms[arm].items() if seed in arms[first]
        ]  # fmt: skip

        def less(cell: tuple[str, int | None, str | None], pairs: Any = pairs) -> str:
            both = [(one.get(cell), other.get(cell)) for one, other in pairs]
            return summary(a - b for a, b in both if a is not None and b is not None)

        rows.append(
            (arm, less(("backbone", None, None)),
             *(less((approximation, k, interval)) for k in POWERS))
        )  # fmt: skip
    return grid(
        (f"less “{first}”, points", "ReLU", *(f"2^-{k}" for k in POWERS)), rows
    )


def scales(table: str, recipe: str, powers: tuple[int, ...]) -> str:
    """Scale of the activations, and accuracy on one B, on one B of each scale, per layer."""
    known = {line["key"]: line for line in lines("scales.jsonl")}
    rows = []
    for arm, seeds in trained(table, recipe).items():
        found = [known[run.key] for run in seeds.values() if run.key in known]
        cells = [accuracies(run.key) for run in seeds.values()]
        row = [arm, summary(one.get(("backbone", None, None)) for one in cells)]
        row += [summary((one[name] for one in found), 2) for name in ("gain", "rms")]
        row.append(summary((50 / one["rms"] for one in found), 0))
        for power in powers:
            row.append(summary(one.get(("published", power, "50")) for one in cells))
            same = arm == REFERENCE
            row.append(summary(
                one.get(("published", power, "50")) if same else rescaled(one, power)
                for one in cells
            ))
            row.append(summary(one.get(("published", power, "per-layer")) for one in cells))
        rows.append(row)
    headings = ["decay", "ReLU", "median gain", "median rms", "50/rms"]
    for power in powers:
        headings += [f"r_{power}, B = 50", f"r_{power}, B of its scale", f"r_{power}, per layer"]
    return grid(headings, rows)


def rescaled(cells: Cells, power: int) -> float | None:
    """The cell whose interval is 50 times the network's scale."""
    named = ("per-layer", "global", "50", None)
    own = [x for (kind, k, i), x in cells.items()
           if kind == "published" and k == power and i not in named]  # fmt: skip
    return own[0] if own else None


def law() -> str:
    """Measured and predicted accuracy of cells of published networks."""
    found: dict[tuple[str, str, str], dict[int, dict[str, Any]]] = {}
    for line in lines("law.jsonl"):
        row = (line["network"], line["approximation"], line["interval"])
        found.setdefault(row, {})[line["power"]] = line
    rows = []
    for (network, approximation, interval), cells in found.items():
        name = {"published": "r_α", "ours": "ours"}[approximation]
        exact = 100 * next(iter(cells.values()))["predicted"]["exact"]
        words = interval if interval == "per-layer" else f"B = {interval}"
        rows.append((network, f"{name}, {words}", f"{exact:.1f}", *map(_law_cell, (
            cells.get(k) for k in range(4, 11)
        ))))  # fmt: skip
    return grid(("network", "", "ReLU", *(f"2^-{k}" for k in range(4, 11))), rows)


def _law_cell(line: dict[str, Any] | None) -> str:
    if line is None:
        return ""
    said = line["predicted"]
    measured = 100 * line["correct"] / line["images"]
    return f"{measured:.1f}: {100 * said['accuracy']:.1f}, {100 * said['gaussian']:.1f}"


def law_errors() -> str:
    """How far predictions are off, by how much accuracy is lost."""
    rows = []
    networks = dict.fromkeys(line["network"] for line in lines("law.jsonl"))
    for network in networks:
        cells = [line for line in lines("law.jsonl") if line["network"] == network]
        row: list[object] = [network]
        for low, high in ((0, 15), (15, 101)):
            within = [
                (100 * (line["predicted"]["accuracy"] - share),
                 100 * (line["predicted"]["gaussian"] - share))
                for line in cells
                if low <= 100 * (line["predicted"]["exact"] - (share := line["correct"]
                                                              / line["images"])) < high
            ]  # fmt: skip
            row.append(len(within))
            row += [
                f"{max(abs(pair[i]) for pair in within):.1f}" if within else "–" for i in (0, 1)
            ]
        inside = sum(
            line["predicted"]["low"] <= line["correct"] / line["images"] <= line["predicted"]["high"]
            for line in cells
        )
        rows.append([*row, f"{inside} of {len(cells)}"])
    return grid(
        ("network", "cells that lose < 15 points", "largest error, points", "Gaussian",
         "cells that lose more", "largest error, points", "Gaussian", "measured inside the bars"),
        rows,
    )  # fmt: skip


PARTS = {
    "all": "all", "negative": "x ≤ 0", "negative, moved": "x ≤ 0, moved",
    "negative, mean removed": "x ≤ 0, mean removed", "positive": "x > 0",
    "positive, moved": "x > 0, moved", "positive, mean removed": "x > 0, mean removed",
    "all, mean removed": "all, mean removed", "mean alone": "mean alone",
    "positive, less relevant half": "x > 0, less relevant half",
    "positive, more relevant half": "x > 0, more relevant half",
}  # fmt: skip


def background(approximation: str, power: int, interval: str) -> str:
    """Accuracy (and deviation of the logits) by which errors are made: a column a network."""
    wanted = (approximation, power, interval)
    cells = [
        line for line in lines("background.jsonl")
        if (line["approximation"], line["power"], line["interval"]) == wanted
    ]  # fmt: skip
    rows = [["none", *(f"{100 * cell['accuracy']['exact']:.1f}" for cell in cells)]]
    rows += [[words, *(_part(cell, part) for cell in cells)] for part, words in PARTS.items()]
    return grid(("errors at", *(cell["subject"] for cell in cells)), rows)


def _part(cell: Mapping[str, Any], part: str) -> str:
    deviation = cell["deviation"][part]
    rms = "∞" if deviation is None else f"{deviation:.2g}" if deviation < 1e4 else f"{deviation:.0e}"
    return f"{100 * cell['accuracy'][part]:.1f} ({rms})"


def hours() -> str:
    """What the trainings took, by recipe."""
    rows = []
    for recipe in ("P25", "D20"):
        keys = {
            run.key for table in ("table1", "table2")
            for run in runs(table, seeds=SEEDS, base=recipe)
        }  # fmt: skip
        found = [line for line in lines("runs.jsonl") if line["key"] in keys]
        seconds = [sum(e["processor_seconds"] for e in line["epochs"]) for line in found]
        machines = ", ".join(sorted({line["machine"] for line in found})) or "–"
        total = f"{sum(seconds) / 3600:.2f}" if found else "–"
        rows.append((recipe, len(found), total, machines))
    return grid(("recipe", "trainings", "processor hours", "machine"), rows)


def law_figure(path: Path) -> None:
    """Predicted against measured accuracy."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    for mark, network in zip("osD^v<>", dict.fromkeys(x["network"] for x in lines("law.jsonl")),
                             strict=False):  # fmt: skip
        cells = [line for line in lines("law.jsonl") if line["network"] == network]
        measured = [100 * line["correct"] / line["images"] for line in cells]
        said = [line["predicted"] for line in cells]
        values = [100 * one["accuracy"] for one in said]
        bars = [[100 * (one["accuracy"] - one["low"]) for one in said],
                [100 * (one["high"] - one["accuracy"]) for one in said]]  # fmt: skip
        axes.errorbar(measured, values, bars, fmt=mark, ms=4, lw=0.8, label=network)
    axes.plot([0, 100], [0, 100], color="black", lw=0.8)
    axes.set_xlabel("measured on all test images, %")
    axes.set_ylabel("predicted from 24 images, %")
    axes.grid(True, alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=110)
    reduce_colours(path)


def _table1(recipe: str) -> dict[str, Callable[[], str]]:
    found: dict[str, Callable[[], str]] = {}
    for approximation in ("published", "ours"):
        for interval, word in (("50", "fifty"), ("per-layer", "layer")):
            found[f"{recipe}-{approximation}-{word}"] = (
                lambda a=approximation, i=interval: of_interval("table1", RECIPES[recipe], a, i)
            )
    return found


RECIPES = {"resnet": "P25", "digits": "D20"}
def figures() -> None:
    """The figure of the law, where networks were predicted."""
    if lines("law.jsonl"):
        law_figure(FIGURE)


TABLES: dict[str, Callable[[], str]] = {
    **_table1("resnet"),
    **_table1("digits"),
    "digits-differences": lambda: differences("table1", "D20", "published", "50"),
    "digits-scales": lambda: scales("table2", "D20", (7, 8)),
    "law": law,
    "law-errors": law_errors,
    "background-published": lambda: background("published", 8, "50"),
    "background-ours": lambda: background("ours", 7, "50"),
    "background-layer": lambda: background("published", 6, "per-layer"),
    "hours": hours,
}

if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:], figures))
