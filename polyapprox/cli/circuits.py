# SPDX-License-Identifier: Apache-2.0
"""``polyapprox circuits``: the circuits shipped, and the search for others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ArgumentError
from ..outward import lower_places
from ..words import counted
from . import values
from .groups import Told
from .outputs import put
from .talk import TALK

if TYPE_CHECKING:
    import mpmath

    from ..approximation import Approximation
    from ..circuits.library import Shipped
    from ..circuits.search.rounds import Settings
    from ..circuits.search.runner import Runner

application = typer.Typer(
    name="circuits",
    cls=Told,
    help="Circuits: functions with the fewest multiplications.",
    no_args_is_help=True,
    add_completion=False,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]


@application.command(name="list")
def show_list(
    function: Annotated[
        str | None, typer.Argument(help="Of this function only, such as relu, sign or gelu.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The circuits shipped with the package, with their proven bits.

    For relu those of |x| on [-1, 1] count: the error of ReLU is half of it. Bits are −log2 of the proven
    error, rounded down (absolute; for relu on [-1, 1]; relative where a * stands).
    """
    from ..circuits.library import FILES, shipped_for
    from ..recipes.circuits import library_name
    from .report import write_json, write_text

    wanted = list(FILES)
    if function is not None:
        name = "abs" if function in ("relu", "maximum", "minimum") else library_name(function)
        if name not in FILES:
            raise ArgumentError(
                f"no circuits are shipped for {function!r}; there are some for "
                f"relu, {', '.join(FILES)}"
            )
        wanted = [name]
    rows = [_row(one) for name in wanted for one in shipped_for(name)]
    if as_json:
        write_json({"circuits": rows})
        return
    head = (
        f"{'function':12s}  {'interval':18s}  multiplications  bits (proven)  "
        "levels: published, standalone  constant products"
    )
    lines = [
        f"{row['function']:12s}  {_shown(row['interval']) + _relative(row):18s}  "
        f"{row['multiplications']:15d}  {lower_places(row['bits'], 4):>13s}  "
        f"{row['levels_published']:17d}, {row['levels_standalone']:10d}  "
        f"{row['constant_products']:17d}"
        for row in rows
    ]
    write_text("\n".join([head, *lines]))


def _relative(row: dict[str, Any]) -> str:
    return "" if row["weight"] == "1" else " *"


def _shown(interval: list[float]) -> str:
    return f"[{interval[0]:g}, {interval[1]:g}]"


def _row(one: Shipped) -> dict[str, Any]:
    from ..circuits import circuit_plan
    from ..circuits.function_plan import function_plan
    from ..plan import count

    name = one.problem.function
    if name == "abs":
        plan = circuit_plan(one.circuit, "relu", 1.0)
    elif name == "sign":
        plan = circuit_plan(one.circuit, "sign", 1.0)
    else:
        plan = function_plan(one.circuit, one.problem)
    published, standalone = count(plan), count(plan, "standalone")
    return {
        "function": "relu" if name == "abs" else name,
        "interval": list(one.problem.interval),
        "weight": one.problem.weight,
        "multiplications": one.multiplications,
        "bits": one.bits,
        "levels_published": published.levels,
        "levels_standalone": standalone.levels,
        "constant_products": published.constant_products,
        "largest_constant": one.circuit.largest_constant,
        "origin": one.origin,
    }


@application.command()
def search(
    function: Annotated[
        str, typer.Argument(help="relu, abs, maximum, minimum, sign, or an expression in x.")
    ],
    multiplications: Annotated[int, typer.Option(help="Multiplications of the circuit.")],
    interval: Annotated[
        list[str] | None, typer.Option(metavar="LOW HIGH", help="Of a smooth function: two ends, such as -8 8.")
    ] = None,
    threshold: Annotated[str | None, typer.Option(help="Of the sign: from which x on, such as 2^-4.")] = None,
    relative: Annotated[
        bool, typer.Option("--relative", help="Of a smooth function: the relative error.")
    ] = False,
    starts: Annotated[int, typer.Option(help="Trials for each number of multiplications.")] = 200,
    beam: Annotated[int, typer.Option(help="Circuits kept from stage to stage.")] = 8,
    finalists: Annotated[int, typer.Option(help="Circuits a stage fitted to the end.")] = 3,
    seed: Annotated[int, typer.Option(help="The same seed finds the same circuit.")] = 0,
    widening: Annotated[
        str,
        typer.Option(
            help="Each stage's interval is so many times wider than the one before, such as 2 (1/x: 4)."
        ),
    ] = "1",
    known: Annotated[
        Path | None,
        typer.Option("--from", help="Circuits to start from too, of any interval (as --keep writes them)."),
    ] = None,
    runner: Annotated[
        str,
        typer.Option(help="serial, joblib (several processes), dask; the result is the same."),
    ] = "serial",
    jobs: Annotated[int, typer.Option(help="Processes of joblib; -1: one a core.")] = -1,
    scheduler: Annotated[str | None, typer.Option(help="Of dask's cluster, such as tcp://host:8786.")] = None,
    record: Annotated[
        Path | None, typer.Option(help="Keep every trial here (JSON lines); an interrupted search goes on.")
    ] = None,
    guard: Annotated[
        str | None,
        typer.Option(
            help="Inputs may leave the interval by so much of its larger end; 2^-20 unless given."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the table (JSON) here.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Write the constants here, for `circuits keep`.")
    ] = None,
    every_stage: Annotated[
        bool, typer.Option("--stages", help="With --keep: the circuits of the stages before too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Search for a circuit, from nothing, and prove it.

    |x| and its kin are searched for on [-1, 1], the sign on [τ, 1].
    """
    from ..circuits.plan import FUNCTIONS
    from ..circuits.search.rounds import Settings
    from ..circuits.search.runner import runner_named
    from ..recipes.arguments import read_interval, read_threshold
    from ..recipes.circuits import library_name
    from ..recipes.guard import DEFAULT_GUARD, read_guard
    from ..recipes.searched import searched
    from ..recipes.served import weight_of
    from .options import one_interval
    from .report import show_approximation, summary, write_json

    if (threshold is None) == (function == "sign"):
        raise ArgumentError("the sign, and only the sign, needs a threshold, such as 2^-4")
    if interval is not None and (function in FUNCTIONS or function == "sign"):
        raise ArgumentError(f"{function} is searched for on [-1, 1]; leave out the interval")
    if relative and (function in FUNCTIONS or function == "sign"):
        raise ArgumentError(f"{function} is searched for with the absolute error; leave out --relative")
    name = function if function in FUNCTIONS else library_name(function)
    quoted = repr(name) if "(" in name or "*" in name else name
    place = f"--threshold {threshold} " if threshold is not None else ""
    ends: tuple[float, float] | None = None
    if name not in FUNCTIONS and threshold is None:
        if interval is None:
            raise ArgumentError(f"{function} needs an interval, such as --interval -8 8")
        ends = read_interval(one_interval(interval, "interval"))
        place = f"--interval {ends[0]!r} {ends[1]!r} {'--relative ' if relative else ''}"
    command = (
        f"polyapprox circuits search {quoted} {place}--multiplications {multiplications} "
        f"--starts {starts} --beam {beam} --finalists {finalists} --seed {seed}"
        f"{'' if widening == '1' else f' --widening {widening}'}"
        f"{'' if known is None else f' --from {known.name}'}"
        f"{'' if guard is None else f' --guard {guard}'}"
    )
    over = read_guard(DEFAULT_GUARD if guard is None else values.number(guard, "guard"))
    run = TALK.counted(runner_named(runner, jobs, scheduler=scheduler), "trials", lambda found: found[0])
    if name in FUNCTIONS:
        if widening != "1" or known is not None or every_stage:
            raise ArgumentError(
                f"{function} is searched for from nothing, on [-1, 1]: leave out --widening, --from and --stages"
            )
        settings = Settings(multiplications, starts, beam, finalists, seed)
        result = _absolute(name, settings, record, command, run, over, keep)
    else:
        if ends is None:
            ends = (read_threshold(values.number(threshold or "", "threshold")), 1.0)
        result = searched(
            name, multiplications, ends, starts=starts, seed=seed, command=command, beam=beam,
            finalists=finalists, record=record, runner=run, guard=over,
            weight=weight_of(name, None, relative, ends), keep=keep,
            widening=values.number(widening, "widening"), known=known, every_stage=every_stage,
        )  # fmt: skip
    written = [] if keep is None else [str(keep)]
    if output is not None:
        written.insert(0, put(output, result.save))
    if as_json:
        write_json({**summary(result), "files": written})
    else:
        show_approximation(result, written)


@application.command(name="keep")
def keep_found(
    file: Annotated[Path, typer.Argument(help="What `circuits search --keep` wrote.")],
    as_json: AsJson = False,
) -> None:
    """Put found circuits into the library of this package, where their proven bounds are the least."""
    from ..circuits.search.shelve import kept
    from .report import write_json, write_text

    rows = [{**_row(one), "kept": taken} for one, taken in kept(file)]
    if as_json:
        write_json({"circuits": rows})
        return
    words = {True: "kept", False: "not kept: the library holds one that is as good"}
    write_text("\n".join(
        f"{row['function']} on {_shown(row['interval'])}, {counted(row['multiplications'], 'multiplication')}, "
        f"{lower_places(row['bits'], 4)} bits (proven): {words[row['kept']]}"
        for row in rows
    ))  # fmt: skip


def _absolute(
    function: str,
    settings: Settings,
    record: Path | None,
    command: str,
    runner: Runner,
    guard: mpmath.mpf,
    keep: Path | None,
) -> Approximation:
    from ..circuits import canonical
    from ..circuits.library import ABSOLUTE
    from ..circuits.search.rounds import search as run
    from ..circuits.search.shelve import estimated_error, write_circuits
    from ..circuits.search.thin import thinned
    from ..recipes.absolute import AbsoluteWish
    from ..recipes.circuits import of_constants

    *_, last = run(settings, record, runner=runner)
    circuit = thinned(canonical(last.best.chain, "even"))
    if keep is not None:
        write_circuits(keep, [(circuit, ABSOLUTE)], command)
    wish = AbsoluteWish(function, multiplications=circuit.multiplications, guard=float(guard))
    return of_constants(wish, circuit, estimated_error(circuit), command=command)
