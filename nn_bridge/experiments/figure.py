# SPDX-License-Identifier: Apache-2.0
"""Figure of accuracy against precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from polyapprox.words import counted

from ..errors import BridgeError
from ..files import write_atomically

_MARKERS = {"per-layer": "o", "global": "s", "per-channel": "D", "per-channel-shared": "v"}
_COLOURS = {
    "ours": "#0b5fa5",
    "with-constant": "#7a6fbf",
    "zero": "#2a8f5a",
    "published": "#c1440e",
    "weighted": "#b0379a",
    "ours-corrected": "#00a6a6",
    "weighted-corrected": "#5c4033",
    "published-corrected": "#e8a33d",
    "ours-means": "#5fb3d4",
    "weighted-means": "#9c8478",
    "published-means": "#e0a99a",
}
_STYLES = {"per-layer": "-", "global": "--", "per-channel": "-.", "per-channel-shared": "-."}


def accuracy_figure(records: list[dict[str, Any]], stem: str | Path) -> tuple[Path, Path]:
    """Draw one line for each approximation and interval, and one for the network itself.

    Parameters
    ----------
    records : list of dict
        From :func:`nn_bridge.experiments.accuracy.run_accuracy`.
    stem : path
        Without suffix: ``.png`` and ``.svg`` are written.

    Raises
    ------
    BridgeError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError as error:
        raise BridgeError(
            "figures need matplotlib: install the extra 'plot' (pip install polyapprox[plot])"
        ) from error
    figure = Figure(figsize=(7.0, 4.4), layout="constrained")
    axes = figure.add_subplot()
    curves: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for record in records:
        if record["approximation"] == "backbone":
            axes.axhline(
                100 * record["accuracy"], color="0.35", linewidth=1,
                label=f"ReLU itself ({100 * record['accuracy']:.2f} %)",
            )  # fmt: skip
        else:
            curve = curves.setdefault((record["approximation"], record["interval"]), [])
            curve.append((record["power"], 100 * record["accuracy"]))
    for (name, interval), points in curves.items():
        width = interval if interval in _MARKERS else f"B = {interval}"
        axes.plot(
            *zip(*sorted(points), strict=True),
            color=_COLOURS.get(name), linestyle=_STYLES.get(interval, ":"),
            marker=_MARKERS.get(interval, "^"), markersize=4, label=f"{name}, {width}",
        )  # fmt: skip
    fitted = any(name.startswith("weighted") for name, _ in curves)
    note = "; weighted: at the precision whose cost it has" if fitted else ""
    axes.set_xlabel(f"precision / bits (−log2 of the error on [−1, 1]{note})")
    axes.set_ylabel("accuracy / %")
    axes.set_title(f"{records[0]['network']}, {counted(records[0]['images'], 'test image')}")
    values = [100 * record["accuracy"] for record in records]
    room = max(1.0, 0.08 * (max(values) - min(values)))
    axes.set_ylim(max(0.0, min(values) - room), min(102.0, max(values) + room))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    stem = Path(stem)
    paths = [stem.parent / (stem.name + suffix) for suffix in (".png", ".svg")]
    for path in paths:
        write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=150))
    return paths[0], paths[1]
