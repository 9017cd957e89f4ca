"""Tables of docs/sturdy.md, from the records of experiments/results/fine-tuning/."""

from __future__ import annotations

import json
import sys
from typing import Any

from page_tables import DOCS, EXPERIMENTS, grid, main, saved_lines

PAGE = DOCS / "sturdy.md"
FOLDER = EXPERIMENTS / "fine-tuning"
BACKBONES = {"akamaster": "resnet20-cifar10", "autofhe": "resnet20-cifar10-autofhe"}
KINDS = ("published", "ours", "ours-corrected")
WEIGHTED = (None, "weighted", "weighted-corrected")
CAPS = {"per-layer": 8.0, "50": 32.0}
"""Of the weighted ones: how far above the smallest error their proven one may be."""
POWERS = range(4, 10)
TRAININGS = (
    "", "mixup", "uniform-mixup", "error-mixup", "polynomial-mixup", "error", "before", "polynomial",
    "polynomial-6",
)  # fmt: skip
WORDS = {
    "": "as it was",
    "mixup": "Mixup alone",
    "before": "uniform before ReLU",
    "polynomial": "polynomial of 2^-5",
    "polynomial-6": "polynomial of 2^-6",
    "polynomial-mixup": "polynomial of 2^-5 + Mixup",
}


def cells() -> dict[tuple[str, str, int | None, str | None], dict[str, Any]]:
    """Records by weights, approximation, precision and interval."""
    found = {}
    for path in (EXPERIMENTS / "resnet20-cifar10.jsonl", FOLDER / "results.jsonl"):
        for run in saved_lines(path):
            cap = CAPS.get(run.get("interval", ""))
            if run.get("margin", 1.25) != 1.25 or run.get("cap", cap) != cap:
                continue
            key = (run["weights_sha256"], run["approximation"], run.get("power"), run.get("interval"))
            found[key] = run
    return found


def states(backbone: str) -> list[tuple[str, str]]:
    """What was done to a network, in words, and the SHA-256 of the weights."""
    plain = {
        run["weights_sha256"]
        for path in (EXPERIMENTS / "resnet20-cifar10.jsonl", FOLDER / "results.jsonl")
        for run in saved_lines(path)
        if run["network"] == BACKBONES[backbone]
    }
    found = []
    trained = {}
    for path in sorted(FOLDER.glob(f"{backbone}-*.json")):
        name, _, seed = path.stem.removeprefix(f"{backbone}-").rpartition("-")
        record = json.loads(path.read_text(encoding="utf-8"))
        trained[name, int(seed)] = record["weights_sha256"]
    (before,) = plain - set(trained.values())
    found.append((WORDS[""], before))
    for name in TRAININGS:
        for (which, seed), digest in sorted(trained.items()):
            if which == name:
                words = WORDS.get(name, name.replace("-mixup", " + Mixup"))
                found.append((f"{words}, seed {seed}", digest))
    return found


def table(backbone: str, interval: str) -> str:
    """Accuracies in percent: published → ours → ours with corrected batch normalisation."""
    known = cells()
    rows = []
    for words, digest in states(backbone):
        for kinds in (KINDS, WEIGHTED):
            found = [[known.get((digest, kind, k, interval)) for kind in kinds] for k in POWERS]
            if not any(run for cell in found for run in cell):
                continue  # not measured
            exact = known[digest, "backbone", None, None]["accuracy"]
            texts = (" → ".join(_percent(run) for run in cell) for cell in found)
            name = words if kinds is KINDS else f"{words}, weighted"
            rows.append((name, f"{100 * exact:.2f}", *texts))
    return grid(("training", "ReLU", *(f"2^-{power}" for power in POWERS)), rows)


def _percent(run: dict[str, Any] | None) -> str:
    return "–" if run is None else f"{100 * run['accuracy']:.2f}"


TABLES = {
    f"{backbone}-{name}": (lambda b=backbone, i=interval: table(b, i))
    for backbone in BACKBONES
    for name, interval in (("layer", "per-layer"), ("fifty", "50"))
}

if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
