"""Makes tables and the figure of the page on networks on ciphertexts.

``python docs/made/encrypted_network_tables.py``; ``--check`` only says whether the tables are up to
date. The data are what ``nn-bridge encrypt``, ``experiments/encrypted_forecasts.py`` and the benchmarks
``encrypted_lattigo.py`` and ``encrypted_tenseal.py`` saved.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from page_tables import (
    BENCHMARKS,
    CHECKS,
    DOCS,
    EXPERIMENTS,
    grid,
    main,
    reduce_colours,
    saved_lines,
)

from nn_bridge.paper.cost import PUBLISHED, named

PAGE = DOCS / "encrypted_network.md"
FIGURE = DOCS / "figures" / "encrypted-layers.png"
RUNS = (
    "encrypted-resnet20", "encrypted-resnet20-r12", "encrypted-resnet20-r12-plan", "encrypted-resnet20-five",
    "encrypted-resnet20-thin", "encrypted-resnet20-ten", "encrypted-resnet20-2-15", "encrypted-digits",
)  # fmt: skip
PLAN = "encrypted-resnet20-r12-plan"  # r_12 operation by operation, an earlier run
FITTED_CAP = 32.0  # with one B for all layers
COLUMNS = ("ours per-layer", "ours 50", "weighted per-layer", "weighted-corrected per-layer", "weighted-corrected 50")
KINDS = (("bootstrap", "bootstraps"), ("matrix", "matrices"), ("plan", "activations"))


def saved(name: str) -> dict[str, Any]:
    """A record."""
    return dict(json.loads((EXPERIMENTS / f"{name}.json").read_text(encoding="utf-8")))


def found() -> dict[str, dict[str, Any]]:
    """The runs that were made."""
    return {name: saved(name) for name in RUNS if (EXPERIMENTS / f"{name}.json").is_file()}


def _relu(one: dict[str, Any]) -> str:
    return named(one) + (", by its plan" if one == saved(PLAN) else "")


def runs() -> str:
    """Side by side."""
    headings = (
        "network", "ReLU", "ring", "log2 QP", "chain", "bootstraps", "places", "memory, MiB", "processor s",
        "bootstraps, s", "matrices, s", "activations, s", "loading, s", "largest deviation", "outputs up to",
        "same prediction",
    )  # fmt: skip
    rows = []
    for one in found().values():
        seconds, security = one["processor_seconds_per_image"], one["security"].split(", ")
        rows.append((
            one["network"], _relu(one), security[0].removeprefix("ring "),
            security[1].removeprefix("log2 QP = "), one["chain"]["levels"],
            one["bootstraps"], one["bootstrap_places"], one["memory_mib"], f"{seconds['all']:.1f}",
            *(f"{seconds[kind]:.1f}" for kind, _ in KINDS),
            f"{one['processor_seconds_of_loading']:.1f}", f"{one['largest_deviation']:.1e}",
            f"{one['largest_output']:.3g}", f"{one['same_prediction']} of {one['images']}",
        ))  # fmt: skip
    return grid(headings, rows, keys=3, starts=(8, 13))


def ratio() -> str:
    """Ours and the published composite, end to end and the ReLUs alone."""
    ours, published = (saved(name)["processor_seconds_per_image"] for name in RUNS[:2])
    parts = [(name, ours[kind], published[kind]) for kind, name in (("all", "all"), *KINDS)]
    rows = [(name, f"{a:.1f}", f"{b:.1f}", f"{a / b:.2f}") for name, a, b in parts]
    slow = saved(PLAN)["processor_seconds_per_image"]["plan"]
    a = ours["plan"]
    rows.append(("activations, r_12 by its plan (an earlier run)", f"{a:.1f}", f"{slow:.1f}", f"{a / slow:.2f}"))
    a, b = PUBLISHED
    rows.append(("the paper's: all", f"{a}", f"{b}", f"{a / b:.2f}"))
    return grid(("ResNet-20, ring 2^13", "ours, s", "r_12, s", "ours / r_12"), rows)


def layers() -> str:
    """The first run, layer by layer."""
    one = next(iter(found().values()))
    headings = ("layer", "ciphertexts", "level of the matrix", "bootstraps", "matrix, s",
                "bootstraps, s", "activation, s")  # fmt: skip
    rows = [
        (layer["name"], layer["ciphertexts"], layer["level"], layer["bootstraps"],
         *(f"{layer[kind]:.2f}" for kind in ("matrix", "bootstrap", "plan")))
        for layer in one["layers"][0]
    ]  # fmt: skip
    return grid(headings, rows)


def _key(run: dict[str, Any]) -> str:
    """As the forecasts name a run's ReLU."""
    if run["published"] is not None:
        return f"r_{run['published']}"
    return _name([run["multiplications"], run.get("constants")])


def _name(one: list[int | None]) -> str:
    """A circuit, as the forecasts name it."""
    return f"{one[0]}" if one[1] is None else f"{one[0]}, {one[1]} constants"


def in_the_clear() -> dict[tuple[str, str], str]:
    """Accuracy on 10,000 images in percent, by ReLU and column, where it was measured."""
    found: dict[tuple[str, str], str] = {}
    for one in saved_lines(EXPERIMENTS / "encrypted-accuracy.jsonl"):
        case = one["case"]
        thin = case["first"][1] is not None
        if case["first"] != case["second"] or (thin and one["outside"]):
            continue
        interval = str(case["interval"]).removesuffix(".0")
        if thin or case["cap"] in (None, FITTED_CAP if interval == "50" else 8.0):
            kind = "ours" if case["cap"] is None else "weighted"
            kind += "-corrected" if case["corrected"] else ""
            found[_name(case["first"]), f"{kind} {interval}"] = f"{100 * one['accuracy']:.2f}"
    for one in saved_lines(EXPERIMENTS / "resnet20-cifar10.jsonl"):
        kind, interval = one["approximation"], str(one.get("interval"))
        cap = FITTED_CAP if interval == "50" else 8.0
        column = f"{kind.replace('published', 'ours')} {interval}"
        if column not in COLUMNS or one.get("margin", 1.25) != 1.25 or one.get("cap", cap) != cap:
            continue
        name = f"r_{one['power']}" if kind == "published" else str(one["multiplications"])
        found[name, column] = f"{100 * one['accuracy']:.2f}"
    return found


def accuracy() -> str:
    """Circuits fitted to inputs: what is lost, and how many inputs leave their interval."""
    rows = [
        (_name(case["first"]), _name(case["second"]), f"{case['cap']:g}", f"{case['margin']:g}",
         "yes" if case["corrected"] else "no", f"{100 * one['accuracy']:.2f}", one["outside"])
        for one in saved_lines(EXPERIMENTS / "encrypted-accuracy.jsonl")
        if (case := one["case"])["cap"] and case["interval"] == "per-layer" and case["first"][0] < 6
    ]  # fmt: skip
    headings = ("first ReLU of a block", "second", "cap", "margin", "normalisation corrected",
                "correct, %", "inputs outside")  # fmt: skip
    return grid(headings, rows)


def _relu_of(one: dict[str, Any]) -> tuple[str, str, int]:
    name = one["relu"]
    return f"circuit of {name}" if name[0].isdecimal() else name, f"{one['bits']:.2f}", one["depth"]


def _of_published(one: dict[str, Any]) -> str:
    """Its seconds in terms of those of r_12 in the same ring."""
    known = saved("encrypted-forecasts")["uniform"]
    rows = [row["seconds"] for row in known if row["relu"] == "r_12" and row["ring"] == one["ring"]]
    return f"{one['seconds'] / min(rows):.2f}"


def _measured(one: dict[str, Any]) -> float | None:
    """Seconds of the run with its ReLU, ring and chain."""
    for name in RUNS:
        run = saved(name)
        if name in (PLAN, "encrypted-digits") or _key(run) != one["relu"]:
            continue
        if (run["chain"]["ring"], run["chain"]["levels"]) == (one["ring"], one["levels"]):
            return float(run["processor_seconds_per_image"]["all"])
    return None


def whole() -> str:
    """Precision, levels, bootstraps, seconds, accuracy: ring 2^13, the chain that is fastest."""
    headings = (
        "ReLU", "bits", "levels", "chain", "places", "bootstraps", "forecast, s", "of r_12", "measured, s",
        "of r_12", "by layer", "one B = 50", "fitted, by layer", "fitted, corrected, by layer",
        "fitted, corrected, one B = 50",
    )  # fmt: skip
    rows, correct = [], in_the_clear()
    together = [float(saved(name)["processor_seconds_per_image"]["all"]) for name in RUNS[:2]]
    published = together[1]
    done = set()
    for one in saved("encrypted-forecasts")["uniform"]:
        if one["ring"] != 1 << 13 or one["relu"] in done:
            continue
        done.add(one["relu"])
        seconds = _measured(one)
        rows.append((
            *_relu_of(one), one["levels"], one["places"], one["bootstraps"], f"{one['seconds']:.0f}",
            _of_published(one), "" if seconds is None else f"{seconds:.1f}",
            f"{seconds / published:.2f}" if seconds in together else "",
            *(correct.get((one["relu"], column), "") for column in COLUMNS),
        ))  # fmt: skip
    ours, theirs = PUBLISHED
    rows.append(("the paper's", *[""] * 7, f"{ours}", f"{ours / theirs:.2f}", *[""] * len(COLUMNS)))
    return grid(headings, rows, starts=(6, 10))


def forecasts() -> str:
    """Three rings: the chain that is fastest, and the shortest one, which needs less memory."""
    headings = ("ReLU", "ring", "chain", "levels", "places", "bootstraps", "memory, GiB", "secure",
                "forecast, s", "of r_12", "measured, s")  # fmt: skip
    rows = []
    for one in saved("encrypted-forecasts")["uniform"]:
        (name, _, depth), seconds = _relu_of(one), _measured(one)
        rows.append((
            name, f"2^{one['ring'].bit_length() - 1}", one["levels"], depth, one["places"],
            one["bootstraps"], f"{one['memory_mib'] / 1024:.1f}", "128 bit" if one["secure"] else "no",
            f"{one['seconds']:.0f}", _of_published(one), "" if seconds is None else f"{seconds:.1f}",
        ))  # fmt: skip
    return grid(headings, list(dict.fromkeys(rows)), keys=3, starts=(8,))


def others() -> str:
    """Other networks and parameters, forecast."""
    headings = ("network", "circuit", "ring", "chain", "ReLUs", "log2 QP", "128 bit", "places", "bootstraps",
                "diagonals", "forecast, s", "keys, GiB", "memory, GiB", "at least, GiB")  # fmt: skip
    rows = []
    for one in saved("encrypted-forecasts")["others"]:
        ring, modulus, verdict = one["security"].split(", ")[:3]
        rows.append((
            one["network"], one["multiplications"], ring.removeprefix("ring "), one["levels"], one["activations"],
            modulus.removeprefix("log2 QP = "), "no" if verdict.startswith("not") else "yes", one["places"],
            one["bootstraps"], one["diagonals"],
            f"{one['seconds']:.0f}" if one["seconds"] > 10 else f"{one['seconds']:.1f}",
            *(f"{one[f'{kind}_mib'] / 1024:.1f}" for kind in ("keys", "memory", "least")),
        ))  # fmt: skip
    return grid(headings, rows, keys=4, starts=(8, 11))


def turns() -> str:
    """ReLUs alone, in turns in one process."""
    found = saved("encrypted-relus")
    seconds = {one["relu"]: one["seconds"] for one in found["rows"]}
    headings = ("ReLU", "levels of the chain", "starts at level: ciphertexts", "all of them, s",
                "of r_12 by the engine", "of r_12 by its plan")  # fmt: skip
    rows = [
        (one["relu"], one["levels"], ", ".join(f"{start}: {count}" for start, count in one["starts"]),
         f"{one['seconds']:.2f}",
         *(f"{one['seconds'] / seconds[f'r_12, by {how}']:.2f}" for how in ("the engine", "its plan")))
        for one in found["rows"]
    ]  # fmt: skip
    return grid(headings, rows)


def unprepared() -> str:
    """Small networks on ciphertexts that nobody prepared."""
    headings = ("network", "image", "layers", "ring", "bootstraps", "processor s", "largest deviation",
                "outputs up to", "same prediction")  # fmt: skip
    rows = [
        (one["name"], " × ".join(map(str, one["shape"])), one["depth"],
         f"2^{one['chain']['ring'].bit_length() - 1}", one["bootstraps"],
         f"{one['processor_seconds_per_image']['all']:.1f}", f"{one['largest_deviation']:.1e}",
         f"{one['largest_output']:.3g}", f"{one['same_prediction']} of {one['images']}")
        for one in saved_lines(CHECKS / "encrypted_networks.jsonl")
    ]  # fmt: skip
    return grid(headings, rows, starts=(6,))


def front() -> str:
    """Which circuit in which layer."""
    headings = ("forecast, s", "chain", "bootstraps", "rms of a logit's error", "multiplications by layer")
    rows = [
        (f"{one['seconds']:.1f}", one["levels"], one["bootstraps"], f"{one['rms']:.3g}",
         " ".join(one["multiplications"]))
        for one in saved("encrypted-forecasts")["front"]
    ]  # fmt: skip
    return grid(headings, rows)


def draw() -> None:
    """Where the time of ResNet-20 goes, layer by layer."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    chosen = [saved(name) for name in RUNS[:2]]  # side by side
    drawing, axes = pyplot.subplots(len(chosen), figsize=(9, 3.2 * len(chosen)), sharex=True,
                                    sharey=True, squeeze=False)  # fmt: skip
    for axis, one in zip(axes[:, 0], chosen, strict=True):
        spent = one["layers"][0]
        below = [0.0] * len(spent)
        for kind, label in KINDS:
            values = [layer[kind] for layer in spent]
            axis.bar(range(len(spent)), values, bottom=below, label=label)
            below = [a + b for a, b in zip(below, values, strict=True)]
        axis.set_ylabel("processor s")
        axis.set_title(f"{_relu(one)}: {sum(below):.0f} s")
        axis.set_xticks(range(len(spent)), [layer["name"] for layer in spent], rotation=70, fontsize=7)
    axes[0, 0].legend()
    drawing.tight_layout()
    drawing.savefig(FIGURE, dpi=110)
    reduce_colours(FIGURE)


def times() -> str:
    """Ours and the published composites."""
    rows = []
    for name in ("lattigo", "tenseal"):
        path = BENCHMARKS / f"encrypted_{name}.json"
        for one in json.loads(path.read_text(encoding="utf-8"))["contests"]:
            for label, entry in one["entries"].items():
                seconds = (f"{entry[name]:.2f}" for name in ("median", "least", "most"))
                ratios = ("", "", "")
                if label == one["ours"]:  # stands there as ours already
                    continue
                what = f"ours: {one['ours']}" if label == "ours" else label
                if label == "ours":
                    ratios = (
                        f"{one['ratio_to_published']:.2f}", f"{one['ratio_to_published_plan']:.2f}",
                        f"{one['ratio_of_the_least']:.2f}",
                    )
                rows.append(
                    (
                        f"{name}, ring {one['ring_dimension']}, 2^-{one['precision']}",
                        what, entry["levels"], f"{entry['largest_error']:.2e}", *seconds, *ratios,
                    )
                )  # fmt: skip
    headings = (
        "where", "what", "levels", "largest error", "seconds, median", "least", "most",
        "ours / published", "ours / its plan", "ratio of the least",
    )  # fmt: skip
    return grid(headings, rows, keys=2, starts=(7,))


TABLES = {
    "ratio": ratio, "runs": runs, "layers": layers, "accuracy": accuracy, "whole": whole,
    "forecasts": forecasts, "others": others, "unprepared": unprepared, "turns": turns, "front": front, "times": times,
}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:], draw))
