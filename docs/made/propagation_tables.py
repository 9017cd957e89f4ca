"""Makes tables and the figure of the page on propagation: ``python docs/made/propagation_tables.py``.

With ``--check`` it only compares. Results, in ``experiments``: ``propagation-resnet20-cifar10.json``,
``allocation-resnet20.json``, ``resnet20-cifar10.jsonl`` and ``digits-sturdy.jsonl``.
"""

from __future__ import annotations

import json
import statistics
import sys
from dataclasses import fields
from typing import Any

from page_tables import DOCS, EXPERIMENTS, grid, main, reduce_colours, saved_lines

from nn_bridge.propagation.layers import LayerError
from nn_bridge.propagation.report import findings
from nn_bridge.propagation.study import Propagation
from polyapprox.outward import upper

PAGE = DOCS / "propagation.md"
FIGURE = "propagation-resnet20.png"
LOSS = 0.005


def saved(name: str) -> dict[str, Any]:
    """A result."""
    return dict(json.loads((EXPERIMENTS / f"{name}.json").read_text(encoding="utf-8")))


def lines(name: str) -> list[dict[str, Any]]:
    """Results of several runs."""
    return saved_lines(EXPERIMENTS / f"{name}.jsonl")


def layers() -> str:
    """Each activation of ResNet-20."""
    headings = (
        "activation", "B", "bias, x<0", "bias, x>0", "rms, x<0", "rms, x>0", "relative, %",
        "dead, %", "carried", "growth", "‖J‖·rms", "J·e", "observed",
    )  # fmt: skip
    rows = [
        (
            f"`{layer['site']}`", f"{layer['bound']:.1f}",
            *(f"{1e3 * layer[name]:+.2f}" for name in ("bias_negative", "bias_positive")),
            *(f"{1e3 * layer[name]:.1f}" for name in ("rms_negative", "rms_positive")),
            f"{100 * layer['relative']:.1f}", f"{100 * layer['dead']:.1f}",
            f"{1e3 * layer['carried']:.1f}", f"{layer['amplification']:.2f}",
            *(f"{1e3 * layer[name]:.1f}" for name in ("predicted_norm", "predicted", "observed")),
        )
        for layer in saved("propagation-resnet20-cifar10")["layers"]
    ]  # fmt: skip
    return grid(headings, rows, starts=(8,))


def worst() -> str:
    """What the report says first."""
    record = saved("propagation-resnet20-cifar10")
    layers = tuple(LayerError(**layer) for layer in record["layers"])
    names = {one.name for one in fields(Propagation)}
    found = Propagation(**{key: value for key, value in record.items() if key in names} | {"layers": layers})
    return "".join(f"> {one}\n" for one in findings(found))


def network() -> str:
    """What holds for ResNet-20 as a whole."""
    found = saved("propagation-resnet20-cifar10")
    deviation, flips = found["deviation"], found["flips"]
    ratios = [layer["predicted"] / layer["observed"] for layer in found["layers"]]
    norms = [layer["predicted_norm"] / layer["observed"] for layer in found["layers"]]
    rows = [
        ("all activations replaced, rms deviation of the logits", f"{deviation['all']:.4f}"),
        ("to first order, Σ J·e", f"{deviation['linear']:.4f}"),
        ("one activation at a time, added as independent", f"{deviation['independent']:.4f}"),
        ("errors at negative inputs alone", f"{deviation['negative']:.4f}"),
        ("errors at positive inputs alone", f"{deviation['positive']:.4f}"),
        ("the same errors in random places", f"{deviation['random']:.4f}"),
        ("median lead of the largest logit", f"{found['margin']:.1f}"),
        ("predictions that change, %", f"{100 * flips['all']:.1f}"),
        ("J·e / observed, by activation", f"{min(ratios):.2f} to {max(ratios):.2f}"),
        ("‖J‖·rms / observed, by activation", f"{min(norms):.2f} to {max(norms):.2f}"),
        ("proven bound of a logit's deviation", upper(found["bound"], 2)),
        ("predictions certified to stay, %", f"{100 * found['certified']:.0f}"),
    ]
    return grid(("ResNet-20 at 2^-9", ""), rows)


def precisions() -> str:
    """The precision of each activation of ResNet-20."""
    found = saved("allocation-resnet20")
    rows = [
        (f"`{s['site']}`", f"{s['bound']:.1f}", s["multiplications"], s["depth"],
         upper(s["proven_error"], 2))
        for s in found["sites"]
    ]  # fmt: skip
    headings = ("activation", "B", "multiplications", "levels", "error on [−1, 1] (proven)")
    return grid(headings, rows)


def allocated() -> str:
    """The choice against one circuit for all activations."""
    found = saved("allocation-resnet20")
    test = found["test_images"]
    rows: list[tuple[object, ...]] = [("ReLU itself", "", "", f"{100 * test['exact']:.2f}", "")]
    several = [
        (f"{row['multiplications'] // len(found['sites'])} for each activation", row)
        for row in test["uniform"] if row["multiplications"] >= 4 * len(found["sites"])
    ]  # fmt: skip
    chosen = {**found, "accuracy": test["allocated"]}
    for name, row in [*several, ("each activation its own", chosen)]:
        lost = 100 * (test["exact"] - row["accuracy"])
        rows.append(
            (name, row["multiplications"], row["depth"], f"{100 * row['accuracy']:.2f}", f"{lost:.2f}")
        )
    headings = ("multiplications", "all", "levels, added", "accuracy, %", "lost, points")
    return grid(headings, rows)


def critical() -> str:
    """The smallest k that keeps the accuracy of ResNet-20."""
    from nn_bridge.propagation import AccuracyCurve

    runs = lines("resnet20-cifar10")
    exact = next(run["accuracy"] for run in runs if run["approximation"] == "backbone")
    intervals = ("50", "global", "per-layer")
    rows = []
    for name in ("published", "ours"):
        cells = []
        for interval in intervals:
            found = {
                run["power"]: run["accuracy"] for run in runs
                if (run["approximation"], run.get("interval")) == (name, interval)
            }  # fmt: skip
            k = AccuracyCurve(exact, found, LOSS).critical
            cells.append("none" if k is None else f"2^-{k}")
        rows.append(("r_α" if name == "published" else name, *cells))
    return grid(("activation", "B = 50", "global", "per-layer"), rows)


def sturdy() -> str:
    """Digits: five seeds on the test images."""
    return _trained("test", ("baseline", "sturdy"))


def search() -> str:
    """Digits: what was tried, two seeds."""
    names = dict.fromkeys(run["name"] for run in lines("digits-sturdy"))
    return _trained("validation", [name for name in names if name != "sturdy"])


def _trained(split: str, names: Any) -> str:
    columns = {"relu": "ReLU itself", "2": "2^-4.88", "2, means corrected": "means corrected",
               "3": "2^-5.84", "3, means corrected": "means corrected"}  # fmt: skip
    rows = []
    for name in names:
        runs = [
            run["accuracy"] for run in lines("digits-sturdy")
            if (run["split"], run["name"]) == (split, name)
        ]  # fmt: skip
        cells = []
        for column in columns:
            values = [100 * run[column] for run in runs]
            cells.append(f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}")
        rows.append((name, *cells))
    return grid(("training", *columns.values()), rows)


def figure() -> None:
    """Predicted and observed deviation, activation by activation."""
    from matplotlib.figure import Figure

    found = saved("propagation-resnet20-cifar10")
    drawing = Figure(figsize=(8, 4), layout="constrained")
    axes = drawing.subplots()
    places = range(len(found["layers"]))
    for name, label, style in (
        ("observed", "observed", "o-"),
        ("predicted", "to first order, J·e", "x--"),
        ("predicted_norm", "as if random, ‖J‖·rms", "+:"),
    ):
        axes.plot(places, [layer[name] for layer in found["layers"]], style, label=label)
    axes.axhline(found["deviation"]["all"], color="black", lw=0.8, label="all replaced, observed")
    axes.set_yscale("log")
    sites = [layer["site"] for layer in found["layers"]]
    axes.set_xticks(places, sites, rotation=60, ha="right", fontsize=7)
    axes.set_xlabel("activation that is replaced, in order of call")
    axes.set_ylabel("rms deviation of a logit (dimensionless)")
    axes.grid(True, alpha=0.3)
    axes.legend(fontsize=8)
    drawing.savefig(DOCS / "figures" / FIGURE, dpi=110)
    reduce_colours(DOCS / "figures" / FIGURE)


TABLES = {
    "layers": layers, "worst": worst, "network": network, "critical": critical, "precisions": precisions,
    "allocated": allocated, "sturdy": sturdy, "search": search,
}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:], figure))
