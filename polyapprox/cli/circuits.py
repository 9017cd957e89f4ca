"""``polyapprox circuits``: the circuits shipped, and the search for others."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from ..approximation import Approximation
from ..errors import ArgumentError
from . import values

if TYPE_CHECKING:
    from ..circuits.search import Settings

application = typer.Typer(
    name="circuits",
    help="Circuits: |x| and its kin with the fewest multiplications.",
    no_args_is_help=True,
    add_completion=False,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]


@application.command(name="list")
def show_list(as_json: AsJson = False) -> None:
    """The circuits shipped with the package, with their proven ReLU bits on [-1, 1]."""
    from ..circuits import circuit_plan, shipped_circuits
    from ..plan import count
    from .report import write_json, write_text

    rows: list[dict[str, Any]] = []
    for m, one in shipped_circuits().items():
        plan = circuit_plan(one.circuit, "relu", 1.0)
        published, standalone = count(plan), count(plan, "standalone")
        rows.append(
            {
                "multiplications": m,
                "bits": one.bits,
                "levels_published": published.depth,
                "levels_standalone": standalone.depth,
                "constant_products": published.constant_products,
                "largest_constant": one.circuit.largest_constant,
                "origin": one.origin,
            }
        )
    if as_json:
        write_json({"function": "relu", "interval": [-1, 1], "circuits": rows})
        return
    head = "multiplications  ReLU bits (proven)  levels: published, standalone  constant products"
    lines = [
        f"{row['multiplications']:15d}  {row['bits']:18.4f}  "
        f"{row['levels_published']:17d}, {row['levels_standalone']:10d}  "
        f"{row['constant_products']:17d}"
        for row in rows
    ]
    write_text("\n".join([head, *lines]))


@application.command()
def search(
    function: Annotated[str, typer.Argument(help="relu, abs, maximum, minimum or sign.")],
    multiplications: Annotated[int, typer.Option(help="Multiplications of the circuit.")],
    threshold: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Of the sign: from which x on, such as 2^-4."),
    ] = None,
    starts: Annotated[int, typer.Option(help="Trials for each number of multiplications.")] = 200,
    beam: Annotated[int, typer.Option(help="Circuits kept from stage to stage.")] = 8,
    finalists: Annotated[int, typer.Option(help="Circuits a stage fitted to the end.")] = 3,
    seed: Annotated[int, typer.Option(help="The same seed finds the same circuit.")] = 0,
    record: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Keep every trial here (JSON lines); an interrupted search goes on."),
    ] = None,
    output: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--output", "-o", help="Write the table (JSON) here."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Search for a circuit on [-1, 1], from nothing, and prove it."""
    from ..circuits.plan import FUNCTIONS
    from ..circuits.search import Settings
    from ..recipes.arguments import read_choice
    from .report import show_approximation, summary, write_json

    read_choice("function", function, (*FUNCTIONS, "sign"))
    if (threshold is None) == (function == "sign"):
        raise ArgumentError("the sign, and only the sign, needs a threshold, such as 2^-4")
    command = (
        f"polyapprox circuits search {function} --multiplications {multiplications} "
        f"--starts {starts} --beam {beam} --finalists {finalists} --seed {seed}"
    )
    if threshold is None:
        settings = Settings(multiplications, starts, beam, finalists, seed)
        result = _absolute(function, settings, record, command)
    else:  # the last multiplication is that by x
        if multiplications < 3:
            raise ArgumentError(
                f"multiplications must be a whole number from 3 on for the sign; "
                f"got {multiplications}"
            )
        settings = Settings(multiplications - 1, starts, beam, finalists, seed)
        result = _sign(threshold, settings, record, f"{command} --threshold {threshold}")
    written = [] if output is None else [str(result.save(output))]
    if as_json:
        write_json({**summary(result), "files": written})
    else:
        show_approximation(result, written)


def _absolute(
    function: str, settings: Settings, record: Path | None, command: str
) -> Approximation:
    from ..circuits import canonical
    from ..circuits.build import estimated_error
    from ..circuits.search import search as run
    from ..circuits.thin import thinned
    from ..recipes.circuits import of_constants

    *_, last = run(settings, record)
    circuit = thinned(canonical(last.best.chain, "even"))
    return of_constants(function, circuit, estimated_error(circuit), (-1.0, 1.0), command)


def _sign(
    threshold: str, settings: Settings, record: Path | None, command: str
) -> Approximation:
    from ..circuits import canonical
    from ..circuits.build import estimated_error
    from ..circuits.chain import sign_grid
    from ..circuits.search import search as run
    from ..circuits.thin import thinned
    from ..recipes.arguments import read_threshold
    from ..recipes.circuits import sign_of_constants

    gap = read_threshold(values.number(threshold, "threshold"))
    *_, last = run(settings, record, grid=partial(sign_grid, gap), target=f"sign from {gap!r}")
    circuit = thinned(canonical(last.best.chain, "odd"))
    return sign_of_constants(circuit, estimated_error(circuit, gap), gap, 1.0, command)
