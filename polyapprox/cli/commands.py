"""The commands: each reads its options, calls one function of the library, reports."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from ..approximation import Approximation
from ..errors import ArgumentError
from ..provenance import version
from . import circuits, values

application = typer.Typer(
    name="polyapprox",
    help="Polynomial approximation for computing on encrypted data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
application.add_typer(circuits.application)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"polyapprox {version()}")
        raise typer.Exit


@application.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Read what stands before the command."""

Precision = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="Error on the interval scaled to [-1, 1], such as 2^-9."),
]
Tolerance = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="Absolute error, such as 0.01 (instead of --precision)."),
]
Interval = Annotated[
    tuple[str, str],
    typer.Option(
        help="Where the input lies; -1 1 unless given.", metavar="LOW HIGH", show_default=False
    ),
]
Structure = Annotated[str, typer.Option(help="auto, direct, composite or circuit.")]
Objective = Annotated[str, typer.Option(help="balanced, levels, multiplications or latency.")]
Multiplications = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(help="At most so many multiplications; alone: the most precise circuit."),
]
Levels = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(help='At most so many levels (rule "published").'),
]
Backend = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="Whose latency: openfhe, or a file (.json) written by calibrate."),
]
Degrees = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="Odd degrees of the stages, innermost first, such as 15,15."),
]
Offset = Annotated[
    bool, typer.Option("--offset/--no-offset", help="Whether a constant may be added at the end.")
]
Refine = Annotated[
    Optional[bool],  # noqa: UP045
    typer.Option("--refine/--no-refine", help="Refine all coefficients of a composite together."),
]
Threshold = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="From which |x|, relative to the interval, the sign is made to hold."),
]
Guard = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        help="Inputs may leave the interval by so much of its larger end; 2^-20 unless given, 0: "
        "not at all."
    ),
]
Output = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--output", "-o", help="Write the table (JSON) here."),
]
Plots = Annotated[
    Optional[list[Path]],  # noqa: UP045
    typer.Option("--plot", help="Draw the error: .png, .svg or .pdf; may be repeated."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]
Table = Annotated[Path, typer.Argument(help="A table written by polyapprox.")]


@application.command()
def relu(
    precision: Precision = None,
    tolerance: Tolerance = None,
    interval: Interval = ("-1", "1"),
    structure: Structure = "auto",
    objective: Objective = "balanced",
    degrees: Degrees = None,
    offset: Offset = True,
    refine: Refine = None,
    threshold: Threshold = None,
    multiplications: Multiplications = None,
    levels: Levels = None,
    backend: Backend = None,
    guard: Guard = None,
    output: Output = None,
    plot: Plots = None,
    as_json: AsJson = False,
) -> None:
    """ReLU, max(x, 0)."""
    from ..recipes.absolute import relu as recipe

    _absolute_like(
        recipe, precision, tolerance, interval, structure, objective, degrees, offset, refine,
        threshold, multiplications, levels, backend, guard, output, plot, as_json,
    )  # fmt: skip


@application.command(name="abs")
def absolute(
    precision: Precision = None,
    tolerance: Tolerance = None,
    interval: Interval = ("-1", "1"),
    structure: Structure = "auto",
    objective: Objective = "balanced",
    degrees: Degrees = None,
    offset: Offset = True,
    refine: Refine = None,
    threshold: Threshold = None,
    multiplications: Multiplications = None,
    levels: Levels = None,
    backend: Backend = None,
    guard: Guard = None,
    output: Output = None,
    plot: Plots = None,
    as_json: AsJson = False,
) -> None:
    """The absolute value |x|."""
    from ..recipes.absolute import absolute as recipe

    _absolute_like(
        recipe, precision, tolerance, interval, structure, objective, degrees, offset, refine,
        threshold, multiplications, levels, backend, guard, output, plot, as_json,
    )  # fmt: skip


def _absolute_like(
    recipe: Callable[..., Approximation],
    precision: str | None,
    tolerance: str | None,
    interval: tuple[str, str],
    structure: str,
    objective: str,
    degrees: str | None,
    offset: bool,
    refine: bool | None,
    threshold: str | None,
    multiplications: int | None,
    levels: int | None,
    backend: str | None,
    guard: str | None,
    output: Path | None,
    plot: list[Path] | None,
    as_json: bool,
) -> None:
    _check_plots(plot)
    result = recipe(
        precision=values.optional_number(precision, "precision"),
        tolerance=values.optional_number(tolerance, "tolerance"),
        interval=values.interval(interval),
        structure=structure,
        objective=objective,
        degrees=values.degrees(degrees),
        offset=offset,
        refine=refine,
        threshold=values.optional_number(threshold, "threshold"),
        multiplications=multiplications,
        levels=levels,
        backend=values.backend(backend),
        **values.guard(guard),
    )
    _deliver(result, output, plot, as_json)


@application.command()
def sign(
    precision: Precision = None,
    tolerance: Tolerance = None,
    interval: Interval = ("-1", "1"),
    threshold: Threshold = None,
    degrees: Degrees = None,
    objective: Objective = "balanced",
    backend: Backend = None,
    guard: Guard = None,
    output: Output = None,
    plot: Plots = None,
    as_json: AsJson = False,
) -> None:
    """The sign of x, outside a gap around 0."""
    from ..recipes.sign import sign as recipe

    _check_plots(plot)
    result = recipe(
        precision=values.optional_number(precision, "precision"),
        tolerance=values.optional_number(tolerance, "tolerance"),
        interval=values.interval(interval),
        threshold=values.optional_number(threshold, "threshold"),
        degrees=values.degrees(degrees),
        objective=objective,  # type: ignore[arg-type]
        backend=values.backend(backend),
        **values.guard(guard),
    )
    _deliver(result, output, plot, as_json)


@application.command()
def minimax(
    expression: Annotated[
        str, typer.Argument(help='A function of x, such as "exp(x)" or "0-x^2".')
    ],
    degree: Annotated[Optional[int], typer.Option(help="Degree.")] = None,  # noqa: UP045
    precision: Precision = None,
    tolerance: Tolerance = None,
    interval: Interval = ("-1", "1"),
    domain: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(metavar="LOW:HIGH", help="A part of the domain; repeat for several."),
    ] = None,
    weight: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Weight of the error, an expression in x."),
    ] = None,
    relative: Annotated[bool, typer.Option("--relative", help="The relative error.")] = False,
    parity: Annotated[Optional[str], typer.Option(help="even or odd.")] = None,  # noqa: UP045
    bits: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, help="Significant bits of the coefficients."),
    ] = None,
    guard: Guard = None,
    output: Output = None,
    plot: Plots = None,
    as_json: AsJson = False,
) -> None:
    """The best polynomial for an expression."""
    from ..recipes.minimax import minimax as recipe

    _check_plots(plot)
    result = recipe(
        expression,
        degree,
        precision=values.optional_number(precision, "precision"),
        tolerance=values.optional_number(tolerance, "tolerance"),
        domain=values.domain(domain, interval),
        weight=weight,
        relative=relative,
        parity=parity,  # type: ignore[arg-type]
        bits=bits,
        **values.guard(guard),
    )
    _deliver(result, output, plot, as_json)


def _check_plots(paths: list[Path] | None) -> None:
    """Refuse a figure that cannot be drawn before anything is computed or written."""
    from ..plot.figure import kind_of

    for path in paths or []:
        kind_of(path)


def _deliver(
    result: Approximation, output: Path | None, plots: list[Path] | None, as_json: bool
) -> None:
    from .report import show_approximation, summary, write_json

    written = []
    if output is not None:
        written.append(str(result.save(output)))
    for path in plots or []:
        result.plot(path)
        written.append(str(path))
    if as_json:
        write_json({**summary(result), "files": written})
    else:
        show_approximation(result, written)


FALSE_CLAIM = 1  # exit code; 2 is for bad use


@application.command()
def verify(table: Table, as_json: AsJson = False) -> None:
    """Prove the bound of a table again, from the file alone: exit code 1 if its claim is false."""
    from ..errors import FalseClaimError
    from ..refresh.table import verify as check_series
    from ..verification import verify as check
    from .refresh import is_series
    from .report import refutation, show_verification, write_json

    try:
        found = check_series(table) if is_series(table) else check(table)
    except FalseClaimError as error:
        if not as_json:
            raise
        write_json({"table": str(table), **refutation(error)})
        raise typer.Exit(FALSE_CLAIM) from None
    if as_json:
        write_json({"table": str(table), **asdict(found)})
    else:
        show_verification(str(table), found)


@application.command()
def show(
    table: Table,
    plan: Annotated[bool, typer.Option("--plan", help="Print the operations of the plan.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print what a table holds."""
    from ..table import load
    from .refresh import is_series

    if is_series(table):
        from ..refresh.table import load as load_series
        from .refresh import deliver

        if plan:
            raise ArgumentError("a function inside the bootstrap has no plan; leave out --plan")
        deliver(load_series(table), as_json=as_json)
        return
    from .report import show_approximation, summary, write_json, write_text

    result = load(table)
    if as_json:
        operations = {"plan": str(result.plan).splitlines()} if plan else {}
        write_json({**summary(result), **operations})
        return
    show_approximation(result)
    if plan:
        write_text(f"\n{result.plan}")


@application.command(name="plot")
def plot_table(
    table: Table,
    output: Annotated[
        list[Path], typer.Option("--output", "-o", help=".png, .svg or .pdf; may be repeated.")
    ],
    stages: Annotated[
        bool, typer.Option("--stages", help="Draw the stages of a composite instead.")
    ] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Draw the operations with levels and constants instead.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Draw the error of a table, its stages, or its plan."""
    from .. import plot as figures
    from ..table import load
    from .report import write_json, write_text

    _check_plots(output)
    result = load(table)
    draw: Callable[[Approximation, Path], Any] = figures.stages if stages else figures.error_curve
    for path in output:
        if plan:
            figures.plan_graph(result.plan, path)
        else:
            draw(result, path)
    if as_json:
        write_json({"files": [str(path) for path in output]})
    else:
        write_text("\n".join(f"written {path}" for path in output))


@application.command()
def compare(
    alpha: Annotated[
        Optional[list[int]],  # noqa: UP045
        typer.Option(help="4 to 14; may be repeated; by default all of them."),
    ] = None,
    output: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--output", "-o", help="Write the rows (JSON) here."),
    ] = None,
    plot: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Option("--plot", help="Draw precision against cost; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Our ReLU beside the published composites r_alpha."""
    from ..comparison import RULE, compare_with_published
    from ..published.composites import ALPHAS
    from .report import show_comparison, write_json

    _check_plots(plot)
    rows = compare_with_published(tuple(alpha or ALPHAS))
    content = {"rule": RULE, "rows": [asdict(row) for row in rows]}
    if output is not None:
        _write(output, json.dumps(content, indent=1) + "\n")
    for path in plot or []:
        from ..plot import pareto

        pareto(path, rows=rows)
    if as_json:
        write_json(content)
    else:
        show_comparison(rows)


def _write(path: Path, text: str) -> None:
    from ..files import write_atomically

    try:
        write_atomically(path, text.encode())
    except OSError as error:
        raise ArgumentError(f"cannot write {path}: {error.strerror or error}") from error
