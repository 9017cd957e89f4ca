# SPDX-License-Identifier: Apache-2.0
"""Commands ``nn-bridge paper …``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polyapprox.cli.groups import Told
from polyapprox.cli.talk import ERRORS
from polyapprox.words import counted

app = typer.Typer(cls=Told, no_args_is_help=True, help="The tables of arXiv 2402.11224, run and made.")

FOLDER = Path("experiments/paper")
SCRATCH = Path(".cache/paper")
TRAIN = "train"
RESULTS = Path("experiments/results")
MEASURED = [RESULTS / name for name in ("other-networks.jsonl", "resnet20-cifar10.jsonl")]
_Arms = Annotated[
    list[str] | None, typer.Option("--arm", help="Row of the table; repeat for several.")
]
_Seeds = Annotated[list[int] | None, typer.Option("--seed", help="Repeat for several.")]
_Recipe = Annotated[str | None, typer.Option(help="Another recipe of training: P25, P60, D20, try.")]
_Parts = Annotated[
    list[str] | None,
    typer.Option(help="train, or a stage of measuring: branches, first, normalised, weighted, global, precise, "
                 "others, few, rescaled; repeat for several."),
]  # fmt: skip
_Runner = Annotated[str, typer.Option(help="Of trainings: serial, joblib or dask.")]
_Jobs = Annotated[int, typer.Option(help="Processes of joblib; -1: one a core.")]
_Scheduler = Annotated[str | None, typer.Option(help="Of dask's cluster: tcp://host:8786.")]
_Folder = Annotated[Path, typer.Option(help="Folder of records and weights.")]
_Scratch = Annotated[Path, typer.Option(help="Folder for checkpoints.")]
_Data = Annotated[Path | None, typer.Option(help="Folder with data ($NN_BRIDGE_DATA).")]


def _say(line: str) -> None:
    ERRORS.print(line, soft_wrap=True, highlight=False, markup=False)


def _run(
    table: str,
    arm: list[str] | None,
    seed: list[int] | None,
    recipe: str | None,
    folder: Path,
    scratch: Path,
    data: Path | None,
    part: list[str] | None,
    runner: str,
    jobs: int,
    scheduler: str | None,
) -> None:
    from polyapprox.circuits.search.runner import runner_named

    from ..errors import ArgumentError
    from .declared import runs
    from .explain import RESCALED, rescale_all
    from .measuring import STAGES, measure_all
    from .train import train_missing

    with_reference = table in ("table1", "table2")  # an arm of little decay for each seed
    known = (TRAIN, *STAGES, *([RESCALED] if with_reference else []))
    parts = tuple(part or known)
    for name in parts:
        if name not in known:
            raise ArgumentError(f"part is {name!r}: choose one of {', '.join(known)}")
    wanted = runs(table, arm or (), seed or (), recipe)
    if TRAIN in parts:
        run = runner_named(runner, jobs, scheduler=scheduler, ordered=False)
        train_missing(wanted, folder, scratch, data, _say, None if runner == "serial" else run)
    measure_all(wanted, folder, data, tuple(name for name in STAGES if name in parts), _say)
    if RESCALED in parts:
        rescale_all(wanted, folder, data, _say)


def _table(name: str, about: str) -> None:
    """Add the command of a table."""

    def run(
        arm: _Arms = None,
        seed: _Seeds = None,
        recipe: _Recipe = None,
        part: _Parts = None,
        folder: _Folder = FOLDER,
        scratch: _Scratch = SCRATCH,
        data: _Data = None,
        runner: _Runner = "serial",
        jobs: _Jobs = -1,
        scheduler: _Scheduler = None,
    ) -> None:
        _run(name, arm, seed, recipe, folder, scratch, data, part, runner, jobs, scheduler)

    app.command(name, help=f"{about} Trains and measures what is not on record.")(run)


TABLES = {
    "table1": "Table 1: decay, little decay, Mixup, NGNV.",
    "table2": "Table 2: weight decay, of all parameters or some.",
    "table3": "Table 3: NGNV in all its forms, as branches of Table 1.",
    "table4": "Table 4: other networks and images.",
    "backbone": "A long training with ReLU, and more epochs with few multiplications in its place.",
}
"""Commands that train and measure, and what they are about."""
for _name_of, _about in TABLES.items():
    _table(_name_of, _about)


@app.command()
def law(
    measured: Annotated[
        list[Path] | None,
        typer.Option(help="Files of accuracy records; by default those in experiments/results."),
    ] = None,
    arm: _Arms = None,
    seed: _Seeds = None,
    folder: _Folder = FOLDER,
    data: _Data = None,
) -> None:
    """Predict measured cells from 24 images each, and from more until that is sure to two points.

    With --arm: cells of networks of Table 1.
    """
    from .background import subjects
    from .declared import runs
    from .law import LAW, measured as cells_of, run_law
    from .measuring import cells_path

    if not arm or measured:
        run_law(cells_of(measured or MEASURED), folder / LAW, data, _say)
    trained = runs("table1", arm, seed or (0,)) if arm else []
    for run, subject in zip(trained, subjects([], trained, folder), strict=True):
        run_law(cells_of([cells_path(folder, run.key)]), folder / LAW, data, _say, subject)


@app.command()
def background(
    network: Annotated[
        list[str] | None, typer.Option(help="A published network; repeat for several.")
    ] = None,
    arm: _Arms = None,
    seed: _Seeds = None,
    images: Annotated[int, typer.Option(help="Of the test set, the first ones.")] = 500,
    folder: _Folder = FOLDER,
    data: _Data = None,
) -> None:
    """Errors at negative inputs alone, at positive ones, moved, without their means: which ones hurt."""
    from ..errors import ArgumentError
    from .background import BACKGROUND, run_background, subjects
    from .declared import runs

    if images < 1:
        raise ArgumentError(f"images is {images}: give at least 1")
    trained = runs("table1", arm, seed or (0,)) if arm else []
    run_background(
        subjects(network or ([] if arm else ["resnet20-cifar10"]), trained, folder),
        folder / BACKGROUND, data, images=images, say=_say,
    )  # fmt: skip


@app.command()
def cost(
    results: Annotated[Path, typer.Option(help="Folder of records of encrypted runs.")] = RESULTS,
) -> None:
    """A whole ResNet-20 on ciphertexts, ours beside r_12 and the paper, from records."""
    from .cost import costs, shown

    typer.echo(shown(costs(results)))


@app.command()
def verify(
    share: Annotated[float, typer.Option(help="Of all cells.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Of the random choice.")] = 0,
    folder: _Folder = FOLDER,
    data: _Data = None,
) -> None:
    """Measure a random share of all cells again, from the stored weights; differing ones fail.

    At the end a line of verified.jsonl in --folder says how many were the same.
    """
    from ..errors import ArgumentError
    from .verify import verify as again

    if not 0 < share <= 1:
        raise ArgumentError(f"share is {share}: give one of all cells, above 0 and at most 1")
    found = again(folder, share, seed, data, _say)
    differing = sum(not one.ok for one in found)
    _say(f"{counted(len(found), 'cell')}, {differing} of them differ")
    raise typer.Exit(1 if differing else 0)


@app.command()
def repeat(
    table: Annotated[str, typer.Option(help=f"Of {', '.join(TABLES)}.")] = "table1",
    arm: Annotated[str | None, typer.Option(help="Row of the table; by default the first.")] = None,
    seed: Annotated[int, typer.Option(help="Of the run.")] = 0,
    recipe: _Recipe = None,
    folder: _Folder = FOLDER,
    scratch: _Scratch = SCRATCH,
    data: _Data = None,
) -> None:
    """Train a run on record again, from nothing, and compare; another accuracy fails.

    It may be off by three standard deviations of the arm's other seeds,
    and by a point in any case. Stored weights and records of trainings stay
    as they are; what came out is a line of repeated.jsonl in --folder.
    """
    from .repeat import repeat as again

    found = again(table, arm, seed, recipe, folder, scratch, data, _say)
    _say(str(found))
    raise typer.Exit(0 if found.ok else 1)
