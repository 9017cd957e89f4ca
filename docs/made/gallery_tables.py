"""Makes the pictures of the gallery and their captions: ``python docs/made/gallery_tables.py`` (names: only these).

Each picture has one function, whose code the page shows; one that draws an approximation returns it, and the caption
says what that is.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from page_tables import DOCS, EXPERIMENTS, ROOT, main, reduce_colours, saved_lines

import polyapprox
from polyapprox import Approximation, plot
from polyapprox.outward import upper
from polyapprox.plot.figure import BLUE, GREY, ORANGE, RED, drawn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDER = DOCS / "figures"
PAGE = DOCS / "gallery.md"
LARGEST = 150_000  # bytes


def relu_error(path: Path) -> Approximation:
    relu = polyapprox.relu(precision=2**-9, interval=(-50, 50))
    plot.error_curve(relu, path)
    return relu


def direct_error(path: Path) -> Approximation:
    relu = polyapprox.relu(precision=2**-7, interval=(-50, 50), structure="direct")
    plot.error_curve(relu, path)
    return relu


def composite_error(path: Path) -> Approximation:
    relu = polyapprox.relu(precision=2**-13, interval=(-50, 50), structure="composite")
    plot.error_curve(relu, path)
    return relu


def composite_stages(path: Path) -> Approximation:
    relu = polyapprox.relu(precision=2**-13, interval=(-50, 50), structure="composite")
    plot.stages(relu, path)
    return relu


def minimax_error(path: Path) -> Approximation:
    gelu = polyapprox.minimax("gelu", 14, interval=(-8, 8))
    plot.error_curve(gelu, path)
    return gelu


def outside(path: Path) -> Approximation:
    relu = polyapprox.relu(precision=2**-7, interval=(-50, 50))

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        x = np.linspace(-58, 58, 4001)
        axes.axvspan(-50, 50, color="#f0f0f0", linewidth=0, label="its interval")
        axes.plot(x, np.maximum(x, 0), color=GREY, linewidth=3, label="ReLU")
        axes.plot(x, relu(x), color=BLUE, label="the polynomial")
        axes.set(xlabel="x", ylabel="value", ylim=(-20, 120))
        axes.legend(loc="upper center")

    drawn(draw, (8.0, 4.0), path)
    return relu


def ciphertext_error(path: Path) -> Approximation:
    from polyapprox.plot.error import measured_error

    relu = polyapprox.relu(precision=2**-7, interval=(-50, 50))
    measured_error(polyapprox.encrypted.run(relu, backend="lattigo"), path)
    return relu


def convergence(path: Path) -> None:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for name, degrees in (("relu", range(2, 65, 6)), ("tanh", range(3, 36, 4)), ("gelu", range(2, 35, 4))):
            found = [polyapprox.minimax(name, n, interval=(-8, 8)).error_bound for n in degrees]
            axes.semilogy(degrees, found, "o-", markersize=3, label=f"{name}, best polynomial")
        circuits = [polyapprox.circuit("relu", multiplications=count, interval=(-8, 8)) for count in range(2, 7)]
        axes.semilogy([max(one.degrees) for one in circuits], [one.error_bound for one in circuits],
                      "s--", markersize=4, color=GREY, label="relu, circuits of 2 to 6 multiplications")  # fmt: skip
        axes.set(xlabel="degree", ylabel="error on [−8, 8], proven")
        axes.grid(True, alpha=0.3)
        axes.legend()

    drawn(draw, (8.0, 4.4), path)


@cache
def recorded() -> tuple[Any, Any, Any]:
    """The network of digits, 500 of its images, and inputs and values of its activations."""
    from nn_bridge.models.networks import find_network
    from nn_bridge.propagation.passes import exact_pass

    digits = find_network("digits")
    (images, *_), *_ = digits.batches(digits.data("train").first(500), 500)
    network = digits.load()
    return network, images, exact_pass(network, images)[1]


def inputs_and_error(path: Path) -> Approximation:
    inputs = recorded()[2].inputs["block1/relu1"].flatten().numpy()
    ends = (-1.25 * abs(inputs).max(), 1.25 * abs(inputs).max())
    fitted = polyapprox.weighted_relu(multiplications=4, samples=inputs, interval=ends)
    plain = polyapprox.circuit("relu", multiplications=4, interval=ends)

    def draw(figure: Figure) -> None:
        above, below = figure.subplots(2, 1, sharex=True)
        above.hist(inputs, 80, color=GREY, log=True)
        above.set_ylabel("inputs of the activation")
        x = np.linspace(*ends, 3001)
        for one, colour, label in ((plain, ORANGE, "least largest error"), (fitted, BLUE, "fitted to the inputs")):
            below.plot(x, one(x) - np.maximum(x, 0), color=colour, linewidth=0.9, label=label)
        below.set(xlabel="x", ylabel="error r − f", xlim=ends)
        below.legend(loc="upper center")

    drawn(draw, (8.0, 5.0), path)
    return fitted


def propagation_map(path: Path) -> None:
    import nn_bridge
    from nn_bridge.propagation.passes import replaced_pass

    network, images, exact = recorded()
    converted = nn_bridge.convert(network, precision=2**-5, calibrate=[images], improve=False)
    activations = converted.report.replacement.activations
    sites, rows = list(exact.values), []
    for site in sites:
        _, found = replaced_pass(network, images, activations, chosen=site.__eq__)
        rows.append([float((found.values[one] - exact.values[one]).square().mean().sqrt()) for one in sites])

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        shown = axes.imshow(np.ma.masked_equal(rows, 0), cmap="viridis")
        axes.set_xticks(range(len(sites)), sites, rotation=45, ha="right")
        axes.set_yticks(range(len(sites)), sites)
        axes.set(xlabel="deviation of this activation (rms)", ylabel="this one alone is a polynomial")
        axes.grid(False)
        figure.colorbar(shown)

    drawn(draw, (6.4, 5.0), path)


def front(path: Path) -> None:
    polyapprox.pareto("relu", precision=2**-9).plot(path)


def training_curves(path: Path) -> None:
    runs: dict[str, list[list[float]]] = {}
    for run in saved_lines(ROOT / "experiments" / "paper" / "runs.jsonl"):
        made = run["configuration"]
        if (made["network"], made["start"], made["optimisation"]["decay"]) == ("digits", "random", 5e-4):
            label = "without noise" if made["noise"]["kind"] == "none" else "with noise (NGNV)"
            runs.setdefault(label, []).append([epoch["loss"] for epoch in run["epochs"]])

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for label, losses in runs.items():
            epochs = range(1, len(losses[0]) + 1)
            (line,) = axes.semilogy(epochs, [statistics.median(at) for at in zip(*losses, strict=True)],
                                    label=f"{label}: median of {len(losses)} trainings")  # fmt: skip
            axes.fill_between(epochs, *([pick(at) for at in zip(*losses, strict=True)] for pick in (min, max)),
                              color=line.get_color(), alpha=0.2, linewidth=0)  # fmt: skip
        axes.set(xlabel="epoch", ylabel="loss in training")
        axes.legend()

    drawn(draw, (8.0, 4.4), path)


def network_levels(path: Path) -> None:
    record = json.loads((EXPERIMENTS / "encrypted-resnet20.json").read_text(encoding="utf-8"))
    layers = record["layers"][0]
    x, y, refreshed = [0], [layers[0]["level"]], []
    for place, (layer, following) in enumerate(pairwise(layers)):
        x += [place, place + 1 / 3]
        y += [layer["level"], layer["level"] - 1]
        if layer["bootstraps"]:
            x.append(place + 1 / 3)
            y.append(following["level"] + layer["levels"])
            refreshed.append((x[-1], y[-1]))
        x.append(place + 1)
        y.append(following["level"])

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot(x, y, color=BLUE, label="level of the ciphertexts")
        axes.scatter(*zip(*refreshed, strict=True), color=RED, zorder=3, label="after a bootstrap")
        names = [layer["name"] for layer in layers]
        axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=7)
        axes.set(ylabel="levels left", ylim=(0, None))
        axes.legend(loc="lower right", ncols=2, bbox_to_anchor=(1, 1))

    drawn(draw, (8.0, 4.4), path)


def plan_drawn(path: Path) -> Approximation:
    relu = polyapprox.circuit("relu", multiplications=4)
    plot.plan_graph(relu.plan, path)
    return relu


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
    records = [
        record
        for record in saved_lines(results)
        if record["approximation"] == "backbone"
        or (record["approximation"], record["interval"], record.get("cap")) in CURVES
    ]
    with tempfile.TemporaryDirectory() as folder:
        made, _ = accuracy_figure(records, Path(folder) / "accuracy")
        path.write_bytes(made.read_bytes())


PICTURES: dict[str, Callable[[Path], Approximation | None]] = {
    "relu-error.png": relu_error,
    "direct-error.png": direct_error,
    "composite-error.png": composite_error,
    "composite-stages.png": composite_stages,
    "minimax-error.png": minimax_error,
    "outside.png": outside,
    "ciphertext-error.png": ciphertext_error,
    "convergence.png": convergence,
    "published-comparison.png": published_comparison,
    "front.png": front,
    "plan-levels.png": plan_drawn,
    "inputs-and-error.png": inputs_and_error,
    "propagation-map.png": propagation_map,
    "training-curves.png": training_curves,
    "network-levels.png": network_levels,
    "resnet20-accuracy.png": resnet20_accuracy,
}


def caption(one: Approximation) -> str:
    """What an approximation is, in one sentence."""
    low, high = (f"{float(end):.4g}".replace("-", "−") for end in one.interval)
    degrees = f"degree{'s' * (len(one.degrees) > 1)} {', '.join(map(str, one.degrees))}"
    return (
        f"*{one.function} on [{low}, {high}]: {one.structure}, {degrees}; error at most {upper(one.error_bound, 4)}, "
        f"proven; {one.multiplications} multiplications, {one.levels} levels.*\n"
    )


def captioned() -> dict[str, Callable[[], str]]:
    """A caption for each picture of one approximation, by the name of the picture."""

    def made(draw: Callable[[Path], Any]) -> str:
        with tempfile.TemporaryDirectory() as folder:
            return caption(draw(Path(folder) / "picture.png"))

    drawing = {name: draw for name, draw in PICTURES.items() if draw.__annotations__["return"] == "Approximation"}
    return {name.removesuffix(".png"): partial(made, draw) for name, draw in drawing.items()}


TABLES = captioned()


def pictures(names: list[str]) -> None:
    """Draw them, in few colours."""
    for name in names or PICTURES:
        path = FOLDER / name
        PICTURES[name](path)
        reduce_colours(path)
        if path.stat().st_size > LARGEST:
            raise SystemExit(f"{path} is larger than {LARGEST} bytes")


if __name__ == "__main__":
    chosen = [name for name in sys.argv[1:] if not name.startswith("-")]
    sys.exit(main(PAGE, TABLES, sys.argv[1:], lambda: pictures(chosen)))
