"""Tables of docs/paper.md, from the records of experiments/paper/ alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from page_tables import DOCS, EXPERIMENTS, grid, main, saved_lines
from paper_records import KINDS, SEEDS, Cells, accuracies, lines, summary, trained

from nn_bridge.paper.cost import PUBLISHED, costs
from nn_bridge.paper.declared import Run, runs
from nn_bridge.training.optimisation import dose_of

PAGE = DOCS / "paper.md"
POWERS = range(5, 10)
REFERENCES = ("decay 1e-05", "decay 1e-5")
"""The arm whose scale is the unit, as Table 2 and Table 1 name it."""
CONTROLS = {
    "": "", "-means": ", means corrected", "-corrected": ", normalisation corrected",
}  # fmt: skip


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


def of_cells(table: str, recipe: str, columns: Sequence[tuple[str, tuple[str, int, str]]]) -> str:
    """Rows: arms that have any of these cells; columns: ReLU itself and the cells."""
    rows = []
    for arm, seeds in trained(table, recipe).items():
        cells = [one for run in seeds.values() if any(cell in (one := accuracies(run.key)) for _, cell in columns)]
        if cells:
            exact = summary(one.get(("backbone", None, None)) for one in cells)
            rows.append((arm, exact, *(summary(one.get(cell) for one in cells) for _, cell in columns)))
    return grid(("training", "ReLU", *(name for name, _ in columns)), rows)


PRECISE = [
    (f"{name}, {place}, 2^-{k}", (kind, k, interval))
    for interval, place in (("50", "B = 50"), ("per-layer", "per layer")) for kind, name in KINDS.items() for k in (10, 12)
]  # fmt: skip
ONE = [(f"{name}, 2^-{k}", (kind, k, "global")) for kind, name in KINDS.items() for k in (7, 8, 9)]


def differences(table: str, recipe: str, approximation: str, interval: str, base: str = "") -> str:
    """Every arm less the first one, or those that add to a named one less that one, with the same seed, in points."""
    arms = trained(table, recipe)
    first = base or next(iter(arms))
    others = [arm for arm in arms if arm != first and (not base or arm.startswith(f"{base}, "))]
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
    for arm, every in trained(table, recipe).items():
        found = [known[run.key] for run in every.values() if run.key in known]
        cells = [accuracies(run.key) for run in every.values()]
        row = [arm, dose(every.values(), recipe), summary(one.get(("backbone", None, None)) for one in cells)]
        whole = [  # the same seeds in all columns
            one for run, one in zip(every.values(), cells, strict=True)
            if run.key in known and (arm in REFERENCES or rescaled(one, powers[0]) is not None)
        ]  # fmt: skip
        cells = whole or cells
        row += [summary((one[name] for one in found), 2) for name in ("gain", "rms")]
        row.append(summary((50 / one["rms"] for one in found), 0))
        for power in powers:
            row.append(summary(one.get(("published", power, "50")) for one in cells))
            same = arm in REFERENCES
            row.append(summary(
                one.get(("published", power, "50")) if same else rescaled(one, power)
                for one in cells
            ))
            row.append(summary(one.get(("published", power, "per-layer")) for one in cells))
        rows.append(row)
    headings = ["decay", "dose", "ReLU", "median gain", "median rms", "50/rms"]
    for power in powers:
        headings += [f"r_{power}, B = 50", f"r_{power}, B of its scale", f"r_{power}, per layer"]
    return grid(headings, rows, starts=(6,))


STEPS = {"P25": 45_000 // 128, "D20": 1000 // 64}
"""In an epoch."""


def dose(found: Iterable[Run], recipe: str) -> str:
    """Of the decay, of those parameters that have it: of maps, or of the others."""
    for run in found:
        sgd = run.configuration.optimisation
        return f"{dose_of(sgd, STEPS[recipe]) * max(sgd.decay, sgd.decay_others):.2g}"
    return "–"


def rescaled(cells: Cells, power: int) -> float | None:
    """The cell whose interval is 50 times the network's scale."""
    named = ("per-layer", "global", "50", None)
    own = [x for (kind, k, i), x in cells.items()
           if kind == "published" and k == power and i not in named]  # fmt: skip
    return own[0] if own else None


def hours() -> str:
    """What each table took: processor hours of trainings, clock hours of measuring."""
    rows, seen = [], set()
    machines = "; ".join(sorted({line["machine"] for line in lines("runs.jsonl")}))
    for table, recipe in TOOK:
        keys = {run.key for run in runs(table, seeds=SEEDS, base=recipe)} - seen
        seen |= keys
        found = [line for line in lines("runs.jsonl") if line["key"] in keys]
        if not found:
            continue
        seconds = sum(epoch["processor_seconds"] for line in found for epoch in line["epochs"])
        cells = [cell for line in found for cell in lines(f"cells/{line['key']}.jsonl")]
        clock = sum(cell.get("wall_seconds", cell["seconds"]) for cell in cells)
        name = "P25 and shorter ones" if table == "table4" else recipe
        rows.append((table.replace("table", "Table "), name, len(found), f"{seconds / 3600:.2f}",
                     len(cells), f"{clock / 3600:.2f}"))  # fmt: skip
    return grid(("table", "recipe", "trainings", "processor hours", "cells measured", "clock hours"), rows) + (
        f"\nMachine: {machines}, shared with other work.\n"
    )


TOOK = (("table1", "P25"), ("table1", "D20"), ("table2", "P25"), ("table2", "D20"), ("table3", "B5"),
        ("table3", "D5"), ("table4", "P25"), ("backbone", "P60"))  # fmt: skip


def verified() -> str:
    """Random cells measured again from the stored weights."""
    rows = [
        (one["cells"], one["measured"], one["same"], one["rounding"], one["differing"], one["other_plan"],
         f"{one['processor_seconds'] / 60:.0f}", one["commit"][:7])
        for one in lines("verified.jsonl")
    ]  # fmt: skip
    return grid(("cells", "measured again", "the same", "rounding", "different", "by another plan", "processor minutes", "commit"), rows)


def repeated() -> str:
    """Runs trained again from nothing."""
    rows = [
        (f"{one['arm']}, seed {one['seed']}", f"{100 * one['accuracy']:.2f}", f"{100 * one['again']:.2f}",
         "–" if one["spread"] is None else f"{100 * one['spread']:.2f}", "yes" if one["same_weights"] else "no",
         f"{one['processor_seconds'] / 60:.0f}", one["commit"][:7])
        for one in lines("repeated.jsonl")
    ]  # fmt: skip
    return grid(("training", "correct, %", "again", "spread of other seeds, points", "same weights", "processor minutes", "commit"), rows)


def cost() -> str:
    """A whole ResNet-20 on ciphertexts at equal accuracy."""
    found = costs(EXPERIMENTS)
    rows = [
        (one.relu, one.multiplications, one.levels, f"{100 * one.accuracy:.2f}", one.bootstraps,
         f"{one.seconds:.1f}", f"{one.seconds / found[-1].seconds:.2f}")
        for one in found
    ]  # fmt: skip
    ours, others = PUBLISHED
    rows.append(("the paper's, on its machine", "", "", "", "", f"{ours}, {others}", f"{ours / others:.2f}"))
    return grid(("ReLU", "mult.", "levels", "correct, %", "bootstraps", "processor s", "of r_12"), rows)


NINE: dict[tuple[str, str | None], str] = {
    ("backbone", None): "ReLU itself",
    ("published", "50"): "r_9", ("published-means", "50"): "r_9, means corrected",
    ("published-corrected", "50"): "r_9, normalisation corrected",
    ("published", "per-layer"): "r_9, layers scaled",
    ("published-corrected", "per-layer"): "r_9, layers scaled, normalisation corrected",
    ("ours", "50"): "ours, 2^-9", ("ours-corrected", "50"): "ours, 2^-9, normalisation corrected",
    ("weighted-corrected", "50"): "ours, 2^-9, fitted to inputs, normalisation corrected",
}  # fmt: skip
PAPER_NINE = 91.02  # per cent: arXiv 2402.11224, r_9 on [−50, 50]


def nine() -> str:
    """A published ResNet-20 as it is and our long backbone, at the paper's own place: 2^-9 on [−50, 50]."""
    (own,) = trained("backbone", "P60")["ReLU"].values()
    networks = {
        "akamaster": saved_lines(EXPERIMENTS / "resnet20-cifar10.jsonl"), "ours, 60 epochs": lines(f"cells/{own.key}.jsonl"),
    }  # fmt: skip
    found = {
        (network, cell.get("approximation"), cell.get("interval")): cell
        for network, cells in networks.items() for cell in cells if cell.get("power", 9) == 9
    }  # fmt: skip
    rows = [
        (network, words, cell.get("multiplications", ""), f"{100 * cell['accuracy']:.2f}", f"{100 * cell['accuracy'] - PAPER_NINE:+.2f}")
        for network in networks for kind, words in NINE.items() if (cell := found.get((network, *kind)))
    ]  # fmt: skip
    return grid(("network", "ReLU", "mult.", "correct, %", "less the paper's 91.02"), rows, keys=2)


FEW = {
    "ours": "", "weighted": ", fitted to inputs", "weighted-corrected": ", fitted to inputs, normalisation corrected",
    "trained": "",
}  # fmt: skip


def few(recipe: str) -> str:
    """A backbone of our own with few multiplications in each ReLU."""
    rows = [
        (run.arm + words, _share(cells.get(("backbone", None, None))), *map(_share, of_kind))
        for seeds in trained("backbone", recipe).values() for run in seeds.values()
        for cells in [accuracies(run.key)] for kind, words in FEW.items()
        if any(of_kind := [cells.get((kind, k, kind if kind == "trained" else "per-layer")) for k in (6, 5, 4)])
    ]  # fmt: skip
    return grid(("trained with", "ReLU", "five mult.", "four", "three"), rows)


OTHERS = (
    ("ReLU", ("backbone", None, None)),
    *((f"r_{k}, B = 50{words.replace('normalisation', 'norm.')}", ("published" + suffix, k, "50"))
      for k in (8, 9) for suffix, words in CONTROLS.items()),
    *((f"ours, 2^-8, {place}{words.replace('normalisation', 'norm.')}", ("ours" + suffix, 8, interval))
      for interval, place in (("50", "B = 50"), ("per-layer", "per layer"))
      for suffix, words in CONTROLS.items() if suffix != "-means"),
    ("ours, 2^-12, per layer", ("ours", 12, "per-layer")),
)  # fmt: skip


def others() -> str:
    """Table 4: other networks and images, and how each was trained."""
    rows = []
    for arm, seeds in trained("table4", "P25").items():
        cells = [accuracies(run.key) for run in seeds.values()]
        for run in seeds.values():
            rows.append((arm, _training(run), *(summary(one.get(cell) for one in cells) for _, cell in OTHERS)))
    return grid(("network: training", "epochs", *(name for name, _ in OTHERS)), rows, starts=(3, 9))


def silenced() -> str:
    """Networks of Table 4 that have dead channels: with them, and without."""
    rows = []
    for arm, seeds in trained("table4", "P25").items():
        for cells in (accuracies(run.key) for run in seeds.values()):
            for name, (kind, power, interval) in OTHERS:
                made, *correction = kind.split("-")
                without = cells.get(("-".join((made, "silenced", *correction)), power, interval))
                if without is not None:
                    rows.append((arm, name, _share(cells.get((kind, power, interval))), _share(without)))
    return grid(("network: training", "in ReLU's place", "as it is", "dead channels silenced"), rows, keys=2)


def _training(run: Run) -> str:
    """Epochs, of what, and sides of the images."""
    configuration = run.configuration
    sides = sorted(set(configuration.augmentation.sides))
    epochs = str(configuration.optimisation.epochs)
    if configuration.start == "pretrained":
        return f"{epochs} more, of published weights"
    return f"{epochs} from scratch, {', '.join(map(str, sides))} pixels"


def _share(found: float | None) -> str:
    return "–" if found is None else f"{found:.2f}"


BRANCHED = (
    ("ReLU", ("backbone", None, None)),
    *((f"r_{k}, B = 50", ("published", k, "50")) for k in (7, 8, 9)),
    *((f"r_{k}, B = 50, means", ("published-means", k, "50")) for k in (7, 8)),
    *((f"r_{k}, per layer", ("published", k, "per-layer")) for k in (6, 7)),
)  # fmt: skip


def branches(recipe: str, trunk: str) -> str:
    """Branches of a trunk, less the branch without a change and of the same seed, in points."""
    arms = {
        arm.removeprefix(f"{trunk}: "): {seed: accuracies(run.key) for seed, run in seeds.items()}
        for arm, seeds in trained("table3", recipe).items() if arm.startswith(f"{trunk}: ")
    }  # fmt: skip
    plain = arms.pop("no change")
    rows = [("no change", *(summary(one.get(cell) for one in plain.values()) for _, cell in BRANCHED))]
    for arm, seeds in arms.items():
        found = [
            summary(
                one[cell] - plain[seed][cell] for seed, one in seeds.items()
                if cell in one and cell in plain.get(seed, {})
            )
            for _, cell in BRANCHED
        ]  # fmt: skip
        if set(found) != {"–"}:
            rows.append((arm, *found))
    return grid(("branch", *(name for name, _ in BRANCHED)), rows, starts=(5,))


def branch_scales(recipe: str, trunk: str) -> str:
    """Branches on [−50, 50], and the one without a change on the interval of another's scale."""
    known = {line["key"]: line["rms"] for line in lines("scales.jsonl")}
    rows = []
    for arm, seeds in trained("table3", recipe).items():
        for run in seeds.values():
            cells = accuracies(run.key)
            places = sorted({i for _, _, i in cells if i and i not in ("50", "per-layer")})
            for place in ("50", *places) if run.key in known and arm.startswith(trunk) else ():
                found = (_share(cells.get((kind, k, place))) for kind in ("published", "published-means") for k in (7, 8, 9))
                rows.append((arm.removeprefix(f"{trunk}: "), f"{known[run.key]:.2f}", f"B = {place}", *found))
    return grid(("branch", "median rms", "interval", *(f"r_{k}{words}" for words in ("", ", means") for k in (7, 8, 9))), rows, keys=3)


def in_short() -> str:
    """What README says of trainings: the plain one and all of the paper's, ResNet-20."""
    rows = []
    for arm, seeds in trained("table1", "P25").items():
        if arm not in ("decay 5e-4", "decay 1e-5, Mixup, NGNV"):
            continue
        cells = [accuracies(run.key) for run in seeds.values()]
        rows.append((arm, *(summary(one.get(cell) for one in cells) for _, cell in SHORT)))
    return grid(("training", *(name for name, _ in SHORT)), rows)


SHORT = (
    ("ReLU", ("backbone", None, None)), ("r_8, B = 50", ("published", 8, "50")),
    ("the same, normalisation corrected", ("published-corrected", 8, "50")),
    ("ours, 2^-8, B = 50", ("ours", 8, "50")), ("ours, 2^-6, per layer", ("ours", 6, "per-layer")),
)  # fmt: skip


def _table1(recipe: str) -> dict[str, Callable[[], str]]:
    found: dict[str, Callable[[], str]] = {}
    for approximation in ("published", "ours"):
        for interval, word in (("50", "fifty"), ("per-layer", "layer")):
            found[f"{recipe}-{approximation}-{word}"] = (
                lambda a=approximation, i=interval: of_interval("table1", RECIPES[recipe], a, i)
            )
    return found


RECIPES = {"resnet": "P25", "digits": "D20"}


TABLES: dict[str, Callable[[], str]] = {
    **_table1("resnet"),
    **_table1("digits"),
    "resnet-precise": lambda: of_cells("table1", "P25", PRECISE),
    "resnet-one": lambda: of_cells("table1", "P25", ONE),
    "digits-differences": lambda: differences("table1", "D20", "published", "50"),
    "resnet-differences": lambda: differences("table1", "P25", "published", "50"),
    "resnet-differences-decay": lambda: differences("table1", "P25", "published", "50", "decay 1e-5"),
    "resnet-differences-mixup": lambda: differences("table1", "P25", "published", "50", "decay 1e-5, Mixup"),
    "resnet-differences-layer": lambda: differences("table1", "P25", "published", "per-layer"),
    "resnet-scales": lambda: scales("table1", "P25", (7, 8)),
    "digits-scales": lambda: scales("table2", "D20", (7, 8)),
    "cost": cost,
    "nine": nine,
    "few": lambda: few("P60"),
    "others": others,
    "silenced": silenced,
    "branches-resnet-much": lambda: branches("B5", "5e-4"),
    "branches-resnet-scales": lambda: branch_scales("B5", "5e-4"),
    "branches-digits-much": lambda: branches("D5", "5e-4"),
    "branches-digits-little": lambda: branches("D5", "1e-5"),
    "hours": hours,
    "verified": verified,
    "repeated": repeated,
}

if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
