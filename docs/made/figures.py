"""Makes the pictures of the documentation: ``python docs/made/figures.py``.

Each picture has one function; the page *Gallery* shows its code beside it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from page_tables import DOCS, EXPERIMENTS, reduce_colours

import polyapprox
from polyapprox import plot

FOLDER = DOCS / "figures"
LARGEST = 150_000  # bytes


def relu_error(path: Path) -> None:
    relu = polyapprox.relu(precision=2**-9, interval=(-50, 50))
    plot.error_curve(relu, path)


def composite_error(path: Path) -> None:
    relu = polyapprox.relu(precision=2**-13, interval=(-50, 50), structure="composite")
    plot.error_curve(relu, path)


def composite_stages(path: Path) -> None:
    relu = polyapprox.relu(precision=2**-13, interval=(-50, 50), structure="composite")
    plot.stages(relu, path)


def circuit_error(path: Path) -> None:
    relu = polyapprox.relu(precision=2**-7, interval=(-50, 50), structure="circuit")
    plot.error_curve(relu, path)


def minimax_error(path: Path) -> None:
    gelu = polyapprox.minimax("gelu", 14, domain=(-8, 8))
    plot.error_curve(gelu, path)


def published_comparison(path: Path) -> None:
    plot.pareto(path)


CURVES = {
    ("published", "50", None), ("published", "per-layer", None), ("ours", "50", None),
    ("ours", "per-layer", None), ("ours-corrected", "per-layer", None),
    ("weighted", "per-layer", 8.0),
}  # fmt: skip


def resnet20_accuracy(path: Path) -> None:
    from nn_bridge.experiments.figure import accuracy_figure

    results = EXPERIMENTS / "resnet20-cifar10.jsonl"
    records = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    records = [
        record
        for record in records
        if record["approximation"] == "backbone"
        or (record["approximation"], record["interval"], record.get("cap")) in CURVES
    ]
    with tempfile.TemporaryDirectory() as folder:
        made, _ = accuracy_figure(records, Path(folder) / "accuracy")
        path.write_bytes(made.read_bytes())


PICTURES: dict[str, Callable[[Path], None]] = {
    "relu-error.png": relu_error,
    "composite-error.png": composite_error,
    "composite-stages.png": composite_stages,
    "circuit-error.png": circuit_error,
    "minimax-error.png": minimax_error,
    "published-comparison.png": published_comparison,
    "resnet20-accuracy.png": resnet20_accuracy,
}


def main() -> int:
    for name, draw in PICTURES.items():
        path = FOLDER / name
        draw(path)
        reduce_colours(path)
        size = path.stat().st_size
        print(f"{path}: {size} bytes")
        if size > LARGEST:
            print(f"{path} is larger than {LARGEST} bytes")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
