# SPDX-License-Identifier: Apache-2.0
"""The commands: each reads its options, calls one function of the library, reports."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ..approximation import Approximation
from ..errors import ArgumentError
from ..provenance import version
from . import circuits
from .groups import Commands
from .outputs import put
from .running import FALSE_CLAIM

application = typer.Typer(
    name="polyapprox",
    cls=Commands,
    help="Polynomial approximation for computing on encrypted data.",
    no_args_is_help=True,
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
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="Nothing but errors, files and JSON; may stand anywhere."),
    ] = False,
) -> None:
    """Read what stands before the command."""

Backend = Annotated[
    str | None, typer.Option(help="Whose latency: openfhe, or a file (.json) written by calibrate.")
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write the table (JSON) here; -: to standard output.")
]
Plots = Annotated[
    list[Path] | None, typer.Option("--plot", help="Draw the error: .png, .svg or .pdf; may be repeated.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]
Table = Annotated[Path, typer.Argument(help="A table written by polyapprox.")]


def check_plots(paths: list[Path] | None) -> None:
    """Refuse a figure that cannot be drawn before anything is computed or written."""
    from ..plot.figure import kind_of

    for path in paths or []:
        kind_of(path)


def deliver(
    result: Approximation, output: Output = None, plot: Plots = None, as_json: AsJson = False
) -> None:
    """Write, draw and print what a recipe made."""
    from .report import show_approximation, summary, write_json

    written = []
    for path in plot or []:
        result.plot(path)
        written.append(str(path))
    if output is not None:
        written.insert(0, put(output, result.save))
    if as_json:
        write_json({**summary(result), "files": written})
    else:
        show_approximation(result, written)


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

    check_plots(output)
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


@application.command(name="export")
def export_table(
    table: Table,
    format: Annotated[str, typer.Option("--format", "-f", help="Such as openfhe or lattigo.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write; -: to standard output.")],
    form: Annotated[
        str | None, typer.Option(help="plan (operation by operation) or components (coefficients).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a table in the convention of a framework."""
    from ..table import load
    from .refresh import is_series
    from .report import write_json, write_text

    if form not in (None, "plan", "components"):
        raise ArgumentError(f"form must be 'plan' or 'components'; got {form!r}")
    if is_series(table):
        from ..refresh.table import load as load_series

        if form is not None:
            raise ArgumentError("a function inside the bootstrap has one form; leave out --form")
        written = put(output, lambda path: load_series(table).export(format, path))
    else:
        written = put(output, lambda path: load(table).export(format, path, form=form))  # type: ignore[arg-type]
    if as_json:
        write_json({"files": [written]})
    else:
        write_text(f"written {written}")


@application.command()
def compare(
    alpha: Annotated[
        list[int] | None, typer.Option(help="4 to 14; may be repeated; by default all of them.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the rows (JSON) here.")] = None,
    plot: Annotated[
        list[Path] | None, typer.Option("--plot", help="Draw precision against cost; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Our ReLU beside the published composites r_alpha."""
    from ..comparison import RULE, compare_with_published
    from ..published.composites import ALPHAS
    from .report import show_comparison, write_json

    check_plots(plot)
    rows = compare_with_published(tuple(alpha or ALPHAS))
    content = {"rule": RULE, "rows": [asdict(row) for row in rows]}
    for path in plot or []:
        from ..plot import pareto

        pareto(path, rows=rows)
    if output is not None:
        put(output, lambda path: _write(path, json.dumps(content, indent=1) + "\n"))
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
