# SPDX-License-Identifier: Apache-2.0
"""Command line: ``nn-bridge``."""

from __future__ import annotations

import dataclasses
import math
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.progress import TextColumn, TimeRemainingColumn
from rich.table import Table

from polyapprox.cli.groups import Told
from polyapprox.cli.running import run
from polyapprox.cli.talk import OUT, TALK, Steps
from polyapprox.cli.values import number, renamed
from polyapprox.outward import upper
from polyapprox.provenance import version
from polyapprox.words import counted

from .cli_encrypted import app as encrypt
from .errors import ArgumentError
from .paper.cli import TABLES, app as paper
from .ranges import MARGIN

EXAMPLES = {
    "accuracy": "nn-bridge accuracy --network auto --limit 500 --interval 50 --interval per-layer",
    "train-digits": "nn-bridge train-digits --seed 1 --output out/digits.safetensors",
    "train": "nn-bridge train sturdy.toml --output out/sturdy --seed 1",
    "propagate": "nn-bridge propagate --network digits --precision 2^-7",
    "allocate": "nn-bridge allocate --network digits --loss 0.005",
    "networks": "nn-bridge networks",
    "encrypt": "nn-bridge encrypt --network digits --ring 2^11 --no-weighted",
    "encrypt keygen": "nn-bridge encrypt keygen --network digits --ring 2^11 --client client --server server",
    "encrypt image": "nn-bridge encrypt image --network digits --client client --image 7",
    "encrypt evaluate": "nn-bridge encrypt evaluate --server server",
    "encrypt decrypt": "nn-bridge encrypt decrypt --client client",
    **{
        f"paper {name}": f"nn-bridge paper {name} --seed 1 --runner joblib --jobs 2"
        for name in TABLES
    },
    "paper law": "nn-bridge paper law",
    "paper background": "nn-bridge paper background",
    "paper cost": "nn-bridge paper cost",
    "paper verify": "nn-bridge paper verify --share 0.1",
    "paper repeat": "nn-bridge paper repeat --recipe D20 --seed 1",
}
_RUNS = "finished runs are on record in the folder of --output: the same command goes on after them"
_CELLS = "finished trainings and cells are on record in --folder: the same command goes on after them"
KEPT = {
    "accuracy": _RUNS,
    "allocate": "what was measured is on record beside --output: the same command does not repeat it",
    "train": "the last checkpoint is in the folder of --output: the same command goes on from it, bit "
    "for bit",
    "encrypt": "with --folder, keys and finished layers are in it, and the same command goes on after "
    "them; without it nothing is kept",
    "encrypt evaluate": "finished layers are in the folder of --server: the same command goes on",
    **{f"paper {name}": _CELLS for name in (*TABLES, "law")},
    "paper repeat": "the last whole epoch is in the folder of --scratch: the same command of the same commit goes on "
    "from it, bit for bit",
}


class _Commands(Told):
    examples = EXAMPLES


app = typer.Typer(
    cls=_Commands, no_args_is_help=True, pretty_exceptions_enable=False,
    help="Networks whose activations are polynomials with proven bounds.",
)  # fmt: skip
app.add_typer(paper, name="paper")
app.add_typer(encrypt, name="encrypt")
SYNONYMS = {"--out": "--output"}
FORMER = {"levels": "depth"}  # in the records


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nn-bridge {version()}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress and no report; may stand anywhere.")
    ] = False,
) -> None:
    """Read what stands before the command."""


@app.command()
def accuracy(
    network: Annotated[str, typer.Option(help="Name of a network, or 'auto'.")] = "auto",
    data: Annotated[Path | None, typer.Option(help="Folder with data ($NN_BRIDGE_DATA).")] = None,
    weights: Annotated[Path | None, typer.Option(help="Other weights for the network.")] = None,
    first: Annotated[int, typer.Option("--from", help="First precision is 2^-FROM.")] = 6,
    last: Annotated[int, typer.Option("--to", help="Last precision is 2^-TO.")] = 13,
    interval: Annotated[
        list[str] | None,
        typer.Option(
            help="'per-layer', 'per-channel', 'per-channel-shared', 'global' or one B; repeat for "
            "several."
        ),
    ] = None,
    approximation: Annotated[
        list[str] | None,
        typer.Option(
            help="'ours', 'weighted', 'zero', 'with-constant' or 'published', or one with "
            "'-corrected' after it (batch normalisation is corrected), '-means' (mean errors are) or '-silenced' (dead channels are); "
            "repeat for several."
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="First test images only.")] = None,
    calibration: Annotated[
        str, typer.Option(help="Measure ranges on 'train' or 'test' images.")
    ] = "train",
    calibration_images: Annotated[int, typer.Option(help="How many training images.")] = 5000,
    margin: Annotated[float, typer.Option(help="Factor on measured ranges.")] = MARGIN,
    cap: Annotated[float, typer.Option(help="Largest error of 'weighted' beside 'ours'.")] = 8.0,
    outside: Annotated[str, typer.Option(help="'report', 'raise' or 'clamp'.")] = "report",
    out: Annotated[Path, typer.Option("--output", "-o", help="Output folder.")] = Path("out"),
) -> None:
    """Accuracy against precision: table, JSON lines and figure.

    A run that is in the JSON lines already is not repeated.
    """
    from .experiments.accuracy import AccuracyConfiguration, choose_network, run_accuracy
    from .experiments.figure import accuracy_figure

    if network == "auto":
        network, reason = choose_network(data)
        OUT.print(f"network {network}: {reason}", soft_wrap=True, highlight=False)
    configuration = AccuracyConfiguration(
        network=network,
        first=first,
        last=last,
        intervals=tuple(interval or AccuracyConfiguration.intervals),
        approximations=tuple(approximation or AccuracyConfiguration.approximations),
        limit=limit,
        calibration=calibration,  # type: ignore[arg-type]
        calibration_images=calibration_images,
        margin=margin,
        cap=cap,
        outside=outside,  # type: ignore[arg-type]
    )
    lines = out / f"accuracy-{network}.jsonl"
    with Steps() as bar:
        task = bar.add_task("", total=None)

        def show(done: int, total: int, label: str) -> None:
            bar.update(task, completed=done, total=total, description=label)

        records = run_accuracy(configuration, lines, data, weights, show)
    OUT.print(_accuracy_table(records))
    figures = accuracy_figure(records, out / f"accuracy-{network}")
    for path in (lines, *figures):
        OUT.print(f"wrote {path}", soft_wrap=True, highlight=False)


def _accuracy_table(records: list[dict[str, Any]]) -> Table:
    backbone, runs = records[0], records[1:]
    intervals = list(dict.fromkeys(record["interval"] for record in runs))
    table = Table(
        title=f"{backbone['network']}: {100 * backbone['accuracy']:.2f} % of "
        f"{counted(backbone['images'], 'test image')} with ReLU itself",
        caption="Cost: levels and multiplications of one activation, counting rule 'published'. "
        "Accuracy in % by interval, in brackets the number of inputs outside it.",
        box=SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
    )
    for heading in ("error", "by", "degrees", "cost"):
        side: Any = "right" if heading == "error" else "left"
        table.add_column(heading, justify=side, no_wrap=True)
    for interval in intervals:
        heading = interval if "l" in interval else f"B = {interval}"
        table.add_column(heading, justify="right", no_wrap=True)
    rows: dict[tuple[int, str], dict[str, dict[str, Any]]] = {}
    for record in runs:
        row = rows.setdefault((record["power"], record["approximation"]), {})
        row[record["interval"]] = record
    for (power, name), row in rows.items():
        first = next(iter(row.values()))
        table.add_row(
            f"2^-{power}",
            name,
            " ".join(map(str, first["degrees"])),
            f"{first['depth']}, {first['multiplications']}",
            *(_cell(row[interval]) for interval in intervals),
        )
    return table


def _cell(record: dict[str, Any]) -> str:
    outside = f" ({_short(record['inputs_outside'])})" if record["inputs_outside"] else ""
    return f"{100 * record['accuracy']:.2f}{outside}"


def _percent(share: float | None) -> str:
    """Empty where it was not measured."""
    return "" if share is None else f"{100 * share:.2f}"


def _short(count: int) -> str:
    """At most four characters: 950, 12k, 3M."""
    for unit, size in (("M", 10**6), ("k", 10**3)):
        if count >= size:
            return f"{count / size:.1f}{unit}" if count < 10 * size else f"{count // size}{unit}"
    return str(count)


@app.command("train-digits")
def train_digits(
    out: Annotated[Path, typer.Option("--output", "-o", help="File of weights to write.")] = Path(
        "out/digits.safetensors"
    ),
    seed: Annotated[int, typer.Option()] = 20210,
    epochs: Annotated[int, typer.Option()] = 40,
) -> None:
    """Train the network of digits again (seeded); the record is written beside the weights."""
    from .training import TrainingConfiguration, train_digits as train

    if epochs < 1:
        raise ArgumentError(f"epochs is {epochs}: give at least 1")
    if out.suffix != ".safetensors":
        raise ArgumentError(f"output is {out}: give a file that ends with .safetensors")
    with Steps() as bar:
        task = bar.add_task("training", total=epochs)

        def show(done: int, loss: float) -> None:
            bar.update(task, completed=done, description=f"training, loss {loss:.4f}")

        record = train(TrainingConfiguration(seed=seed, epochs=epochs), out, show)
    for split, value in record["accuracy"].items():
        OUT.print(f"{split}: {100 * value:.2f} % of {counted(record['images'][split], 'image')}")
    OUT.print(f"wrote {out} and {out.with_suffix('.json')}", soft_wrap=True, highlight=False)


def _show_sample(wanted: bool) -> None:
    if wanted:
        sample = Path(__file__).parent / "training" / "sample.toml"
        typer.echo(sample.read_text(encoding="utf-8"), nl=False)
        raise typer.Exit


@app.command()
def train(
    configuration: Annotated[Path, typer.Argument(help="A TOML file; --sample prints one.")],
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder for checkpoint, log and weights.")],
    data: Annotated[Path | None, typer.Option(help="Folder with data ($NN_BRIDGE_DATA).")] = None,
    device: Annotated[str, typer.Option(help="Device, as torch names it.")] = "cpu",
    seed: Annotated[int | None, typer.Option(help="In place of the file's.")] = None,
    sample: Annotated[
        bool, typer.Option("--sample", callback=_show_sample, is_eager=True, help="Print a file to begin with.")
    ] = False,
) -> None:
    """Train a network; started again with the same folder, it goes on where it stopped."""
    from .training import fit, read_configuration

    chosen = read_configuration(configuration)
    if seed is not None:
        chosen = dataclasses.replace(chosen, seed=seed)
    with Steps(TextColumn("{task.fields[loss]}"), TimeRemainingColumn()) as bar:
        task = bar.add_task("", total=None, loss="")

        def show(label: str, step: int, steps: int, loss: float) -> None:
            bar.update(
                task, completed=step, total=steps, description=label, loss=f"loss {loss:.3f}"
            )

        trained = fit(chosen, out, data=data, progress=show, device=device)
    if trained.record["accuracy"] is None:  # another process reports
        return
    table = Table("epoch", "loss", "accuracy, %", "images/s", box=SIMPLE_HEAD)
    for epoch in trained.record["epochs"]:
        table.add_row(
            str(epoch["epoch"]), f"{epoch['loss']:.4f}", _percent(epoch.get("accuracy")),
            f"{epoch['images_a_second']:.0f}",
        )  # fmt: skip
    OUT.print(table)
    if chosen.validation:
        OUT.print(
            f"accuracy of the {counted(chosen.validation, 'image')} held out in the table; of the test "
            f"images: {100 * trained.record['accuracy']:.2f} %",
            soft_wrap=True, highlight=False,
        )  # fmt: skip
    OUT.print(f"wrote {out / 'weights.safetensors'} and {out / 'record.json'}", soft_wrap=True,
               highlight=False)  # fmt: skip


@app.command("propagate")
def propagate_errors(
    network: Annotated[str, typer.Option(help="Name of a network.")] = "digits",
    data: Annotated[Path | None, typer.Option(help="Folder with data ($NN_BRIDGE_DATA).")] = None,
    precision: Annotated[str, typer.Option(help="A power of two, such as 2^-9.")] = "2^-9",
    images: Annotated[int, typer.Option(help="Test images to measure on.")] = 200,
    calibration: Annotated[int, typer.Option(help="Training images to measure ranges on.")] = 2000,
    margin: Annotated[float, typer.Option(help="Factor on measured ranges.")] = MARGIN,
    out: Annotated[Path, typer.Option("--output", "-o", help="Output folder.")] = Path("out"),
) -> None:
    """How the error of each activation travels to the logits: a table, and one page."""
    from .files import write_json
    from .models.networks import find_network
    from .propagation import propagate
    from .ranges.calibration import calibrate

    power = _power(precision)
    if not 1 <= power <= 40 or images < 1 or calibration < 1:
        raise ArgumentError(
            f"precision is {precision}, images {images}, calibration {calibration}: give a whole "
            "number from 1 to 40, and at least one image of each"
        )
    known = find_network(network)
    with Steps() as bar:
        bar.add_task(f"errors through {network}", total=None)
        model = known.load(data)
        ranges = calibrate(model, known.batches(known.data("train", data).first(calibration)))
        found = propagate(
            model,
            known.batches(known.data("test", data).first(images), 50),
            precision=2.0**-power,
            calibrate=ranges,
            margin=margin,
        )
    OUT.print(str(found), soft_wrap=True, highlight=False, markup=False)
    path = found.save(out / f"propagation-{network}.html")
    settings = {
        "network": network, "power": power, "calibration": calibration, "range_margin": margin,
    }  # fmt: skip
    results = write_json(path.with_suffix(".json"), {**found.as_dict(), **settings})
    OUT.print(f"wrote {path} and {results}", soft_wrap=True, highlight=False)


def _power(precision: str) -> int:
    """K of the precision 2^-K, which K itself may stand for."""
    value = number(precision, "precision")
    power = value if value >= 1 else -math.log2(value) if value > 0 else 0.5
    if power != int(power):
        raise ArgumentError(f"precision is {precision!r}: give a power of two, such as 2^-9")
    return int(power)


@app.command("allocate")
def allocate_precisions(
    network: Annotated[str, typer.Option(help="Name of a network.")] = "digits",
    data: Annotated[Path | None, typer.Option(help="Folder with data ($NN_BRIDGE_DATA).")] = None,
    loss: Annotated[float, typer.Option(help="Accuracy that may be lost: 0.005 is half a point.")]
    = 0.005,
    cost: Annotated[str, typer.Option(help="'multiplications' or 'levels'.")] = "multiplications",
    margin: Annotated[float, typer.Option(help="Factor on measured ranges.")] = MARGIN,
    calibration: Annotated[int, typer.Option(help="Training images to measure ranges on.")] = 5000,
    selection: Annotated[int, typer.Option(help="Further training images to choose by.")] = 3000,
    limit: Annotated[int | None, typer.Option(help="First test images only.")] = None,
    out: Annotated[Path, typer.Option("--output", "-o", help="JSON to write.")] = Path("out/allocation.json"),
) -> None:
    """A precision for each activation, of least total cost; what is measured is not repeated."""
    from .experiments.allocation import AllocationConfiguration, run_allocation

    chosen = AllocationConfiguration(
        network=network, loss=loss, cost=FORMER.get(cost, cost), margin=margin,  # type: ignore[arg-type]
        calibration=calibration, selection=selection, limit=limit,
    )  # fmt: skip
    record = run_allocation(chosen, out, data, TALK.say)
    table = Table("activation", "B", "multiplications", "levels", "proven error", box=SIMPLE_HEAD)
    for site in record["sites"]:
        table.add_row(
            site["site"], f"{site['bound']:.3g}", str(site["multiplications"]), str(site["depth"]),
            upper(site["proven_error"], 3),
        )  # fmt: skip
    OUT.print(table)
    test = record["test_images"]
    OUT.print(
        f"{record[FORMER.get(cost, cost)]} {cost}, {record['uniform']['cost']} with one circuit for all: "
        f"{100 * record['saving']:.1f} % less; {counted(test['images'], 'test image')}: "
        f"{100 * test['allocated']:.2f} %, with ReLU itself {100 * test['exact']:.2f} %",
        soft_wrap=True, highlight=False,
    )  # fmt: skip
    OUT.print(f"wrote {out}", soft_wrap=True, highlight=False)


@app.command()
def networks() -> None:
    """List the networks that are known by name."""
    from .models.networks import NETWORKS

    table = Table(box=SIMPLE_HEAD)
    for heading in ("name", "images", "weights", "from"):
        table.add_column(heading, no_wrap=heading == "name", overflow="fold")
    for network in NETWORKS.values():
        weights = "there" if network.weights else "none yet"
        table.add_row(network.name, network.images, weights, network.origin)
    OUT.print(table)


def main() -> None:
    """Run the command; bad input is one sentence and exit code 2."""
    given = renamed(sys.argv[1:], SYNONYMS)
    sys.exit(run(typer.main.get_command(app), "nn-bridge", given, KEPT, clock=False))
