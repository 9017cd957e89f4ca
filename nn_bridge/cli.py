"""Command line: ``nn-bridge``."""

from __future__ import annotations

import dataclasses
import math
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from polyapprox.cli.values import number, renamed
from polyapprox.errors import PolyApproxError
from polyapprox.outward import upper
from polyapprox.provenance import version

from .cli_encrypted import app as encrypt
from .errors import ArgumentError
from .paper.cli import app as paper
from .ranges.bounds import MARGIN

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help=__doc__, pretty_exceptions_enable=False
)
app.add_typer(paper, name="paper")
app.add_typer(encrypt, name="encrypt")
SYNONYMS = {"--out": "--output"}
FORMER = {"levels": "depth"}  # in the records
_out = Console()
_errors = Console(stderr=True)


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
) -> None:
    """Read what stands before the command."""


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=_errors,
        disable=not _errors.is_terminal, transient=True,
    )  # fmt: skip


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
            "'-corrected' after it (batch normalisation is corrected) or '-means' (mean errors are); "
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
        _out.print(f"network {network}: {reason}", soft_wrap=True, highlight=False)
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
    with _progress() as bar:
        task = bar.add_task("", total=None)

        def show(done: int, total: int, label: str) -> None:
            bar.update(task, completed=done, total=total, description=label)

        records = run_accuracy(configuration, lines, data, weights, show)
    _out.print(_accuracy_table(records))
    figures = accuracy_figure(records, out / f"accuracy-{network}")
    for path in (lines, *figures):
        _out.print(f"wrote {path}", soft_wrap=True, highlight=False)


def _accuracy_table(records: list[dict[str, Any]]) -> Table:
    backbone, runs = records[0], records[1:]
    intervals = list(dict.fromkeys(record["interval"] for record in runs))
    table = Table(
        title=f"{backbone['network']}: {100 * backbone['accuracy']:.2f} % of "
        f"{backbone['images']} test images with ReLU itself",
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
    with _progress() as bar:
        task = bar.add_task("training", total=epochs)

        def show(done: int, loss: float) -> None:
            bar.update(task, completed=done, description=f"training, loss {loss:.4f}")

        record = train(TrainingConfiguration(seed=seed, epochs=epochs), out, show)
    for split, value in record["accuracy"].items():
        _out.print(f"{split}: {100 * value:.2f} % of {record['images'][split]} images")
    _out.print(f"wrote {out} and {out.with_suffix('.json')}", soft_wrap=True, highlight=False)


@app.command()
def train(
    configuration: Annotated[Path, typer.Argument(help="A TOML file: see docs/training.md.")],
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder for checkpoint, log and weights.")],
    data: Annotated[Path | None, typer.Option(help="Folder with data ($NN_BRIDGE_DATA).")] = None,
    device: Annotated[str, typer.Option(help="Device, as torch names it.")] = "cpu",
    seed: Annotated[int | None, typer.Option(help="In place of the file's.")] = None,
) -> None:
    """Train a network; started again with the same folder, it goes on where it stopped."""
    from .training import fit, read_configuration

    chosen = read_configuration(configuration)
    if seed is not None:
        chosen = dataclasses.replace(chosen, seed=seed)
    with _training_progress() as bar:
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
    _out.print(table)
    if chosen.validation:
        _out.print(
            f"accuracy of the {chosen.validation} images held out in the table; of the test "
            f"images: {100 * trained.record['accuracy']:.2f} %",
            soft_wrap=True, highlight=False,
        )  # fmt: skip
    _out.print(f"wrote {out / 'weights.safetensors'} and {out / 'record.json'}", soft_wrap=True,
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
    model = known.load(data)
    ranges = calibrate(model, known.batches(known.data("train", data).first(calibration)))
    found = propagate(
        model,
        known.batches(known.data("test", data).first(images), 50),
        precision=2.0**-power,
        calibrate=ranges,
        margin=margin,
    )
    _out.print(str(found), soft_wrap=True, highlight=False, markup=False)
    path = found.save(out / f"propagation-{network}.html")
    settings = {
        "network": network, "power": power, "calibration": calibration, "range_margin": margin,
    }  # fmt: skip
    results = write_json(path.with_suffix(".json"), {**found.as_dict(), **settings})
    _out.print(f"wrote {path} and {results}", soft_wrap=True, highlight=False)


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
    record = run_allocation(
        chosen, out, data, lambda line: _errors.print(line, soft_wrap=True, highlight=False)
    )
    table = Table("activation", "B", "multiplications", "levels", "proven error", box=SIMPLE_HEAD)
    for site in record["sites"]:
        table.add_row(
            site["site"], f"{site['bound']:.3g}", str(site["multiplications"]), str(site["depth"]),
            upper(site["proven_error"], 3),
        )  # fmt: skip
    _out.print(table)
    test = record["test_images"]
    _out.print(
        f"{record[FORMER.get(cost, cost)]} {cost}, {record['uniform']['cost']} with one circuit for all: "
        f"{100 * record['saving']:.1f} % less; {test['images']} test images: "
        f"{100 * test['allocated']:.2f} %, with ReLU itself {100 * test['exact']:.2f} %",
        soft_wrap=True, highlight=False,
    )  # fmt: skip
    _out.print(f"wrote {out}", soft_wrap=True, highlight=False)


def _training_progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[loss]}"),
        TimeElapsedColumn(), TimeRemainingColumn(),
        console=_errors, disable=not _errors.is_terminal, transient=True,
    )  # fmt: skip


@app.command()
def networks() -> None:
    """List the networks that are known by name."""
    from .models.networks import NETWORKS

    table = Table()
    for heading in ("name", "images", "weights", "from"):
        table.add_column(heading, no_wrap=heading == "name")
    for network in NETWORKS.values():
        weights = network.weights.name if network.weights else "none yet"
        table.add_row(network.name, network.images, weights, network.origin)
    _out.print(table)


_UsageError: Any = typer.BadParameter.__mro__[2]  # whatever typer builds on calls it


def main() -> None:
    """Run the command; bad input is one sentence and exit code 2."""
    try:
        sys.exit(app(args=renamed(sys.argv[1:], SYNONYMS), standalone_mode=False))
    except (PolyApproxError, OSError) as error:
        _fail(str(error), 2)
    except typer.Abort:
        _fail("interrupted; finished runs are kept", 130)
    except _UsageError as error:
        _fail(error.format_message(), getattr(error, "exit_code", 2))


def _fail(sentence: str, code: int) -> NoReturn:
    text = " ".join(sentence.split())
    if text:
        _errors.print(f"nn-bridge: {text}", soft_wrap=True, highlight=False, markup=False)
    sys.exit(code)
