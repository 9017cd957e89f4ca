"""Tables and figure of docs/law.md, from the records of experiments/paper/ alone."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from page_tables import DOCS, grid, main, reduce_colours
from paper_records import KINDS, lines

PAGE = DOCS / "law.md"
FIGURE = DOCS / "figures" / "paper-law.png"


def law() -> str:
    """Measured and predicted accuracy of cells: a row a network and approximation, a column a precision."""
    found: dict[tuple[str, str], dict[int, dict[str, Any]]] = {}
    for line in lines("law.jsonl"):
        name = KINDS[line["approximation"]]
        place = "per layer" if line["interval"] == "per-layer" else f"B = {line['interval']}"
        found.setdefault((_subject(line), f"{name}, {place}"), {})[line["power"]] = line
    powers = sorted({power for cells in found.values() for power in cells})
    rows = [
        (network, what, *(_law_cell(cells.get(power)) for power in powers))
        for (network, what), cells in found.items()
    ]
    return grid(("network", "in ReLU's place", *(f"2^-{power}" for power in powers)), rows, keys=2)


def _subject(line: Mapping[str, Any]) -> str:
    return str(line.get("subject", line["network"]))


def _law_cell(line: Mapping[str, Any] | None) -> str:
    if line is None:
        return ""
    shares = (_measured(line), line["predicted"]["accuracy"], _last(line)["accuracy"])
    return " / ".join(f"{100 * share:.1f}" for share in shares)


def _measured(line: Mapping[str, Any]) -> float:
    return float(line["correct"] / line["images"])


def _last(line: Mapping[str, Any], most: int = 10_000) -> Mapping[str, Any]:
    """What was predicted from the most images, of no more than so many."""
    said: list[Mapping[str, Any]] = [line["predicted"], *line["from_more"]]
    return [one for one in said if one["sample"] <= most][-1]


def _near(line: Mapping[str, Any]) -> bool:
    """Whether less than 15 points are lost."""
    return float(line["predicted"]["exact"]) - _measured(line) < 0.15


def _off(line: Mapping[str, Any], said: Mapping[str, Any], kind: str = "accuracy") -> float:
    return abs(100 * (float(said[kind]) - _measured(line)))


def _inside(line: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    return bool(said["low"] <= _measured(line) <= said["high"])


def _law_words(cells: Sequence[Mapping[str, Any]], most: int) -> list[str]:
    """Mean and largest error, cells within two points, and measured inside the bars."""
    said = [(line, _last(line, most)) for line in cells]
    off = [_off(*pair) for pair in said]
    if not off:
        return ["–"] * 4
    close, inside = sum(gap <= 2 for gap in off), sum(_inside(*pair) for pair in said)
    return [f"{statistics.mean(off):.1f}", f"{max(off):.1f}", str(close), str(inside)]


def law_errors() -> str:
    """How far predictions are off where less than 15 points are lost, network by network."""
    rows: list[list[object]] = []
    every = [line for line in lines("law.jsonl") if _near(line)]
    networks = dict.fromkeys(_subject(line) for line in every)
    groups = [(name, [line for line in every if _subject(line) == name]) for name in networks]
    published = [line for line in every if "seed" not in _subject(line)]
    groups += [("published, the form chosen on them", published),
               ("our own, predicted once", [line for line in every if line not in published]),
               ("of these, seeds 1 and 2", [line for line in every if "seed" in _subject(line) and "seed 0" not in _subject(line)])]  # fmt: skip
    for name, cells in groups:
        gauss = max(_off(line, line["predicted"], "gaussian") for line in cells)
        rows.append([name, len(cells), *_law_words(cells, 24), f"{gauss:.1f}", *_law_words(cells, 10_000)])
    heads = ("mean error", "largest", "within 2 points", "inside the bars")
    return grid(
        ("network", "cells", *(f"24 images: {one}" for one in heads), "Gaussian: largest",
         *(f"until clear: {one}" for one in heads)),
        rows,
    )  # fmt: skip


def law_images() -> str:
    """What so many images at most are good for."""
    rows = []
    every = lines("law.jsonl")
    for name, cells in (
        ("under 15", [line for line in every if _near(line)]),
        ("more", [line for line in every if not _near(line)]),
    ):
        for most in (24, 96, 384, 1536):
            clear = [line for line in cells if _bars(_last(line, most)) <= 4]
            wrong = sum(_off(line, _last(line, most)) > 2 for line in clear)
            rows.append((f"{name}, {most}", len(cells), len(clear), wrong, *_law_words(cells, most)))
    return grid(("points lost, images at most", "cells", "clear", "clear and off", "mean error, points", "largest",
                 "within 2 points", "inside the bars"), rows)  # fmt: skip


def law_trust(name: str, number: Callable[[Mapping[str, Any]], float], edges: Sequence[float]) -> str:
    """How far predictions from 24 images are off, by a number that is known before anything is measured."""
    rows = []
    for low, high in pairwise(edges):
        cells = [one for one in lines("law.jsonl") if low <= number(one["predicted"]) < high]
        gaps = [[_off(one, one["predicted"], kind) for one in cells] for kind in ("accuracy", "gaussian")]
        shown = [f"{f(gap):.1f}" for gap in gaps for f in (statistics.median, max)] if cells else ["–"] * 4
        within = sum(gap <= 2 for gap in gaps[0])
        rows.append((f"{low:g} … {high:g}", len(cells), *shown[:2], within, *shown[2:]))
    return grid((name, "cells", "median error, points", "largest", "cells within 2 points",
                 "Gaussian: median", "largest"), rows)  # fmt: skip


def _bars(said: Mapping[str, Any]) -> float:
    return 100 * float(said["high"] - said["low"])


def law_figure(path: Path) -> None:
    """Predicted against measured accuracy, from 24 images and from as many as make it clear."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, most, words in zip(panels, (24, 10_000), ("24 images", "96 to 1,536, until clear"), strict=True):
        for mark, network in zip("osD^v<>Pxd*hp", dict.fromkeys(_subject(x) for x in lines("law.jsonl")),
                                 strict=False):  # fmt: skip
            cells = [line for line in lines("law.jsonl") if _subject(line) == network]
            said = [_last(line, most) for line in cells]
            values = [100 * one["accuracy"] for one in said]
            bars = [[100 * (one["accuracy"] - one["low"]) for one in said],
                    [100 * (one["high"] - one["accuracy"]) for one in said]]  # fmt: skip
            measured = [100 * _measured(line) for line in cells]
            axes.errorbar(measured, values, bars, fmt=mark, ms=4, lw=0.8, label=network)
        axes.plot([0, 100], [0, 100], color="black", lw=0.8)
        axes.set_xlabel("measured on all test images, %")
        axes.set_title(f"from {words}", fontsize=10)
        axes.grid(True, alpha=0.3)
    panels[0].set_ylabel("predicted, %")
    panels[0].legend(fontsize=7)
    figure.savefig(path, dpi=110)
    reduce_colours(path)


def figures() -> None:
    """The figure of the law, where networks were predicted."""
    if lines("law.jsonl"):
        law_figure(FIGURE)


TABLES: dict[str, Callable[[], str]] = {
    "law": law,
    "law-errors": law_errors,
    "law-images": law_images,
    "law-bias": lambda: law_trust("share of bias", lambda said: said["bias"], (0, 0.02, 0.05, 0.2, 0.5, 1)),
    "law-bars": lambda: law_trust("width of the bars, points", _bars, (0, 2, 4, 10, 100)),
}

if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:], figures))
