"""``polyapprox circuits``: the circuits shipped, and the search for others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

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
    function: Annotated[str, typer.Argument(help="relu, abs, maximum or minimum.")],
    multiplications: Annotated[int, typer.Option(help="Multiplications of the circuit.")],
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
    from ..circuits.build import estimated_error
    from ..circuits.plan import FUNCTIONS
    from ..circuits.search import Settings, search as run
    from ..circuits.shape import canonical
    from ..recipes.arguments import read_choice
    from ..recipes.circuits import of_constants
    from .report import show_approximation, summary, write_json

    read_choice("function", function, FUNCTIONS)
    settings = Settings(multiplications, starts, beam, finalists, seed)
    *_, last = run(settings, record)
    circuit = canonical(last.best.chain, "even")
    command = (
        f"polyapprox circuits search {function} --multiplications {multiplications} "
        f"--starts {starts} --beam {beam} --finalists {finalists} --seed {seed}"
    )
    result = of_constants(function, circuit, estimated_error(circuit), (-1.0, 1.0), command)
    written = [] if output is None else [str(result.save(output))]
    if as_json:
        write_json({**summary(result), "files": written})
    else:
        show_approximation(result, written)
