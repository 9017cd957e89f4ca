"""Commands ``nn-bridge paper …``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(no_args_is_help=True, help="The tables of arXiv 2402.11224, run and made.")
_errors = Console(stderr=True)

FOLDER = Path("experiments/paper")
SCRATCH = Path(".cache/paper")
_Arms = Annotated[
    list[str] | None, typer.Option("--arm", help="Row of the table; repeat for several.")
]
_Seeds = Annotated[list[int] | None, typer.Option("--seed", help="Repeat for several.")]
_Recipe = Annotated[str | None, typer.Option(help="Another recipe of training: P25, digits.")]
_Folder = Annotated[Path, typer.Option(help="Folder of records and weights.")]
_Scratch = Annotated[Path, typer.Option(help="Folder for checkpoints.")]
_Data = Annotated[Path | None, typer.Option(help="Folder with data ($NN_BRIDGE_DATA).")]


def _say(line: str) -> None:
    _errors.print(line, soft_wrap=True, highlight=False, markup=False)


def _run(
    table: str,
    arm: list[str] | None,
    seed: list[int] | None,
    recipe: str | None,
    folder: Path,
    scratch: Path,
    data: Path | None,
) -> None:
    from .declared import runs
    from .train import train_missing

    wanted = runs(table, arm or (), seed or (), recipe)
    train_missing(wanted, folder, scratch, data, _say)


@app.command()
def table1(
    arm: _Arms = None,
    seed: _Seeds = None,
    recipe: _Recipe = None,
    folder: _Folder = FOLDER,
    scratch: _Scratch = SCRATCH,
    data: _Data = None,
) -> None:
    """Train Table 1: decay, little decay, Mixup, NGNV; goes on where it was stopped."""
    _run("table1", arm, seed, recipe, folder, scratch, data)


@app.command()
def table2(
    arm: _Arms = None,
    seed: _Seeds = None,
    recipe: _Recipe = None,
    folder: _Folder = FOLDER,
    scratch: _Scratch = SCRATCH,
    data: _Data = None,
) -> None:
    """Train Table 2: weight decay, of all parameters or some; goes on where it was stopped."""
    _run("table2", arm, seed, recipe, folder, scratch, data)
