"""``polyapprox table export``, ``import`` and ``audit``: tables into and out of frameworks."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from ..errors import ArgumentError
from . import values
from .commands import Guard, application
from .outputs import put

if TYPE_CHECKING:
    from ..approximation import Approximation

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]
Function = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="What the table approximates, if the file does not say it."),
]
Interval = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(metavar="LOW HIGH", help="Where; repeat for several parts."),
]
Basis = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="chebyshev, monomial or monomial-odd, if nothing else says it."),
]
Degrees = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="Degrees of the stages, innermost first, for formats of one column."),
]
Name = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="Which table, if the file holds several."),
]

Order = Annotated[
    str, typer.Option(help="Of the numbers of a row: low-to-high or high-to-low.")
]
Powers = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(metavar="0,1,3,…", help="Which power of x each number belongs to."),
]
HalfWidth = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(metavar="B", help="The numbers are those of a function of x/B."),
]
Structure = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="polynomial (the function itself) or composite (stages of a sign)."),
]

Relative = Annotated[bool, typer.Option("--relative", help="Bound the relative error.")]


@application.command(name="export")
def export_table(
    table: Annotated[Path, typer.Argument(help="A table written by polyapprox.")],
    format: Annotated[str, typer.Option("--format", "-f", help="Such as openfhe or lattigo.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write; -: to standard output.")],
    form: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="plan (operation by operation) or components (coefficients)."),
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


@application.command(name="import")
def import_command(
    file: Annotated[Path, typer.Argument(help="A file with somebody's coefficients.")],
    output: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--output", "-o", help="Write the certified table (JSON) here."),
    ] = None,
    format: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--format", "-f", help="Of the file, such as lattigo or csv."),
    ] = None,
    function: Function = None,
    interval: Interval = None,
    basis: Basis = None,
    degrees: Degrees = None,
    name: Name = None,
    guard: Guard = None,
    order: Order = "low-to-high",
    powers: Powers = None,
    half_width: HalfWidth = None,
    structure: Structure = None,
    relative: Relative = False,
    as_json: AsJson = False,
) -> None:
    """Read somebody's table and certify it."""
    from .report import show_approximation, summary, write_json

    result = _read(
        file, format, function, interval, basis, degrees, name, guard, order, powers, half_width,
        structure, relative,
    )  # fmt: skip
    written = [] if output is None else [put(output, result.save)]
    if as_json:
        write_json({**summary(result), "files": written})
    else:
        show_approximation(result, written)


@application.command()
def audit(
    files: Annotated[list[Path], typer.Argument(help="Tables of polyapprox, or of others.")],
    format: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--format", "-f", help="Of files that are not tables of polyapprox."),
    ] = None,
    function: Function = None,
    interval: Interval = None,
    basis: Basis = None,
    degrees: Degrees = None,
    name: Name = None,
    guard: Guard = None,
    order: Order = "low-to-high",
    powers: Powers = None,
    half_width: HalfWidth = None,
    structure: Structure = None,
    relative: Relative = False,
    as_json: AsJson = False,
) -> None:
    """Print one page about each table: what it truly does, and what would do more for less."""
    from ..auditing import audit as examine
    from .report import write_json, write_text

    given = function, interval, basis, degrees, name, guard, order, powers, half_width, structure, relative
    pages = [examine(_read(file, format, *given)) for file in files]
    if as_json:
        write_json([_document(found) for found in pages])
    else:
        write_text("\n\n".join(found.text() for found in pages))


def _document(found: Any) -> dict[str, Any]:
    return {**asdict(found), "leaving": list(found.leaving), "conclusion": found.conclusion}


def _read(
    file: Path,
    format: str | None,
    function: str | None,
    interval: list[str] | None,
    basis: str | None,
    degrees: str | None,
    name: str | None,
    guard: str | None,
    order: str,
    powers: str | None,
    half_width: str | None,
    structure: str | None,
    relative: bool,
) -> Approximation:
    from ..importing import import_table

    return import_table(
        file,
        format=format,
        function=function,
        interval=values.domain(interval) if interval else None,
        basis=basis,
        degrees=values.degrees(degrees) or (),
        name=name,
        order=order,
        powers=values.degrees(powers) or (),
        half_width=values.optional_number(half_width, "half-width"),
        structure=structure,
        relative=relative,
        **values.guard(guard),
    )
